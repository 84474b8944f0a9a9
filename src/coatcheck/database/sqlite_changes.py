"""What any process has committed to the file since one last looked."""

import asyncio
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from coatcheck.database.errors import DatabaseUnavailable
from coatcheck.database.sqlite_errors import is_busy, translated
from coatcheck.database.sqlite_files import open_reader, read_in_thread
from coatcheck.database.statement import Prepared


class SQLiteChanges:
    """A read-only connection of its own, and the `data_version` up to which everything was handed over.

    `PRAGMA data_version` moves with every commit of another connection, ours on the write connection
    included (that costs one empty read). It holds still inside a read transaction, so nobody else
    reads on this connection, and each read goes to its end.
    """

    def __init__(
        self, path: Path, is_open: Callable[[], bool], log: Prepared, rows: Callable[[list[Any]], int]
    ) -> None:
        self._path = path
        self._is_open = is_open
        self._log = log
        self._rows = rows
        self._connection: sqlite3.Connection | None = None
        self._seen: int | None = None
        self._after = 0
        # Loops in several threads may look at once. Another's read in the middle of ours would hold the
        # version still; and who sees the new version must not go on before its rows are handed over.
        self._looking = threading.Lock()

    def start(self) -> None:
        """Open the connection, if not done already. Raises DatabaseUnavailable."""
        with self._looking:
            try:
                self._open()
            except sqlite3.Error as error:
                raise translated(error) from error

    async def close(self) -> None:
        """Close the connection; a later look opens it anew."""
        with self._looking:
            connection, self._connection, self._seen = self._connection, None, None
            if connection is not None:
                connection.close()

    async def current(self) -> bool:
        """True, once everything committed before now has been handed over. Raises DatabaseUnavailable.

        It takes microseconds, so it runs right here, on any loop. When another connection holds the
        lock (recovery, the last one closing), the read is repeated in a thread.
        """
        try:
            with self._looking:
                self._look()
        except sqlite3.Error as error:
            if not is_busy(error):
                raise translated(error) from error
            await self._look_in_thread()
        return True

    def _look(self) -> None:
        connection = self._open()
        # The version is noted before the rows are read: what commits in between is read twice.
        (version,) = _read(connection, "PRAGMA data_version", {})[0]
        if version != self._seen:
            self._hand_over(_read(connection, self._log.sql, self._log.parameters({"after": self._after})))
            self._seen = version

    async def _look_in_thread(self) -> None:
        """Every connection counts versions of its own, so the next look reads once more."""

        def read(connection: sqlite3.Connection) -> list[Any]:
            return _read(connection, self._log.sql, self._log.parameters({"after": self._after}))

        try:
            raw = await asyncio.to_thread(read_in_thread, self._path, read)
        except sqlite3.Error as error:
            raise translated(error) from error
        with self._looking:
            self._hand_over(raw)

    def _hand_over(self, raw: list[Any]) -> None:
        if raw:
            # Two who waited in threads may come back in either order.
            self._after = max(self._after, self._rows(self._log.rows(raw)))

    def _open(self) -> sqlite3.Connection:
        if not self._is_open():
            raise DatabaseUnavailable
        if self._connection is None:
            self._connection = open_reader(self._path)
        return self._connection


def _read(connection: sqlite3.Connection, sql: str, parameters: Any) -> list[Any]:
    cursor = connection.execute(sql, parameters)
    try:
        return cursor.fetchall()
    finally:
        cursor.close()
