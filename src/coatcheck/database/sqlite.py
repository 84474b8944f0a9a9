"""The SQLite engine: one file, several processes, group commit, on the standard library's driver.

Reads run in the event loop on a read-only connection (sqlite_reader.py), writes take turns on one
connection and share commits that run in a thread (sqlite_writer.py).
"""

import asyncio
import sqlite3
import threading
import weakref
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import Executable
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite

from coatcheck.database.errors import DatabaseUnavailable
from coatcheck.database.sqlite_changes import SQLiteChanges
from coatcheck.database.sqlite_files import Watch, copy_to_new_file, make_private, refusing_to_start
from coatcheck.database.sqlite_reader import Reader
from coatcheck.database.sqlite_transaction import SQLiteTransaction
from coatcheck.database.sqlite_writer import Writer
from coatcheck.database.statement import Statements


class SQLite:
    """One file. Opened before use; the methods are those of `Database`."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()  # whoever changes the working directory does not change the file
        self._statements = Statements(SQLiteDialect_pysqlite(paramstyle="named"))
        self._reader: Reader | None = None
        self._writer: Writer | None = None
        self._watching: weakref.WeakSet[SQLiteChanges] = weakref.WeakSet()

    async def open(self) -> None:
        """Open the file, made with mode 0600 where there is none."""
        if self._writer is None:
            await asyncio.to_thread(self._open)

    async def close(self) -> None:
        """Finish what is under way, then close; the last to close leaves no -wal behind."""
        reader, writer = self._reader, self._writer
        self._reader = self._writer = None
        for changes in list(self._watching):
            await changes.close()
        if reader is not None:
            reader.close()
        if writer is not None:
            await writer.close()

    async def all(self, statement: Executable, values: Mapping[str, object]) -> list[Any]:
        """All rows of a bounded read, or of a single write that returns rows."""
        prepared = self._statements[statement]
        if prepared.writes:
            async with self.transaction() as tx:
                return await tx.all(statement, values)
        if self._reader is None:
            raise DatabaseUnavailable
        return await self._reader.rows(prepared, values)

    async def execute(self, statement: Executable, values: Mapping[str, object]) -> int:
        """How many rows a single write has written."""
        async with self.transaction() as tx:
            return await tx.execute(statement, values)

    async def scan(self, statement: Executable, values: Mapping[str, object], seconds: float) -> list[Any]:
        """All rows of an unbounded read."""
        if self._reader is None:
            raise DatabaseUnavailable
        return await self._reader.scan(self._statements[statement], values, seconds)

    def transaction(self) -> SQLiteTransaction:
        """A transaction, to be entered."""
        if self._writer is None:
            raise DatabaseUnavailable
        return SQLiteTransaction(self._writer.line(), self._statements)

    def changes(
        self,
        channel: str,  # noqa: ARG002  one file is one channel
        log: Executable,
        rows: Callable[[list[Any]], int],
        message: Callable[[str], None],  # noqa: ARG002  the log says it all
    ) -> SQLiteChanges:
        """What is committed, by whomever."""
        changes = SQLiteChanges(self.path, lambda: self._reader is not None, self._statements[log], rows)
        self._watching.add(changes)
        return changes

    async def backup(self, target: Path, watch: Watch) -> None:
        """A consistent copy in a new file of mode 0600, while the database is in use."""
        if self._reader is None:
            raise DatabaseUnavailable
        given_up = threading.Event()

        def go_on(done: int, total: int) -> None:
            if given_up.is_set():
                raise DatabaseUnavailable
            watch(done, total)

        try:
            await asyncio.to_thread(copy_to_new_file, self.path, target, go_on)
        finally:
            given_up.set()  # a caller that was cancelled (Ctrl+C) does not wait for the thread's last page

    def _open(self) -> None:
        make_private(self.path)
        with refusing_to_start(self.path):
            writer = Writer(self.path)
            try:
                self._reader = Reader(self.path)
            except sqlite3.Error:
                writer.pen.close()
                raise
            self._writer = writer
