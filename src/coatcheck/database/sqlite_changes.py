"""Whether somebody, in any process, has committed to the file since one last looked."""

import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import Executable

from coatcheck.database.sqlite_errors import translated
from coatcheck.database.sqlite_files import open_reader
from coatcheck.database.statement import Statements

NOTHING: Mapping[str, object] = {}


class SQLiteChanges:
    """A read-only connection of its own and the `data_version` last seen on it.

    `PRAGMA data_version` moves with every commit of another connection, ours on the write connection
    included (that costs one empty read). Read outside any read transaction, or it holds still.
    """

    def __init__(self, path: Path, statements: Statements) -> None:
        self._path = path
        self._statements = statements
        self._seen: int | None = None

    async def __aenter__(self) -> "SQLiteChanges":
        try:
            self._connection = open_reader(self._path)
        except sqlite3.Error as error:
            raise translated(error) from error
        return self

    async def __aexit__(self, *_: object) -> None:
        self._connection.close()

    async def moved(self) -> bool:
        """True at first and after each commit since the last call; read what changed after it."""
        try:
            # The version is noted before the rows are read: what commits in between is read twice.
            (version,) = self._connection.execute("PRAGMA data_version").fetchall()[0]
        except sqlite3.Error:
            return True  # not known: look
        moved: bool = version != self._seen
        self._seen = version
        return moved

    async def all(self, statement: Executable, values: Mapping[str, object] = NOTHING) -> list[Any]:
        """All rows, as of now."""
        prepared = self._statements[statement]
        try:
            cursor = self._connection.execute(prepared.sql, prepared.parameters(values))
            raw = cursor.fetchall()
            cursor.close()
        except sqlite3.Error as error:
            self._seen = None  # what moved was not read
            raise translated(error) from error
        return prepared.rows(raw)
