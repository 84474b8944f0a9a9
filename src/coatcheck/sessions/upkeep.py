"""What a process does beside its requests: note who was seen, erase what served its time, forget what expired."""

import asyncio
import logging
import math
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from itertools import islice

from coatcheck.database import Alarm, Database, DatabaseUnavailable
from coatcheck.sessions import refresh_statements, statements
from coatcheck.sessions.revocations import KEPT_SECONDS, Revocations
from coatcheck.sessions.statements import IDS_A_STATEMENT

WINDOW_SECONDS = 10  # so long a refresh token that was just used gets its successor again
ROUND_SECONDS = 30
ERASING_SECONDS = 2  # between two erasures while tokens are exchanged without a pause
A_MOMENT = 0.1
MINUTE = 60
LAST_ROUND_SECONDS = 0.15  # a server that is stopped has a second for everything
DIFFERENT_CLOCKS_SECONDS = 0.001
LOGGER = logging.getLogger("coatcheck.sessions")


def seconds_ahead(clock: Callable[[], float]) -> float:
    """How far a clock is ahead of the machine's: 0, unless it is a test's that was moved."""
    ahead = clock() - time.time()
    return ahead if abs(ahead) > DIFFERENT_CLOCKS_SECONDS else 0.0


class Upkeep:
    """Small writes, in tasks of their own that no request waits for, also when no other request comes.

    A session that was seen is noted in memory, which costs a request nothing, and written within half a
    minute, to the minute. clock: seconds since 1970, UTC.
    """

    def __init__(self, database: Database, revocations: Revocations, *, clock: Callable[[], float]) -> None:
        self._database = database
        self._revocations = revocations
        self._clock = clock
        self._seen: dict[str, int] = {}
        self._rounds = Alarm(self._round_after_round)
        self._erasures = Alarm(self._erase_until_none_is_left)
        self._rotated_at = -math.inf

    def start(self) -> None:
        """Also erase what a process has left that was killed."""
        self.rotated()

    def saw(self, session_id: str, now: float) -> None:
        """Note that a session was used; it is written by the next round."""
        self._seen[session_id] = int(now)
        self._rounds.within(ROUND_SECONDS)

    def last_seen(self, session_id: str) -> int | None:
        """When this process saw a session and has not written so yet, in seconds since 1970."""
        return self._seen.get(session_id)

    def rotated(self) -> None:
        """A refresh token was exchanged: what made its successor is erased when its 10 s are over."""
        self._rotated_at = time.monotonic()
        self._erasures.within(WINDOW_SECONDS + A_MOMENT)

    async def finish(self) -> None:
        """The last round, as far as it comes in 0.15 s. What hangs then ends with its connection."""
        self._rounds.off()
        self._erasures.off()
        under_way = {work for alarm in (self._rounds, self._erasures) if (work := alarm.running) is not None}
        last = asyncio.create_task(self.round())
        # Not asyncio.timeout: psycopg answers a cancellation by waiting up to 10 s for a silent server.
        _, hanging = await asyncio.wait({last, *under_way}, timeout=LAST_ROUND_SECONDS)
        if hanging:
            LOGGER.info("When sessions were last seen was not written: the database takes too long.")
        if last.done():
            last.result()

    async def round(self) -> None:
        """Write what was seen, erase and forget."""
        seen, self._seen = self._seen, {}
        try:
            await self._write(seen)
            await self._erase()
            self._revocations.forget()
            await self._database.execute(
                statements.FORGET_REVOCATIONS, {"before": as_moment(int(self._clock()) - KEPT_SECONDS)}
            )
        except DatabaseUnavailable:
            self._seen = {**seen, **self._seen}

    async def _round_after_round(self) -> None:
        await self.round()
        if self._seen:
            self._rounds.within(ROUND_SECONDS)

    async def _erase_until_none_is_left(self) -> None:
        began = time.monotonic()
        wait: float = ERASING_SECONDS
        try:
            await self._erase()
        except DatabaseUnavailable:
            self._rotated_at, wait = time.monotonic(), ROUND_SECONDS
        if self._rotated_at > began - WINDOW_SECONDS:
            self._erasures.within(wait)

    async def _erase(self) -> None:
        await self._database.execute(
            refresh_statements.ERASE, {"window_begins": seconds_ahead(self._clock) - WINDOW_SECONDS}
        )

    async def _write(self, seen: dict[str, int]) -> None:
        """One statement for a hundred sessions that were seen in the same minute."""
        by_minute: dict[int, list[str]] = {}
        for session_id, moment in seen.items():
            by_minute.setdefault(moment - moment % MINUTE, []).append(session_id)
        for minute, ids in by_minute.items():
            waiting = iter(ids)
            while some := list(islice(waiting, IDS_A_STATEMENT)):
                await self._database.execute(statements.SEEN, {"moment": as_moment(minute), **_numbered(some)})


def _numbered(ids: Sequence[str]) -> dict[str, str]:
    """The statement has a hundred places; the last id fills those that are left."""
    return {f"id_{place}": ids[min(place, len(ids) - 1)] for place in range(IDS_A_STATEMENT)}


def as_moment(seconds: float) -> datetime:
    """Seconds since 1970, as the database keeps them."""
    return datetime.fromtimestamp(seconds, UTC)
