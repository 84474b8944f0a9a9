"""Writing to one SQLite file: transactions take turns on one connection and share commits.

A body runs in the event loop, inside a savepoint, and gives control to nobody. When no further body
waits, the commit with its fsync runs in a thread; whoever arrives meanwhile shares the next one
(group commit). Answers wait for the commit that holds them.

    idle ── begin (thread) ──> open ── bodies, one after another ──> commit (thread) ──> idle
"""

import asyncio
import sqlite3
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from coatcheck.database.errors import DatabaseUnavailable
from coatcheck.database.sqlite_files import BUSY_SECONDS, open_writer
from coatcheck.database.sqlite_turn import Turn

# A batch that never closed would keep its first caller waiting for ever.
TRANSACTIONS_PER_COMMIT = 256


class Batch:
    """Transactions that share one commit."""

    __slots__ = ("committed", "size")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.size = 0
        self.committed: asyncio.Future[None] = loop.create_future()
        # A caller that gave up does not ask any more; the failure is not "never retrieved" for that.
        self.committed.add_done_callback(lambda done: done.cancelled() or done.exception())


class Pen:
    """The write connection, and who may use it: one event loop at a time, across threads."""

    def __init__(self, path: Path) -> None:
        self.connection = open_writer(path)
        self._held = threading.Lock()
        self._turn = Turn(path)

    def begin(self) -> None:
        """Begin a transaction; waits for other loops and other processes, so only in a thread."""
        if not self._held.acquire(timeout=BUSY_SECONDS):
            raise DatabaseUnavailable
        try:
            self._turn.begin(self.connection, BUSY_SECONDS)
        except BaseException:
            self._held.release()
            raise

    def commit(self) -> None:
        """Commit with its fsync, in a thread; a failed commit is rolled back and raised."""
        try:
            self.connection.execute("COMMIT")
        except sqlite3.Error as error:
            if self.connection.in_transaction:
                self.connection.execute("ROLLBACK")
            raise DatabaseUnavailable from error
        finally:
            self._held.release()

    def let_go(self) -> None:
        """Give the connection up without a commit; an open transaction is undone."""
        if self.connection.in_transaction:
            self.connection.execute("ROLLBACK")
        self._held.release()


class Line:
    """Those who wait to write in one event loop, and the batch they form."""

    def __init__(self, pen: Pen, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.connection = pen.connection
        self.batch: Batch | None = None
        self._pen = pen
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._idle = True
        self._holds_pen = False
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="coatcheck-commit")

    async def turn(self) -> Batch:
        """Wait for a turn on the write connection; the caller must end it with `give_way`."""
        ticket: asyncio.Future[None] = self.loop.create_future()
        self._waiting.append(ticket)
        if self._idle:
            self._begin()
        try:
            await ticket
        except asyncio.CancelledError:
            if ticket.done() and not ticket.cancelled() and ticket.exception() is None:
                self.give_way()  # the turn came as the caller left
            raise
        assert self.batch is not None
        return self.batch

    def give_way(self) -> None:
        """End the present turn: the next body, or the commit."""
        if self.batch is None:
            self._rest()
            return
        if self.batch.size < TRANSACTIONS_PER_COMMIT and self._wake_next():
            return
        self._in_thread(self._commit, self._committed)

    def lose(self) -> None:
        """The whole transaction is gone (full disk, OR ROLLBACK): nobody in it is acknowledged."""
        if self.batch is not None:
            self.batch.committed.set_exception(DatabaseUnavailable())
            self.batch = None
            self._holds_pen = False
            self._pen.let_go()

    def close(self) -> None:
        """Wait for what the thread is doing; give the connection back if the loop died holding it."""
        self._thread.shutdown(wait=True)
        if self._holds_pen:
            self._holds_pen = False
            self._pen.let_go()

    def _wake_next(self) -> bool:
        while self._waiting:
            ticket = self._waiting.popleft()
            if not ticket.done():
                ticket.set_result(None)
                return True
        return False

    def _begin(self) -> None:
        self._idle = False
        self._in_thread(self._take_pen, self._begun)

    def _take_pen(self) -> None:
        self._pen.begin()
        self._holds_pen = True

    def _begun(self, error: BaseException | None) -> None:
        if error is not None:
            self._refuse_waiting(error)
            self._rest()
            return
        self.batch = Batch(self.loop)
        self.give_way()

    def _refuse_waiting(self, error: BaseException) -> None:
        while self._waiting:
            ticket = self._waiting.popleft()
            if not ticket.done():
                ticket.set_exception(error)

    def _commit(self) -> None:
        self._holds_pen = False
        self._pen.commit()

    def _committed(self, error: BaseException | None) -> None:
        assert self.batch is not None
        batch, self.batch = self.batch, None
        if error is None:
            batch.committed.set_result(None)
        else:
            batch.committed.set_exception(error)
        self._rest()

    def _rest(self) -> None:
        self._idle = True
        if any(not ticket.done() for ticket in self._waiting):
            self._begin()

    def _in_thread(self, work: Callable[[], None], then: Callable[[BaseException | None], None]) -> None:
        """Run `work` in the commit thread and `then` in the loop, owned by no caller's task."""
        done = self.loop.run_in_executor(self._thread, work)
        done.add_done_callback(lambda result: then(result.exception()))


class Writer:
    """The write side of one file, for whichever event loop is running."""

    def __init__(self, path: Path) -> None:
        self.pen = Pen(path)
        self._lines: dict[asyncio.AbstractEventLoop, Line] = {}

    def line(self) -> Line:
        """The line of the running loop; what belonged to closed loops is let go."""
        loop = asyncio.get_running_loop()
        line = self._lines.get(loop)
        if line is None:
            # Starlette's TestClient without `with` gives every request a new loop and closes it.
            for closed in [other for other in self._lines if other.is_closed()]:
                self._lines.pop(closed).close()
            line = self._lines[loop] = Line(self.pen, loop)
        return line

    def close(self) -> None:
        """Finish what is under way and close the connection; blocks, so only in a thread."""
        for line in self._lines.values():
            line.close()
        self._lines.clear()
        self.pen.connection.close()
