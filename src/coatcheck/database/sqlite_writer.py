"""Writing to one SQLite file: transactions take turns on one connection and share commits.

A body runs in the event loop, inside a savepoint, and gives control to nobody. When no further body
waits, the commit with its fsync runs in a thread; whoever arrives meanwhile shares the next one
(group commit). Answers wait for the commit that holds them.

    idle ── begin (thread, or right here if nobody writes) ──> open ── bodies ──> commit (thread) ──> idle
"""

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from coatcheck.database.errors import DatabaseUnavailable
from coatcheck.database.sqlite_pen import Pen

# A batch that never closed would keep its first caller waiting for ever, and other processes out.
TURNS_PER_COMMIT = 256
SECONDS_PER_COMMIT = 0.05


class Batch:
    """Transactions that share one commit. `committed` gives None, or why nothing of it was kept."""

    __slots__ = ("begun", "committed", "kept", "turns")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.begun = loop.time()
        self.turns = 0
        self.kept = 0
        self.committed: asyncio.Future[BaseException | None] = loop.create_future()


class Line:
    """Those who wait to write in one event loop, and the batch they form."""

    def __init__(self, pen: Pen, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.connection = pen.connection
        self.batch: Batch | None = None
        self._pen = pen
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._idle = asyncio.Event()
        self._idle.set()
        self._closed = False
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="coatcheck-commit")

    async def turn(self) -> Batch:
        """Wait for a turn on the write connection; the caller must end it with `give_way`."""
        if self._closed:
            raise DatabaseUnavailable
        ticket: asyncio.Future[None] = self.loop.create_future()
        self._waiting.append(ticket)
        if self._idle.is_set():
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
        if self.loop.is_closed():
            self.abandon()  # an unfinished body is collected with its loop and ends here
        elif self.batch is None:
            self._rest()
        elif not (self._has_room(self.batch) and self._wake_next(self.batch)):
            self._in_thread(self._commit, self._committed)

    def lose(self) -> None:
        """The whole transaction is gone (full disk, OR ROLLBACK): nobody in it is acknowledged."""
        if self.batch is not None:
            batch, self.batch = self.batch, None
            self._pen.let_go(self)
            batch.committed.set_result(DatabaseUnavailable())

    async def finish(self) -> None:
        """Let nobody else in, and wait until all who are in have their answer."""
        self.close()
        await self._idle.wait()
        self._thread.shutdown(wait=False)

    def close(self) -> None:
        """Let nobody else in; from any thread."""
        self._closed = True

    def abandon(self) -> None:
        """Undo what a closed loop left open; from any thread, any number of times."""
        self._closed = True
        self.batch = None
        self._thread.shutdown(wait=False)
        self._pen.let_go(self)

    def _has_room(self, batch: Batch) -> bool:
        return batch.turns < TURNS_PER_COMMIT and self.loop.time() - batch.begun < SECONDS_PER_COMMIT

    def _wake_next(self, batch: Batch) -> bool:
        while self._waiting:
            ticket = self._waiting.popleft()
            if not ticket.done():
                # Turns, not successes: a stream of bodies that fail must end the batch too.
                batch.turns += 1
                ticket.set_result(None)
                return True
        return False

    def _begin(self) -> None:
        self._idle.clear()
        if self._pen.begin_at_once(self):  # microseconds, and a thread and back ten times as many
            self._begun(None)
        else:
            self._in_thread(lambda: self._pen.begin(self), self._begun)

    def _begun(self, error: BaseException | None) -> None:
        if error is None:
            self.batch = Batch(self.loop)
            self.give_way()
            return
        while self._waiting:
            ticket = self._waiting.popleft()
            if not ticket.done():
                refused = DatabaseUnavailable()  # one each: a shared one would gather everybody's trace
                refused.__cause__ = error
                ticket.set_exception(refused)
        self._rest()

    def _commit(self) -> None:
        # What every body has undone is still written out by a COMMIT: an fsync for nothing, and a
        # change told to every process.
        if self.batch is None or self.batch.kept:
            self._pen.commit(self)
        else:
            self._pen.let_go(self)

    def _committed(self, error: BaseException | None) -> None:
        assert self.batch is not None
        batch, self.batch = self.batch, None
        batch.committed.set_result(error)
        self._rest()

    def _rest(self) -> None:
        if any(not ticket.done() for ticket in self._waiting):
            self._begin()
        else:
            self._waiting.clear()
            self._idle.set()

    def _in_thread(self, work: Callable[[], None], then: Callable[[BaseException | None], None]) -> None:
        """Run `work` in the commit thread and `then` in the loop, owned by no caller's task."""

        def carry_out() -> None:
            error: BaseException | None = None
            try:
                work()
            except BaseException as raised:
                error = raised
            try:
                self.loop.call_soon_threadsafe(then, error)
            except RuntimeError:  # the loop was closed meanwhile, and nobody goes on in it
                self.abandon()

        self._thread.submit(carry_out)


class Writer:
    """The write side of one file, for whichever event loop is running."""

    def __init__(self, path: Path) -> None:
        self.pen = Pen(path)
        self._lines: dict[asyncio.AbstractEventLoop, Line] = {}
        self._changing = threading.Lock()

    def line(self) -> Line:
        """The line of the running loop; what closed loops left open is undone."""
        loop = asyncio.get_running_loop()
        line = self._lines.get(loop)
        if line is not None and len(self._lines) == 1:
            return line
        # Starlette's TestClient without `with` gives every request a new loop and closes it.
        with self._changing:
            for closed in [other for other in self._lines if other.is_closed()]:
                self._lines.pop(closed).abandon()
            return self._lines.setdefault(loop, line or Line(self.pen, loop))

    async def close(self) -> None:
        """Finish what is under way, let nobody else in, and close the connection."""
        self.pen.leave()
        with self._changing:
            lines = dict(self._lines)
            self._lines.clear()
        own = lines.pop(asyncio.get_running_loop(), None)
        for loop, line in lines.items():
            if loop.is_closed():
                line.abandon()
            else:
                line.close()
        if own is not None:
            await own.finish()
        await asyncio.to_thread(self.pen.close)
