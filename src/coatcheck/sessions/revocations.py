"""Which sessions have ended before their tokens, known in memory and at once in every process.

A token is checked without a query: what has ended is in a set that the feed keeps (database.changes).
While the feed does not know, the database is asked: slower, never wrong.
"""

from collections.abc import Callable
from typing import Any, Literal

from coatcheck.database import Database
from coatcheck.keys import CHANNEL, Keyring
from coatcheck.sessions import statements
from coatcheck.sessions.ending import ENDED

# Kept so long after the last token has expired: a clock that jumps an hour, or a lowered setting, forgets nothing.
KEPT_SECONDS = 7_200


class Revocations:
    """The sessions that have ended, and the news of keys, which come by the same feed.

    clock: seconds since 1970, UTC.
    """

    def __init__(self, database: Database, keys: Keyring, *, clock: Callable[[], float]) -> None:
        self._database = database
        self._keys = keys
        self._clock = clock
        self._ended: dict[str, float] = {}
        self._after = 0
        self._current = False
        self._changes = database.changes(CHANNEL, log=statements.NEWS, rows=self._read, message=self._hear)

    def start(self) -> None:
        """Begin to listen; without it the first request does."""
        self._changes.start()

    async def close(self) -> None:
        """Listen no longer."""
        await self._changes.close()

    async def look(self) -> bool:
        """Take in the news, of keys too. Whether `ended` knows now; else `ask`. Raises DatabaseUnavailable."""
        self._current = await self._changes.current()
        if self._current:
            await self._keys.fresh()
        return self._current

    async def catch_up(self) -> None:
        """Know the keys as they are now: before something is signed. Raises DatabaseUnavailable."""
        if not await self.look():
            await self.ask_keys()

    async def ask_keys(self) -> None:
        """Know the keys as they are now, by the database itself. Raises DatabaseUnavailable."""
        await self.ask("")

    def ended(self, session_id: str) -> bool:
        """Whether this session has ended, as far as the feed has told."""
        return session_id in self._ended

    async def ask(self, session_id: str) -> bool:
        """Whether this session has ended, by the database itself. Raises DatabaseUnavailable."""
        row = await self._database.one(statements.ASK, {"session_id": session_id})
        self._keys.told(row.revision)
        await self._keys.fresh()
        if row.ended_until is None:
            return False
        # Noted: the feed may be known to be current again, up to a moment before this end.
        self._ended[session_id] = row.ended_until.timestamp()
        return True

    @property
    def state(self) -> Literal["current", "asking the database"]:
        """How the last request was answered, for /ready."""
        return "current" if self._current else "asking the database"

    def forget(self) -> None:
        """Let go of what has expired long ago."""
        before = self._clock() - KEPT_SECONDS
        # The feed's thread adds meanwhile; a list of the items is made in one step.
        for session_id, expires_at in list(self._ended.items()):
            if expires_at < before:
                self._ended.pop(session_id, None)

    def _read(self, rows: list[Any]) -> int:
        """Rows of the log; the last one tells of the keys. Only adds: entries leave by age."""
        after = self._after
        for row in rows:
            if row.id:
                self._ended[row.about] = row.expires_at.timestamp()
                after = max(after, row.id)
            else:
                self._keys.told(int(row.about))
        self._after = after
        return after

    def _hear(self, text: str) -> None:
        for line in text.splitlines():
            kind, *about = line.split(" ")
            if kind == ENDED:
                self._ended[about[0]] = float(about[1])
            else:
                self._keys.told(int(about[0]))
