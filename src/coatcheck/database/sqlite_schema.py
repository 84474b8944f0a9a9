"""Changing a SQLite schema without losing rows, foreign keys or id counters."""

import re
import sqlite3
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, create_engine, event
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from coatcheck.database.errors import DatabaseUnavailable
from coatcheck.database.sqlite_files import (
    BUSY_SECONDS,
    make_private,
    open_reader,
    open_writer,
    refusing_to_start,
)
from coatcheck.database.sqlite_foreign_keys import Faults
from coatcheck.database.sqlite_turn import Turn
from coatcheck.problems import StartRefused

AFTER_REVISION = "coatcheck_after_revision"  # where a connection carries what Alembic calls then
COUNTERS = "coatcheck_counters"
WAIT_SECONDS = 60.0
ALTERS = re.compile(r"\bALTER\s+TABLE\b", re.IGNORECASE)
TABLE_SQL = "SELECT sql FROM sqlite_master WHERE type = 'table' AND name = ?"


class KeepsAutoincrement(SQLiteDialect_pysqlite):
    """SQLAlchemy's dialect, which reflects AUTOINCREMENT too.

    Alembic's batch change rebuilds a table from its reflection; without this the new one gave the
    id of a deleted row a second time.
    """

    supports_statement_cache = True

    def get_table_options(
        self, connection: Connection, table_name: str, schema: str | None = None, **kw: Any
    ) -> dict[str, Any]:
        """The table's options as `sqlite_…` keywords."""
        options: dict[str, Any] = super().get_table_options(connection, table_name, schema, **kw)  # type: ignore[no-untyped-call]
        if _counts_ids(connection, table_name):
            options["sqlite_autoincrement"] = True
        return options


registry.register("sqlite.coatcheck", __name__, "KeepsAutoincrement")


@contextmanager
def schema_look(path: Path) -> Generator[Connection, None, None]:
    """A connection that only reads: looking must not stop those who write."""
    make_private(path)
    engine = create_engine("sqlite+coatcheck://", creator=lambda: open_reader(path, BUSY_SECONDS), poolclass=NullPool)
    with _refusing_to_start(path), engine.connect() as connection:
        yield connection


@contextmanager
def schema_change(path: Path) -> Generator[Connection, None, None]:
    """A connection inside one write transaction in which the schema may change; all of it or nothing.

    foreign_keys is off (before the transaction, inside one it is ignored): with it on, dropping the
    old table of a rebuilt one silently deleted every row that pointed there. So what was written is
    checked before it is committed.
    """
    make_private(path)
    engine = create_engine("sqlite+coatcheck://", creator=lambda: open_writer(path), poolclass=NullPool)
    with _refusing_to_start(path):
        connecting = engine.connect()
    with connecting.execution_options(isolation_level="AUTOCOMMIT") as connection:
        driver: Any = connection.connection.dbapi_connection
        connection.exec_driver_sql("PRAGMA foreign_keys=OFF")
        try:
            Turn(path).begin(driver, WAIT_SECONDS)
        except DatabaseUnavailable:
            raise StartRefused(
                f"Another process has been writing to {path} for a minute. Stop it, then try again."
            ) from None
        try:
            before = Faults.of(connection)
            counters = Counters(connection)
            connection.info[AFTER_REVISION] = counters.keep
            connection.info[COUNTERS] = counters
            yield connection
            before.refuse_more(Faults.of(connection))
        except BaseException:
            if driver.in_transaction:  # a full disk has ended it already
                connection.exec_driver_sql("ROLLBACK")
            raise
        connection.exec_driver_sql("COMMIT")


@contextmanager
def _refusing_to_start(path: Path) -> Generator[None, None, None]:
    with refusing_to_start(path):
        try:
            yield
        except DBAPIError as error:  # SQLAlchemy's wrapping
            if isinstance(error.orig, sqlite3.Error):
                raise error.orig from None
            raise


def count_anew(connection: Connection) -> None:
    """For whoever takes everything away: ids begin at 1 again."""
    counters: Counters | None = connection.info.pop(COUNTERS, None)
    if counters is not None:  # PostgreSQL's counters go with their tables
        del connection.info[AFTER_REVISION]
        counters.stop()


def _counts_ids(connection: Connection, table: str) -> bool:
    sql = connection.exec_driver_sql(TABLE_SQL, (table,)).scalar()
    return sql is not None and "AUTOINCREMENT" in sql.upper()


class Counters:
    """The highest id ever given, by table, through a migration."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._highest = self._read()
        event.listen(connection, "after_cursor_execute", self._after_statement)

    def stop(self) -> None:
        """Set nothing back any more."""
        event.remove(self._connection, "after_cursor_execute", self._after_statement)

    def keep(self, **_: Any) -> None:
        """After each revision: set each counter back, and refuse one whose table no longer counts."""
        self._set_back()
        for table in self._highest:
            if self._rows(TABLE_SQL, table) and not _counts_ids(self._connection, table):
                raise StartRefused(
                    f"A migration rebuilt the table {table} without AUTOINCREMENT, so ids would be given twice. "
                    'Pass table_kwargs={"sqlite_autoincrement": True} to batch_alter_table.'
                )

    def _after_statement(self, _connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        # A rebuild ends in a renaming, and the next statement may rename the table again: SQLite carries
        # along the counter that the table has then.
        if ALTERS.search(statement):
            self._set_back()

    def _set_back(self) -> None:
        """Set each counter back to where it was: a rebuilt table has only counted what it still holds."""
        after = self._read()
        for table, highest in self._highest.items():
            if not _counts_ids(self._connection, table):
                continue  # dropped, renamed, or in the middle of a rebuild
            if table not in after:
                self._connection.exec_driver_sql("INSERT INTO sqlite_sequence VALUES (?, ?)", (table, highest))
            elif after[table] < highest:
                self._connection.exec_driver_sql(
                    "UPDATE sqlite_sequence SET seq = ? WHERE name = ?", (highest, table)
                )
        self._highest |= self._read()

    def _read(self) -> dict[str, int]:
        if not self._rows(TABLE_SQL, "sqlite_sequence"):
            return {}
        return {row.name: row.seq for row in self._rows("SELECT name, seq FROM sqlite_sequence")}

    def _rows(self, sql: str, *values: str) -> Sequence[Any]:
        return self._connection.exec_driver_sql(sql, values).all()
