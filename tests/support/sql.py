"""Statements of another program on the same database."""

import sqlite3
from contextlib import closing
from typing import Any

import psycopg

from coatcheck.database.url import sqlite_path


def run_sql(url: str, *statements: str) -> list[tuple[Any, ...]]:
    """Run statements one by one, each committed; the rows of the last one."""
    path = sqlite_path(url)
    if path is not None:
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            return [connection.execute(statement).fetchall() for statement in statements][-1]
    rows: list[tuple[Any, ...]] = []
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in statements:
            cursor = connection.execute(statement.encode())
            rows = cursor.fetchall() if cursor.description else []
    return rows
