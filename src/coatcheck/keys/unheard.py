"""Ids that tokens have named and that no key has, remembered for a moment."""

import time

SECONDS = 1.0  # a key that is made meanwhile waits no longer than for the news of it
MOST = 1_000


class Unheard:
    """So that one forged token, sent again and again, does not ask the database each time."""

    def __init__(self) -> None:
        self._asked_at: dict[str, float] = {}

    def __contains__(self, key_id: object) -> bool:
        asked_at = self._asked_at.get(key_id) if isinstance(key_id, str) else None
        # Not the clock that tests and administrators move: set back, it would keep a new key out for as long.
        return asked_at is not None and time.monotonic() - asked_at < SECONDS

    def add(self, key_id: str) -> None:
        """The database knows no such key, as of now."""
        if len(self._asked_at) >= MOST:
            self._asked_at.clear()
        self._asked_at[key_id] = time.monotonic()
