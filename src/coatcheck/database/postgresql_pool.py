"""Connections to PostgreSQL, for whichever event loop is running."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import psycopg
from psycopg_pool import AsyncConnectionPool

from coatcheck.database.errors import DatabaseUnavailable

CONNECTIONS = 10
CONNECT_SECONDS = 2
STATEMENT_USES_BEFORE_PREPARED = 5


class Pool:
    """The pool of one event loop.

    psycopg's pool belongs to the loop that made it. Starlette's TestClient without `with` gives
    every request a new loop and closes it, so each loop has its own here, and what belonged to a
    closed one is closed with it.
    """

    def __init__(self, url: str, *, prepare: bool) -> None:
        self._url = url
        self._prepare_threshold = STATEMENT_USES_BEFORE_PREPARED if prepare else None
        self._pools: dict[asyncio.AbstractEventLoop, AsyncConnectionPool[Any]] = {}
        self._connections: dict[asyncio.AbstractEventLoop, set[psycopg.AsyncConnection[Any]]] = {}

    @asynccontextmanager
    async def connection(self) -> AsyncGenerator[psycopg.AsyncConnection[Any], None]:
        """A connection in autocommit; a broken one is replaced afterwards."""
        pool = self._pools.get(asyncio.get_running_loop()) or await self._new()
        try:
            connection = await pool.getconn()
        except psycopg.Error as error:  # PoolTimeout is one
            raise DatabaseUnavailable from error
        try:
            yield connection
        finally:
            await pool.putconn(connection)

    async def close(self) -> None:
        """Close the running loop's pool and drop what closed loops left."""
        pool = self._pools.pop(asyncio.get_running_loop(), None)
        if pool is not None:
            await pool.close()
        self._drop_closed_loops()

    async def _new(self) -> AsyncConnectionPool[Any]:
        self._drop_closed_loops()
        loop = asyncio.get_running_loop()
        made: set[psycopg.AsyncConnection[Any]] = set()

        async def remember(connection: psycopg.AsyncConnection[Any]) -> None:
            made.difference_update({other for other in made if other.closed})
            made.add(connection)

        pool: AsyncConnectionPool[Any] = AsyncConnectionPool(
            self._url,
            kwargs={"autocommit": True, "prepare_threshold": self._prepare_threshold},
            min_size=1,
            max_size=CONNECTIONS,
            timeout=CONNECT_SECONDS,
            configure=remember,
            open=False,
        )
        self._pools[loop] = pool
        self._connections[loop] = made
        await pool.open()
        return pool

    def _drop_closed_loops(self) -> None:
        for loop in [loop for loop in self._pools if loop.is_closed()]:
            del self._pools[loop]
            for connection in self._connections.pop(loop, ()):
                connection.pgconn.finish()  # its loop is gone, so it cannot be awaited any more
