"""What a process does beside its requests: note who was seen, erase what served its time, forget what expired."""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from itertools import islice

from coatcheck.database import Database, DatabaseUnavailable
from coatcheck.sessions import refresh_statements, statements
from coatcheck.sessions.revocations import KEPT_SECONDS, Revocations
from coatcheck.sessions.statements import IDS_A_STATEMENT

WINDOW_SECONDS = 10  # so long a refresh token that was just used gets its successor again
ROUND_SECONDS = 30
MINUTE = 60
LAST_ROUND_SECONDS = 0.3  # a server that is stopped has a second
DIFFERENT_CLOCKS_SECONDS = 0.001
LOGGER = logging.getLogger("coatcheck.sessions")


def seconds_ahead(clock: Callable[[], float]) -> float:
    """How far a clock is ahead of the machine's: 0, unless it is a test's that was moved."""
    ahead = clock() - time.time()
    return ahead if abs(ahead) > DIFFERENT_CLOCKS_SECONDS else 0.0


class Upkeep:
    """Rounds of small writes, in a task that a request starts and does not wait for.

    A session that was seen is noted in memory, which costs a request nothing, and written by the next
    round, to the minute. clock: seconds since 1970, UTC.
    """

    def __init__(self, database: Database, revocations: Revocations, *, clock: Callable[[], float]) -> None:
        self._database = database
        self._revocations = revocations
        self._clock = clock
        self._seen: dict[str, int] = {}
        self._next_round = time.monotonic() + ROUND_SECONDS
        self._task: asyncio.Task[None] | None = None
        self._erasing: asyncio.TimerHandle | None = None

    def saw(self, session_id: str, now: float) -> None:
        """Note that a session was used; start a round if one is due."""
        self._seen[session_id] = int(now)
        if time.monotonic() >= self._next_round:
            self._next_round = time.monotonic() + ROUND_SECONDS
            self._start()

    def last_seen(self, session_id: str) -> int | None:
        """When this process saw a session and has not written so yet, in seconds since 1970."""
        return self._seen.get(session_id)

    def rotated(self) -> None:
        """A refresh token was exchanged: what made its successor is erased when its 10 s are over."""
        loop = asyncio.get_running_loop()
        if self._erasing is None or self._erasing.cancelled() or self._erasing.when() < loop.time():
            self._erasing = loop.call_later(WINDOW_SECONDS, self._start)

    async def finish(self) -> None:
        """The last round, as far as it comes in 0.3 s."""
        if self._erasing is not None:
            self._erasing.cancel()
        try:
            async with asyncio.timeout(LAST_ROUND_SECONDS):
                await self.round()
        except TimeoutError:
            LOGGER.info("When sessions were last seen was not written: the database takes too long.")

    async def round(self) -> None:
        """Write what was seen, erase and forget."""
        seen, self._seen = self._seen, {}
        try:
            await self._write(seen)
            await self._database.execute(
                refresh_statements.ERASE, {"window_begins": seconds_ahead(self._clock) - WINDOW_SECONDS}
            )
            self._revocations.forget()
            await self._database.execute(
                statements.FORGET_REVOCATIONS, {"before": _moment(int(self._clock()) - KEPT_SECONDS)}
            )
        except DatabaseUnavailable:
            self._seen = {**seen, **self._seen}

    async def _write(self, seen: dict[str, int]) -> None:
        """One statement for a hundred sessions that were seen in the same minute."""
        by_minute: dict[int, list[str]] = {}
        for session_id, moment in seen.items():
            by_minute.setdefault(moment - moment % MINUTE, []).append(session_id)
        for minute, ids in by_minute.items():
            waiting = iter(ids)
            while some := list(islice(waiting, IDS_A_STATEMENT)):
                await self._database.execute(statements.SEEN, {"moment": _moment(minute), **_numbered(some)})

    def _start(self) -> None:
        if self._task is None or self._task.done() or self._task.get_loop().is_closed():
            self._task = asyncio.get_running_loop().create_task(self.round())


def _numbered(ids: Sequence[str]) -> dict[str, str]:
    """The statement has a hundred places; the last id fills those that are left."""
    return {f"id_{place}": ids[min(place, len(ids) - 1)] for place in range(IDS_A_STATEMENT)}


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
