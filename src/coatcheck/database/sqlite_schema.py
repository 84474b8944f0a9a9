"""Changing a SQLite schema without losing rows, foreign keys or id counters."""

import sqlite3
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, create_engine
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
from coatcheck.database.sqlite_turn import Turn
from coatcheck.problems import StartRefused

WAIT_SECONDS = 60.0
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
            counters = _counters(connection)
            yield connection
            _restore(connection, counters)
            _check(connection)
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


def _counts_ids(connection: Connection, table: str) -> bool:
    sql = connection.exec_driver_sql(TABLE_SQL, (table,)).scalar()
    return sql is not None and "AUTOINCREMENT" in sql.upper()


def _counters(connection: Connection) -> dict[str, int]:
    """The highest id ever given, by table."""
    if not connection.exec_driver_sql(TABLE_SQL, ("sqlite_sequence",)).all():
        return {}
    rows = connection.exec_driver_sql("SELECT name, seq FROM sqlite_sequence").all()
    return {row.name: row.seq for row in rows}


def _restore(connection: Connection, before: dict[str, int]) -> None:
    """Set each counter back to where it was: a rebuilt table has only counted what it still holds."""
    after = _counters(connection)
    for table, highest in before.items():
        if not connection.exec_driver_sql(TABLE_SQL, (table,)).all():
            continue  # dropped or renamed; SQLite carries a renamed table's counter along itself
        if not _counts_ids(connection, table):
            raise StartRefused(
                f"A migration rebuilt the table {table} without AUTOINCREMENT, so ids would be given twice. "
                'Pass table_kwargs={"sqlite_autoincrement": True} to batch_alter_table.'
            )
        if table not in after:
            connection.exec_driver_sql("INSERT INTO sqlite_sequence VALUES (?, ?)", (table, highest))
        elif after[table] < highest:
            connection.exec_driver_sql("UPDATE sqlite_sequence SET seq = ? WHERE name = ?", (highest, table))


def _check(connection: Connection) -> None:
    broken = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
    if broken:
        tables = ", ".join(sorted({row[0] for row in broken}))
        raise StartRefused(
            f"A migration would leave rows of {tables} pointing at nothing; it was undone and nothing has changed."
        )
