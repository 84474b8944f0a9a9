"""Connections to PostgreSQL, for whichever event loop is running."""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg.pq import TransactionStatus

from coatcheck.database.errors import DatabaseUnavailable

CONNECTIONS = 10
ATTEMPTS = 2  # a broken connection takes the idle ones along, so the next one is new
CONNECT_SECONDS = 2
LIFE_SECONDS = 3_600  # a server grows with what a session has seen
# A server that vanished without a word (power, a cut cable) is noticed in seconds, not by the
# system's defaults of two hours for silence and a quarter of an hour for what was sent. A URL's own
# settings are overridden.
LIVENESS: dict[str, Any] = {
    "connect_timeout": CONNECT_SECONDS,
    "keepalives_idle": 2,
    "keepalives_interval": 1,
    "keepalives_count": 3,
    "tcp_user_timeout": 5_000,  # milliseconds
}
STATEMENT_USES_BEFORE_PREPARED = 5

Connection = psycopg.AsyncConnection[Any]


@dataclass
class OfOneLoop:
    """The connections of one event loop: the idle ones, the last used first, and how many places are left."""

    idle: list[tuple[Connection, float]] = field(default_factory=list[tuple[Connection, float]])
    places: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(CONNECTIONS))

    def close(self) -> None:
        """Close the idle ones; also where the loop is gone and nothing can be awaited any more."""
        while self.idle:
            connection, _ = self.idle.pop()
            connection.pgconn.finish()


class Pool:
    """At most CONNECTIONS connections for each event loop, each made by whoever needs it.

    psycopg_pool was tried: it works in tasks of its own, and Starlette's TestClient without `with`,
    which gives every request a new loop and cancels what is left at its end, waited for one of them
    for ever. Here no task runs by itself, and nothing of a loop outlives it.
    """

    def __init__(self, url: str, *, prepare: bool) -> None:
        self.url = url
        self._prepare_threshold = STATEMENT_USES_BEFORE_PREPARED if prepare else None
        self._open = False
        self._loops: dict[asyncio.AbstractEventLoop, OfOneLoop] = {}

    @asynccontextmanager
    async def connection(self) -> AsyncGenerator[Connection, None]:
        """A connection in autocommit. Raises DatabaseUnavailable: none is to be had in time."""
        self.require_open()
        own = self._of_running_loop()
        await _take_place(own)
        try:
            connection, made = await self._take(own)
            try:
                yield connection
            finally:
                self._give_back(own, connection, made)
        finally:
            own.places.release()

    def allow(self) -> None:
        """From here on there are connections; made when first asked for."""
        self._open = True

    def require_open(self) -> None:
        """Raises DatabaseUnavailable before `allow` and after `close`."""
        if not self._open:
            raise DatabaseUnavailable

    def close(self) -> None:
        """Close what is idle; what is in use is closed when it comes back."""
        self._open = False
        for own in list(self._loops.values()):
            own.close()
        self._loops.clear()

    def _of_running_loop(self) -> OfOneLoop:
        loop = asyncio.get_running_loop()
        own = self._loops.get(loop)
        if own is None:
            for gone in [other for other in list(self._loops) if other.is_closed()]:
                self._loops.pop(gone).close()
            own = self._loops[loop] = OfOneLoop()
        return own

    async def _take(self, own: OfOneLoop) -> tuple[Connection, float]:
        if own.idle:
            return own.idle.pop()
        try:
            connection = await psycopg.AsyncConnection.connect(
                self.url, autocommit=True, prepare_threshold=self._prepare_threshold, **LIVENESS
            )
        except psycopg.Error as error:
            raise DatabaseUnavailable from error
        return connection, time.monotonic()

    def _give_back(self, own: OfOneLoop, connection: Connection, made: float) -> None:
        if connection.closed:
            own.close()  # the server went away: the idle ones are dead too
        elif (
            self._open
            and connection.info.transaction_status is TransactionStatus.IDLE
            and time.monotonic() - made < LIFE_SECONDS
        ):
            own.idle.append((connection, made))
        else:
            connection.pgconn.finish()


async def _take_place(own: OfOneLoop) -> None:
    if not own.places.locked():
        await own.places.acquire()
        return
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            await own.places.acquire()
    except TimeoutError:
        raise DatabaseUnavailable from None
