"""Connections to PostgreSQL, for whichever event loop is running."""

import asyncio
import time
import weakref
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
EXIT_SECONDS = 0.2  # for what is in use when all are closed; a server that is stopped has a second
A_MOMENT = 0.005
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
    # Weakly: who is thrown away in the middle, with its loop, is not to be kept alive by this.
    in_use: "weakref.WeakKeyDictionary[Connection, weakref.ref[asyncio.Task[Any]]]" = field(
        default_factory=weakref.WeakKeyDictionary[Connection, weakref.ref[asyncio.Task[Any]]]
    )
    cut_off: "weakref.WeakSet[Connection]" = field(default_factory=weakref.WeakSet[Connection])
    places: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(CONNECTIONS))

    def close(self) -> None:
        """Close the idle ones; also where the loop is gone and nothing can be awaited any more."""
        while self.idle:
            connection, _ = self.idle.pop()
            connection.pgconn.finish()

    async def cut(self) -> None:
        """Let who uses one end, within EXIT_SECONDS; then close it under them.

        Closed first, then cancelled: psycopg answers a cancellation by waiting up to 10 s for a silent server,
        but on a closed connection it has nothing to wait for.
        """
        deadline = time.monotonic() + EXIT_SECONDS
        while self._others() and time.monotonic() < deadline:  # noqa: ASYNC110  nobody tells
            await asyncio.sleep(A_MOMENT)
        for connection, task in self._others():
            self.cut_off.add(connection)
            connection.pgconn.finish()
            task.cancel()

    def _others(self) -> list[tuple[Connection, asyncio.Task[Any]]]:
        known = [(connection, task()) for connection, task in self.in_use.items()]
        return [(one, task) for one, task in known if task is not None and task is not asyncio.current_task()]


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
        # No lifespan closes an application that is mounted, or asked through a TestClient without `with`: psycopg
        # would warn of each connection when that is forgotten, which is an error where tests make warnings errors.
        weakref.finalize(self, _close_idle, self._loops).atexit = False

    @asynccontextmanager
    async def connection(self) -> AsyncGenerator[Connection, None]:
        """A connection in autocommit. Raises DatabaseUnavailable: none is to be had in time, or all are closed."""
        self.require_open()
        own = self._of_running_loop()
        await _take_place(own)
        try:
            connection, made = await self._take(own)
            if (task := asyncio.current_task()) is not None:
                own.in_use[connection] = weakref.ref(task)
            try:
                yield connection
            except asyncio.CancelledError:
                if connection not in own.cut_off or (task := asyncio.current_task()) is None:
                    raise
                task.uncancel()
                raise DatabaseUnavailable from None
            finally:
                own.in_use.pop(connection, None)
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

    async def close(self) -> None:
        """Close what is idle, and soon what is in use in this event loop; elsewhere, when it comes back."""
        self._open = False
        here = self._loops.get(asyncio.get_running_loop())
        for own in list(self._loops.values()):
            own.close()
        self._loops.clear()
        if here is not None:
            await here.cut()

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
        # Whatever the database's default is: what waits for a lock must then see what was committed meanwhile. It
        # goes into BEGIN, so it holds behind a pooler too.
        try:
            await connection.set_isolation_level(psycopg.IsolationLevel.READ_COMMITTED)
        except BaseException:  # nothing is sent, but a busy loop is let go on, and the caller may give up there
            connection.pgconn.finish()
            raise
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


def _close_idle(loops: dict[asyncio.AbstractEventLoop, OfOneLoop]) -> None:
    for own in loops.values():
        own.close()


async def _take_place(own: OfOneLoop) -> None:
    if not own.places.locked():
        await own.places.acquire()
        return
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            await own.places.acquire()
    except TimeoutError:
        raise DatabaseUnavailable from None
