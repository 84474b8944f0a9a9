"""The secrets under which rows may be wrapped: one, or two while it is being changed."""

from typing import Any

from coatcheck.keys.secret import Secret, WrongSecret


class Secrets:
    """Secrets that are tried in turn.

    current: the one that everything shall be wrapped under. others: what rows may still be, or may
    already be, wrapped under while the secret is being changed.
    """

    def __init__(self, current: Secret, *others: Secret) -> None:
        self.current = current
        self.others = others

    def opener(self, row: Any) -> tuple[Secret, bytes]:
        """Which of them opens a row of coatcheck_keys, and the key in it. Raises WrongSecret: none."""
        for secret in (self.current, *self.others):
            try:
                return secret, opened(secret, row)
            except WrongSecret:
                continue
        raise WrongSecret


def opened(secret: Secret, row: Any) -> bytes:
    """The key in a row of coatcheck_keys. Raises WrongSecret."""
    return secret.unwrap(row.wrapped, purpose=row.purpose, key_id=row.key_id, algorithm=row.algorithm)
