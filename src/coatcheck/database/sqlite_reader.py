"""Reading from one SQLite file: in the event loop where it is short, in a thread where it is not."""

import asyncio
import sqlite3
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from coatcheck.database.sqlite_errors import is_busy, translated
from coatcheck.database.sqlite_files import open_reader, read_in_thread
from coatcheck.database.statement import Prepared

INSTRUCTIONS_BETWEEN_LOOKS_AT_THE_CLOCK = 1_000


class Reader:
    """A read-only connection for the event loops, and others for threads.

    Event loops of several threads share the connection, so one reads at a time: Python's sqlite3 would hand
    both the same cached statement, and one of them the other's row.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection = open_reader(path)
        self._reading = threading.Lock()

    async def rows(self, prepared: Prepared, values: Mapping[str, object]) -> list[Any]:
        """All rows of a read that an index and a limit bound.

        A keyed read takes microseconds and a thread hop ten times that, so it runs right here. When
        another connection holds the lock (recovery, the last one closing), it is repeated in a thread.
        """
        parameters = prepared.parameters(values)
        try:
            with self._reading:
                raw = _read(self._connection, prepared.sql, parameters)
        except sqlite3.Error as error:
            if not is_busy(error):
                raise translated(error) from error
            raw = await self._repeat(prepared.sql, parameters)
        return prepared.rows(raw)

    async def scan(self, prepared: Prepared, values: Mapping[str, object], seconds: float) -> list[Any]:
        """All rows of a read that nothing bounds: in a thread, stopped after `seconds`."""
        parameters = prepared.parameters(values)
        deadline = time.monotonic() + seconds

        def read(connection: sqlite3.Connection) -> list[Any]:
            connection.set_progress_handler(
                lambda: time.monotonic() > deadline, INSTRUCTIONS_BETWEEN_LOOKS_AT_THE_CLOCK
            )
            return _read(connection, prepared.sql, parameters)

        try:
            return prepared.rows(await asyncio.to_thread(read_in_thread, self._path, read))
        except sqlite3.Error as error:
            raise translated(error) from error

    async def _repeat(self, sql: str, parameters: Mapping[str, object]) -> list[Any]:
        def read(connection: sqlite3.Connection) -> list[Any]:
            return _read(connection, sql, parameters)

        try:
            return await asyncio.to_thread(read_in_thread, self._path, read)
        except sqlite3.Error as error:
            raise translated(error) from error

    def close(self) -> None:
        """Close the event loops' connection, after whoever is reading."""
        with self._reading:
            self._connection.close()


def _read(connection: sqlite3.Connection, sql: str, parameters: Mapping[str, object]) -> list[Any]:
    """Read to the end and close the cursor.

    A single half-read cursor freezes what every later read on the connection sees, revocations
    included, and lets the WAL grow without end.
    """
    cursor = connection.execute(sql, parameters)
    try:
        return cursor.fetchall()
    finally:
        cursor.close()
