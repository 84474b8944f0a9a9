"""The one connection that writes to a SQLite file, and who has it."""

import sqlite3
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from coatcheck.database.errors import DatabaseUnavailable
from coatcheck.database.sqlite_files import BUSY_SECONDS, open_writer
from coatcheck.database.sqlite_turn import Turn


class Pen:
    """The write connection. One owner at a time has it, from `begin` to `commit` or `let_go`.

    The owner is a line of one event loop. It may vanish with its loop while a thread is at work, so
    each step asks whose the pen is: what was let go already is not let go a second time under the
    next owner's hand.
    """

    def __init__(self, path: Path) -> None:
        self.connection = open_writer(path)
        self._held = threading.Lock()
        self._turn = Turn(path)
        self._owner: object = None
        self._asking = threading.Lock()
        self._closed = False
        self._leaving = False

    def begin(self, owner: object) -> None:
        """Begin a transaction. Waits for other loops and other processes, so only in a thread.

        Raises DatabaseUnavailable: others have been writing for BUSY_SECONDS, or it is closed.
        """
        if not self._held.acquire(timeout=BUSY_SECONDS):
            raise DatabaseUnavailable
        self._take(owner, lambda: self._turn.begin(self.connection, BUSY_SECONDS, lambda: self._leaving))

    def begin_at_once(self, owner: object) -> bool:
        """Begin a transaction if nobody has to be waited for, in microseconds. Whether it was begun."""
        if not self._held.acquire(blocking=False):
            return False
        try:
            self._take(owner, lambda: self._turn.begin_at_once(self.connection))
        except DatabaseUnavailable:
            return False
        return True

    def commit(self, owner: object) -> None:
        """Commit with its fsync, in a thread. Raises DatabaseUnavailable: rolled back instead."""
        if not self._taken_from(owner):
            raise DatabaseUnavailable
        try:
            self.connection.execute("COMMIT").close()
        except sqlite3.Error as error:
            self._roll_back()
            raise DatabaseUnavailable from error
        finally:
            self._turn.over()
            self._held.release()

    def let_go(self, owner: object) -> None:
        """Undo the owner's transaction, if it still has one."""
        if self._taken_from(owner):
            try:
                self._roll_back()
            finally:
                self._turn.over()
                self._held.release()

    def leave(self) -> None:
        """Wait no longer for other processes: a server that is being stopped has a second, not five."""
        self._leaving = True

    def close(self) -> None:
        """Close for good, after whoever has it; an owner that does not end is undone."""
        held = self._held.acquire(timeout=BUSY_SECONDS)
        self._closed = True
        self._owner = None
        self.connection.close()
        if held:
            self._held.release()

    def _take(self, owner: object, begin: Callable[[], None]) -> None:
        """Begin with the pen held, or let it go."""
        try:
            if self._closed:
                raise DatabaseUnavailable
            begin()
        except BaseException:
            self._roll_back()
            self._held.release()
            raise
        self._owner = owner

    def _taken_from(self, owner: object) -> bool:
        with self._asking:
            if self._owner is not owner:
                return False
            self._owner = None
            return True

    def _roll_back(self) -> None:
        # What SQLite could not roll back, the next BEGIN refuses: nothing is acknowledged on top of it.
        if self.connection.in_transaction:
            with suppress(sqlite3.Error):
                self.connection.execute("ROLLBACK").close()
