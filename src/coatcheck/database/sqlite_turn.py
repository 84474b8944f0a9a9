"""Whose turn it is to begin a write: a queue of processes beside the database file."""

import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock, Timeout

from coatcheck.database.errors import DatabaseUnavailable
from coatcheck.database.sqlite_errors import is_busy
from coatcheck.database.sqlite_files import OWNER_ONLY

POLL_SECONDS = 0.001
# Whoever is in front has looked several times by then: who writes so rarely takes nobody's turn.
REST_SECONDS = 0.005


class Turn:
    """An advisory lock, held only while one waits for BEGIN IMMEDIATE.

    SQLite's busy handler sleeps, and whoever has just committed retakes the lock first: of two
    saturated processes one starved. So processes queue here, and the one in front looks every
    millisecond. Both waits block: only in a thread. A process that has not written for REST_SECONDS may begin
    without the file, where nobody is writing: the lock is most of what a short transaction costs.
    """

    def __init__(self, path: Path) -> None:
        beside = f"{path.resolve()}-turn"  # one lock, also for a process that came by a symbolic link
        self._lock = FileLock(beside, mode=OWNER_ONLY, thread_local=False, poll_interval=POLL_SECONDS)
        self._over: float | None = None

    def over(self) -> None:
        """The transaction that was begun has ended."""
        self._over = time.monotonic()

    def begin(
        self, connection: sqlite3.Connection, seconds: float, given_up: Callable[[], bool] = lambda: False
    ) -> None:
        """BEGIN IMMEDIATE on `connection`.

        Raises DatabaseUnavailable after `seconds`, when it fails, or once `given_up` says so.
        """
        deadline = time.monotonic() + seconds
        try:
            with self._lock.acquire(timeout=seconds, cancel_check=given_up):
                while not self._begun(connection, 0.0 if given_up() else deadline):
                    time.sleep(POLL_SECONDS)
        except (Timeout, OSError, sqlite3.Error) as error:
            raise DatabaseUnavailable from error

    def begin_at_once(self, connection: sqlite3.Connection) -> None:
        """BEGIN IMMEDIATE, without the file and without waiting.

        Raises DatabaseUnavailable: somebody is writing, this process has written a moment ago, or it fails.
        """
        if self._over is None or time.monotonic() - self._over < REST_SECONDS:
            raise DatabaseUnavailable
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.Error as error:
            raise DatabaseUnavailable from error

    def _begun(self, connection: sqlite3.Connection, deadline: float) -> bool:
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            if not is_busy(error) or time.monotonic() > deadline:
                raise
            return False
        return True
