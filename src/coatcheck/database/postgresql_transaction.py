"""One transaction on PostgreSQL: a connection of its own, READ COMMITTED."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Any

import psycopg
from sqlalchemy import Executable, text

from coatcheck.database.announcement import within_limits
from coatcheck.database.errors import DatabaseUnavailable, TransactionMisused
from coatcheck.database.postgresql_changes import Watchers
from coatcheck.database.postgresql_errors import translation
from coatcheck.database.postgresql_pool import ATTEMPTS, Pool
from coatcheck.database.statement import Statements

NOTHING: Mapping[str, object] = {}
NOTIFY = text("SELECT pg_notify(:channel, :message)")


class PostgreSQLTransaction:
    """`async with database.transaction() as tx`: all of it or nothing."""

    __slots__ = ("_announced", "_connection", "_failure", "_pool", "_stack", "_statements", "_watchers")

    def __init__(self, pool: Pool, statements: Statements, watchers: Watchers) -> None:
        self._pool = pool
        self._statements = statements
        self._watchers = watchers
        self._announced: list[tuple[str, str]] = []
        self._stack = AsyncExitStack()
        self._connection: psycopg.AsyncConnection[Any] | None = None
        self._failure: Exception | None = None

    async def __aenter__(self) -> "PostgreSQLTransaction":
        # BEGIN has done nothing yet: where it meets a dead connection, the next one is asked.
        for _ in range(ATTEMPTS):
            async with AsyncExitStack() as begun:
                connection = await begun.enter_async_context(self._pool.connection())
                try:
                    with translation():
                        await begun.enter_async_context(connection.transaction())
                except DatabaseUnavailable:
                    if connection.broken:
                        continue
                    raise
                self._connection = connection
                self._stack = begun.pop_all()
                return self
        raise DatabaseUnavailable

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        connection, self._connection = self._connection, None
        if isinstance(error, GeneratorExit) and connection is not None:
            connection.pgconn.finish()  # thrown away with its loop: nothing can be awaited any more
            return
        # A body that swallowed an error does not end as if nothing had been: PostgreSQL answers its
        # COMMIT with a silent ROLLBACK.
        ending = error or self._failure
        with translation():
            await self._stack.__aexit__(type(ending) if ending else None, ending, trace)
        if error is None and self._failure is not None:
            raise self._failure
        if error is None:
            # This process knows before its caller is answered; the others hear it in a moment.
            for channel, message in self._announced:
                self._watchers.tell(channel, message)

    async def one(self, statement: Executable, values: Mapping[str, object] = NOTHING) -> Any:
        """The one row, or None."""
        rows, _ = await self._run(statement, values)
        return rows[0] if rows else None

    async def all(self, statement: Executable, values: Mapping[str, object] = NOTHING) -> list[Any]:
        """All rows."""
        return (await self._run(statement, values))[0]

    async def execute(self, statement: Executable, values: Mapping[str, object] = NOTHING) -> int:
        """How many rows were written."""
        return (await self._run(statement, values))[1]

    async def execute_many(self, statement: Executable, rows: Sequence[Mapping[str, object]]) -> int:
        """How many rows were written, by all of them."""
        prepared = self._statements[statement]

        async def run(connection: psycopg.AsyncConnection[Any]) -> psycopg.AsyncCursor[Any]:
            cursor = connection.cursor()
            await cursor.executemany(prepared.sql.encode(), list(map(prepared.parameters, rows)))
            return cursor

        return (await self._driven(run))[1]

    async def announce(self, channel: str, message: str) -> None:
        """Tell everybody who watches `channel`, as soon as this is committed."""
        try:
            within_limits(message)
        except ValueError as failure:
            self._failure = failure
            raise
        await self.execute(NOTIFY, {"channel": channel, "message": message})
        self._announced.append((channel, message))

    async def _run(self, statement: Executable, values: Mapping[str, object]) -> tuple[list[Any], int]:
        prepared = self._statements[statement]

        def run(connection: psycopg.AsyncConnection[Any]) -> Awaitable[psycopg.AsyncCursor[Any]]:
            return connection.execute(prepared.sql.encode(), prepared.parameters(values))

        rows, written = await self._driven(run)
        return prepared.rows(rows), written

    async def _driven(
        self, run: Callable[[psycopg.AsyncConnection[Any]], Awaitable[psycopg.AsyncCursor[Any]]]
    ) -> tuple[list[Any], int]:
        """The driver's rows, and how many were written."""
        if self._failure is not None:
            raise self._failure
        if self._connection is None:
            raise TransactionMisused("this transaction is over; statements belong inside its block")
        try:
            with translation():
                cursor = await run(self._connection)
                rows = await cursor.fetchall() if cursor.description else []
        except Exception as failure:
            self._failure = failure
            raise
        return rows, cursor.rowcount
