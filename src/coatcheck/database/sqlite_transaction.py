"""One transaction on SQLite: a savepoint in the present batch."""

import asyncio
import inspect
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from types import FrameType, TracebackType
from typing import Any

from sqlalchemy import Executable

from coatcheck.database.announcement import within_limits
from coatcheck.database.errors import DatabaseUnavailable, TransactionMisused
from coatcheck.database.sqlite_errors import translated
from coatcheck.database.sqlite_writer import Batch, Line
from coatcheck.database.statement import Statements
from coatcheck.problems import Problem

NOTHING: Mapping[str, object] = {}


class SQLiteTransaction:
    """`async with database.transaction() as tx`: all of it or nothing.

    The body awaits nothing but its own statements. One that gives control back to the event loop is
    rolled back there and then, so that others can write, and raises TransactionMisused at its end:
    else one handler that awaits an HTTP call in here would stop all writes, of other processes too.
    """

    __slots__ = ("_batch", "_failure", "_frame", "_line", "_statements", "_watch")

    def __init__(self, line: Line, statements: Statements) -> None:
        self._line = line
        self._statements = statements
        self._batch: Batch | None = None
        self._failure: Exception | None = None
        self._frame: FrameType | None = None
        self._watch: asyncio.Handle | None = None

    async def __aenter__(self) -> "SQLiteTransaction":
        frame = inspect.currentframe()
        self._frame = frame and frame.f_back
        batch = await self._line.turn()
        try:
            self._sql("SAVEPOINT body")
        except sqlite3.Error as refused:
            self._line.lose()
            self._line.give_way()
            raise translated(refused) from refused
        self._batch = batch
        # Runs as soon as the body gives control back, so before the body's own end if it does.
        self._watch = self._line.loop.call_soon(self._gave_control_back)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._frame = None
        batch, self._batch = self._batch, None
        if self._watch is not None:
            self._watch.cancel()
        if batch is None:  # the turn was taken away, see _gave_control_back
            self._tell_misuse(error)
        elif error is not None or self._failure is not None:
            self._undo(batch)
            told_by_neighbours = batch.kept > 0 and self._line.batch is batch
            self._line.give_way()
            # What it was refused over may be a neighbour's, which nobody else can read before the commit,
            # and which is nothing if that fails.
            if told_by_neighbours and isinstance(error or self._failure, Problem):
                await _committed(batch)
            if error is None and self._failure is not None:
                raise self._failure
        else:
            self._keep(batch)
            await _committed(batch)

    async def one(self, statement: Executable, values: Mapping[str, object] = NOTHING) -> Any:
        """The one row, or None."""
        rows, _ = self._run(statement, values)
        return rows[0] if rows else None

    async def all(self, statement: Executable, values: Mapping[str, object] = NOTHING) -> list[Any]:
        """All rows."""
        return self._run(statement, values)[0]

    async def execute(self, statement: Executable, values: Mapping[str, object] = NOTHING) -> int:
        """How many rows were written."""
        return self._run(statement, values)[1]

    async def execute_many(self, statement: Executable, rows: Sequence[Mapping[str, object]]) -> int:
        """How many rows were written, by all of them."""
        prepared = self._statements[statement]
        run = self._line.connection.executemany
        return self._driven(lambda: run(prepared.sql, list(map(prepared.parameters, rows))))[1]

    async def announce(self, channel: str, message: str) -> None:  # noqa: ARG002  nobody is told by name
        """Nothing to send here: the file's `data_version` tells every process of each commit."""
        try:
            within_limits(message)
        except ValueError as failure:
            self._failure = failure
            raise

    def _run(self, statement: Executable, values: Mapping[str, object]) -> tuple[list[Any], int]:
        prepared = self._statements[statement]
        run = self._line.connection.execute
        rows, written = self._driven(lambda: run(prepared.sql, prepared.parameters(values)))
        return prepared.rows(rows), written

    def _driven(self, run: Callable[[], sqlite3.Cursor]) -> tuple[list[Any], int]:
        """The driver's rows, and how many were written."""
        if self._failure is not None:
            raise self._failure
        if self._batch is None:
            raise TransactionMisused("this transaction is over; statements belong inside its block")
        # As on PostgreSQL, an error ends the transaction, also for a body that swallows it.
        try:
            cursor = run()
            rows = cursor.fetchall()
            written = cursor.rowcount
            cursor.close()
        except sqlite3.Error as error:
            self._failure = translated(error)
            raise self._failure from error
        except Exception as error:
            self._failure = error
            raise
        return rows, written

    def _keep(self, batch: Batch) -> None:
        """End the savepoint and the turn; what the body wrote waits for the commit."""
        try:
            self._sql("RELEASE body")
            batch.kept += 1
        except sqlite3.Error as refused:
            self._line.lose()
            raise translated(refused) from refused
        finally:
            self._line.give_way()

    def _undo(self, batch: Batch) -> None:
        """Undo the body; the neighbours' savepoints stay, unless the whole transaction is gone."""
        if self._line.batch is not batch or self._line.loop.is_closed():
            return
        if self._line.connection.in_transaction:
            with suppress(sqlite3.Error):  # the body may have ended its savepoint itself
                self._sql("ROLLBACK TO body")
                self._sql("RELEASE body")
                return
        self._line.lose()

    def _tell_misuse(self, error: BaseException | None) -> None:
        """Raise why the turn was taken away; a task that is being cancelled stays cancelled."""
        if error is self._failure or not (error is None or isinstance(error, Exception)):
            return
        raise self._failure or TransactionMisused("this transaction is over") from error

    def _gave_control_back(self) -> None:
        batch, self._batch, self._watch = self._batch, None, None
        if batch is None or self._frame is None:
            return
        place = f"{self._frame.f_code.co_filename}:{self._frame.f_lineno}"
        self._frame = None
        self._failure = TransactionMisused(
            f"{place} awaits something else inside a transaction, which was rolled back: "
            "while it waits nobody can write. Await it before the transaction begins, or after it."
        )
        self._undo(batch)
        self._line.give_way()

    def _sql(self, text: str) -> None:
        self._line.connection.execute(text).close()


async def _committed(batch: Batch) -> None:
    """Wait for the commit. It belongs to the batch: a caller that gives up neither undoes nor blocks it."""
    lost = await asyncio.shield(batch.committed)
    if lost is not None:
        raise DatabaseUnavailable from lost
