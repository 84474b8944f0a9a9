"""Until when everything is known: a notification sent through the database, which must come back."""

import asyncio
import itertools
import math
import secrets
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial

from coatcheck.database.postgresql_direct import LOST, Connection, answered, connected

BEAT_SECONDS = 0.25
OVERDUE_SECONDS = 1.5
UNASKED_SECONDS = 10.0
RECONNECT_SECONDS = 0.25
NEVER = -math.inf
NOTIFY = b"SELECT pg_notify(%s, %s)"


# A clock that nobody sets. Linux stops its monotonic one in suspend: a machine that wakes up after an
# hour would take what it knew before for a moment old.
now: Callable[[], float] = (
    partial(time.clock_gettime, time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic
)


class Heartbeat:
    """Sends NOTIFY on a channel of its own, and is told when that came back on the listening connection.

    Whether the listening connection still hears cannot be seen on it: a cut one reports itself open,
    and a pooler drops LISTEN silently. Notifications arrive in the order of their commits, so when
    one comes back, everything committed before it was sent has arrived too.

    known_at: the moment before which everything is known. asked_at: when somebody last wanted to
    know; both are read and set by other threads. Without questions for UNASKED_SECONDS it pauses.
    """

    def __init__(self, url: str) -> None:
        self.channel = f"coatcheck_{secrets.token_hex(8)}"
        self.known_at = NEVER
        self.asked_at = now()
        self.paused = False
        self.wake = asyncio.Event()
        self._url = url
        self._numbers = itertools.count(1)
        self._sent: dict[int, float] = {}
        self._heard = False

    def somebody_listens(self) -> None:
        """A listening connection has everything up to now: what is sent from here on counts."""
        self._sent.clear()
        self._heard = True
        self.wake.set()

    def nobody_listens(self) -> None:
        """Nothing is known any more."""
        self._heard = False
        self.known_at = NEVER
        self._sent.clear()

    def came_back(self, number: str) -> None:
        """This one was heard, after everything that was committed before it."""
        sent_at = self._sent.get(int(number))
        if sent_at is None:
            return
        self._sent = {later: at for later, at in self._sent.items() if later > int(number)}
        # While it pauses nobody asks, and the next question is to wake it.
        if not self.paused:
            self.known_at = sent_at

    def is_overdue(self) -> bool:
        """Whether the database has confirmed one that should have been heard by now."""
        return any(now() - at > OVERDUE_SECONDS for at in self._sent.values())

    async def beat(self) -> None:
        """Go on until cancelled."""
        connection: Connection | None = None
        try:
            while True:
                if self._nobody_asks():
                    await self._pause()
                    continue
                if self._heard:
                    connection = await self._send(connection)
                await self._rest(BEAT_SECONDS)
        finally:
            if connection is not None:
                connection.pgconn.finish()

    async def _pause(self) -> None:
        self.paused, self.known_at = True, NEVER
        # Looked at again: who asked just before may have seen that it did not pause, and woken nobody.
        if self._nobody_asks():
            await self._rest(None)
        self.paused = False

    def _nobody_asks(self) -> bool:
        return now() - self.asked_at > UNASKED_SECONDS

    async def _rest(self, seconds: float | None) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.wake.wait()
        self.wake.clear()

    async def _send(self, connection: Connection | None) -> Connection | None:
        """One beat; the connection to use for the next, if it is still good."""
        used = connection is not None
        number = next(self._numbers)
        try:
            connection = connection or await connected(self._url)
            self._sent[number] = now()
            await answered(connection, NOTIFY, (self.channel, str(number)))
        except LOST:
            self._sent.pop(number, None)
            if connection is not None:
                connection.pgconn.finish()
            if used:
                self.wake.set()  # a pooler may have closed it while it rested: once more, at once
            return None
        return connection
