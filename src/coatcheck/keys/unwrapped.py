"""The keys in the rows, opened once each and kept."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from coatcheck.keys.secret import WrongSecret
from coatcheck.keys.secrets import Secrets
from coatcheck.keys.statements import SIGNING
from coatcheck.problems import StartRefused
from coatcheck.tokens import SigningKey

LOGGER = logging.getLogger("coatcheck")


class UnknownKind(Exception):
    """A signing key of an algorithm that this program has not heard of, or a symmetric one."""


class Unwrapped:
    """Keys by their ids. A row that is wrapped anew is not opened again: its key is the same.

    read: gives the secrets. Asked again when a row does not open, since a local program's may have
    been changed meanwhile.
    """

    def __init__(self, read: Callable[[], Secrets], secrets: Secrets) -> None:
        self._read = read
        self.secrets = secrets
        self._keys: dict[str, SigningKey | bytes] = {}

    def signing(self, key_id: str) -> SigningKey | None:
        """The signing key of this id, if it could be opened."""
        key = self._keys.get(key_id)
        return key if isinstance(key, SigningKey) else None

    def data(self, key_id: str) -> bytes | None:
        """The data key of this id, if it could be opened."""
        key = self._keys.get(key_id)
        return key if isinstance(key, bytes) else None

    async def read_again(self) -> None:
        """The secrets, from where they come: a file may hold another by now."""
        with suppress(StartRefused):  # a file that is gone is for the next start to complain about
            self.secrets = await asyncio.to_thread(self._read)

    async def open_all(self, rows: list[Any], *, strict: bool) -> None:
        """Open what is new. Raises, if strict, WrongSecret or UnknownKind; else what stays closed is logged."""
        new = [row for row in rows if row.key_id not in self._keys]
        if any(not self._opens(row) for row in new):
            await self.read_again()
        closed: WrongSecret | UnknownKind | None = None
        for row in new:
            try:
                self._open(row)
            except (WrongSecret, UnknownKind) as error:
                if strict:
                    raise
                closed = error
        if closed is not None:
            # The others still serve, those that come after it too, and a revocation among the rows takes effect.
            LOGGER.error(
                "A new key cannot be opened, and this server goes on without it. Restart it with the secret that "
                "wraps the keys now in COATCHECK_SECRET, or with the version that made the key.",
                exc_info=closed,
            )

    def _opens(self, row: Any) -> bool:
        try:
            self.secrets.opener(row)
        except WrongSecret:
            return False
        return True

    def _open(self, row: Any) -> None:
        _, private = self.secrets.opener(row)
        self._keys[row.key_id] = _signing_key(row, private) if row.purpose == SIGNING else private


def _signing_key(row: Any, private: bytes) -> SigningKey:
    try:
        key = SigningKey.from_private(row.algorithm, private)
    except ValueError:
        raise UnknownKind from None
    if key.id != row.key_id:
        raise UnknownKind
    return key
