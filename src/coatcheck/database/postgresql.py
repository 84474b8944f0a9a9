"""The PostgreSQL engine: psycopg 3's async pool, autocommit for single statements.

Correctness rests on unique constraints, conditional single statements and row locks, never on
SERIALIZABLE; nothing here minds PgBouncer's transaction mode, the listening connection apart.
"""

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager, nullcontext
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import Executable, text
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg

from coatcheck.database.errors import DatabaseUnavailable
from coatcheck.database.postgresql_changes import Message, PostgreSQLChanges, Rows, Watchers
from coatcheck.database.postgresql_errors import translation
from coatcheck.database.postgresql_pool import ATTEMPTS, LIVENESS, Connection, Pool
from coatcheck.database.postgresql_transaction import PostgreSQLTransaction
from coatcheck.database.statement import Prepared, Statements
from coatcheck.database.url import pg_dump
from coatcheck.problems import StartRefused

# SET LOCAL ends with its transaction, so PgBouncer may hand the connection to anybody afterwards.
TIME_LIMIT = text("SELECT set_config('statement_timeout', :milliseconds, true)")


class PostgreSQL:
    """One database. The methods are those of `Database`."""

    def __init__(self, url: str, *, listen_url: str, prepare: bool) -> None:
        self.url = url
        self._listen_url = listen_url
        self._statements = Statements(PGDialect_psycopg(paramstyle="pyformat"))  # type: ignore[no-untyped-call]
        self._pool = Pool(url, prepare=prepare)
        self._watchers = Watchers()
        self._others_default = False

    async def open(self) -> None:
        """Connect once, so that a wrong address is told at start."""
        try:
            async with await psycopg.AsyncConnection.connect(self.url, **LIVENESS) as connection:
                encoding = connection.info.parameter_status("server_encoding")
                cursor = await connection.execute(b"SHOW default_transaction_isolation")
                self._others_default = await cursor.fetchone() != ("read committed",)
        except psycopg.Error:
            raise StartRefused(
                "PostgreSQL does not answer at COATCHECK_DATABASE_URL. "
                "Check its address, name and password, and that the server runs."
            ) from None
        if encoding != "UTF8":
            raise StartRefused(
                f"The database is encoded as {encoding} and could not hold every name. "
                "Make one with: CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0"
            )
        self._pool.allow()

    async def close(self) -> None:
        """Close the connections."""
        await self._pool.close()
        await self._watchers.close()

    async def all(self, statement: Executable, values: Mapping[str, object]) -> list[Any]:
        """All rows of a bounded read, or of a single write that returns rows."""
        prepared = self._statements[statement]
        rows, _ = await self._run(prepared, values)
        return prepared.rows(rows)

    async def execute(self, statement: Executable, values: Mapping[str, object]) -> int:
        """How many rows a single write has written."""
        _, written = await self._run(self._statements[statement], values)
        return written

    async def scan(self, statement: Executable, values: Mapping[str, object], seconds: float) -> list[Any]:
        """All rows of an unbounded read."""
        async with self.transaction() as tx:
            # 0 would mean no limit at all.
            await tx.all(TIME_LIMIT, {"milliseconds": str(max(1, int(seconds * 1000)))})
            return await tx.all(statement, values)

    def transaction(self) -> PostgreSQLTransaction:
        """A transaction, to be entered."""
        return PostgreSQLTransaction(self._pool, self._statements, self._watchers)

    def changes(self, channel: str, log: Executable, rows: Rows, message: Message) -> PostgreSQLChanges:
        """What is committed and announced on `channel`, by whomever."""
        changes = PostgreSQLChanges(self._pool, self._listen_url, channel, self._statements[log], rows, message)
        self._watchers.add(changes)
        return changes

    async def backup(self, target: Path, watch: Callable[[int, int], None]) -> None:
        """Refused: PostgreSQL has a better tool."""
        raise NotImplementedError(f"PostgreSQL brings its own: {pg_dump(self.url, target)}")

    async def _run(self, prepared: Prepared, values: Mapping[str, object]) -> tuple[list[Any], int]:
        """Run one statement; a read that met a dead connection is repeated on a living one.

        After the server restarted every pooled connection is dead, and each tells so at its next use.
        A write is not repeated: whether it was carried out cannot be known.
        """
        parameters = prepared.parameters(values)
        for _ in range(ATTEMPTS):
            async with self._pool.connection() as connection:
                try:
                    with translation():
                        async with self._read_committed(connection, prepared):
                            cursor = await connection.execute(prepared.sql.encode(), parameters)
                            rows = await cursor.fetchall() if cursor.description else []
                    return rows, cursor.rowcount
                except DatabaseUnavailable:
                    if prepared.writes or not connection.broken:
                        raise
        raise DatabaseUnavailable

    def _read_committed(self, connection: Connection, prepared: Prepared) -> AbstractAsyncContextManager[object]:
        """A single write that waited for a row goes by what it is then; with another default it would fail."""
        return connection.transaction() if self._others_default and prepared.writes else nullcontext()
