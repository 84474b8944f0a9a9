"""How the database file is made, opened and copied: modes, WAL, durability."""

import errno
import os
import sqlite3
import time
from collections.abc import Callable, Generator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import TypeVar

from coatcheck.database.sqlite_errors import is_busy, translated
from coatcheck.problems import StartRefused

Result = TypeVar("Result")
Watch = Callable[[int, int], None]  # pages copied, pages in all

FOLDER_OWNER_ONLY = 0o700
OWNER_ONLY = 0o600  # whatever the umask; SQLite gives -wal and -shm the mode of the main file
BUSY_SECONDS = 5.0
POLL_SECONDS = 0.001
WAL_PAGES_BEFORE_CHECKPOINT = 1_000
WAL_BYTES_KEPT = 64 * 1024 * 1024
STATEMENTS_CACHED = 512
PAGES_A_STEP = 1_000  # 4 MB, some milliseconds


class Forgettable(sqlite3.Connection):
    """Closes without a word when an application is forgotten that nobody closed.

    No lifespan closes what is mounted, or asked through a TestClient without `with`: from Python 3.13 on
    each would leave a ResourceWarning, which is an error where a host's tests make warnings errors.
    """

    def __del__(self) -> None:
        self.close()


def make_private(path: Path) -> None:
    """Create the file, or close an existing one to others, before SQLite opens it.

    A folder that is missing is made too, and closed; one that is there belongs to somebody.
    An existing file is not opened: when a process closes any descriptor of a file, it loses all its
    locks on it (POSIX), SQLite's too. Then the next process that comes and goes takes itself for the
    last one and deletes the log (-wal) under the others, with everything that they acknowledge later.
    """
    try:
        if not path.parent.exists():
            path.parent.mkdir(mode=FOLDER_OWNER_ONLY, parents=True, exist_ok=True)
            path.parent.chmod(FOLDER_OWNER_ONLY)  # the umask may have taken more than it should
        _make(Path(os.path.realpath(path)))
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        if not os.access(path, os.R_OK | os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        # Another owner's file stays as it is: whoever made it decides who reads it.
        with suppress(PermissionError):
            path.chmod(OWNER_ONLY)
    except OSError as error:
        raise StartRefused(
            f"The database file {path} cannot be opened ({error.strerror}). "
            "Make its folder readable and writable for this user, or set COATCHECK_DATABASE_URL."
        ) from None


def _make(path: Path) -> None:
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, OWNER_ONLY))
        path.chmod(OWNER_ONLY)  # the umask may have taken more than it should


@contextmanager
def refusing_to_start(path: Path) -> Generator[None, None, None]:
    """Word what SQLite says while it opens the file as a StartRefused."""
    try:
        yield
    except sqlite3.Error as error:
        raise StartRefused(
            f"The file {path} cannot be used as a database ({error}). "
            "Set COATCHECK_DATABASE_URL to another file, or restore this one from a backup."
        ) from None


def open_writer(path: Path) -> sqlite3.Connection:
    """The one connection that writes.

    synchronous=FULL: with NORMAL a power cut can undo a logout that was acknowledged.
    busy_timeout=0: waiting for other processes is done in the thread that begins, see sqlite_turn.py.
    """
    connection = connect(path, "rw")
    try:
        connection.execute(f"PRAGMA busy_timeout={int(BUSY_SECONDS * 1000)}")
        switch_to_wal(connection)
        connection.execute("PRAGMA busy_timeout=0")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA foreign_keys=ON")
        connection.execute(f"PRAGMA wal_autocheckpoint={WAL_PAGES_BEFORE_CHECKPOINT}")
        connection.execute(f"PRAGMA journal_size_limit={WAL_BYTES_KEPT}")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def switch_to_wal(connection: sqlite3.Connection, seconds: float = BUSY_SECONDS) -> None:
    """Several processes may open a new file at once: who would wait for one that waits for it is refused
    without the wait that busy_timeout promises, so it is tried again."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            ((mode,),) = connection.execute("PRAGMA journal_mode=WAL").fetchall()
        except sqlite3.OperationalError as error:
            if not is_busy(error) or time.monotonic() > deadline:
                raise
            time.sleep(POLL_SECONDS)
            continue
        if mode != "wal":
            raise sqlite3.OperationalError(f"it stays in journal mode {mode}; WAL needs a local disk")
        return


def open_reader(path: Path, busy_seconds: float = 0.0) -> sqlite3.Connection:
    """A read-only connection.

    busy_seconds: 0 on the event loop, where nothing may wait; BUSY_SECONDS in a thread.
    """
    connection = connect(path, "ro")
    connection.execute(f"PRAGMA busy_timeout={int(busy_seconds * 1000)}")
    return connection


def connect(path: Path, mode: str) -> sqlite3.Connection:
    """A connection without any setting. mode: SQLite's `rw` or `ro`, and more of its URL's options."""
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={mode}",
        uri=True,
        factory=Forgettable,
        isolation_level=None,  # transactions are begun and ended by us alone
        check_same_thread=False,  # the commit runs in a thread; turns keep the two apart
        cached_statements=STATEMENTS_CACHED,
    )


def read_in_thread(path: Path, read: Callable[[sqlite3.Connection], Result]) -> Result:
    """Run `read` on a connection of its own that may wait for others; closed afterwards."""
    connection = open_reader(path, BUSY_SECONDS)
    try:
        return read(connection)
    finally:
        connection.close()


def copy_to_new_file(path: Path, target: Path, watch: Watch) -> None:
    """Copy a database that is in use; what fails half-way leaves nothing that looks like a backup.

    watch: told after each part; what it raises ends the copy. Raises FileExistsError, and OSError
    where the file cannot be made.
    """
    try:
        with closing(open_reader(path, BUSY_SECONDS)) as source:
            # One snapshot for all steps: else each commit meanwhile would make the copy begin again.
            source.execute("BEGIN")
            source.execute("SELECT 1 FROM sqlite_master").fetchall()
            fill_new_file(source, target, watch)
    except sqlite3.Error as error:
        raise translated(error) from error


def fill_new_file(source: sqlite3.Connection, target: Path, watch: Watch) -> None:
    """Copy what a connection sees into a new file, or leave none. Raises FileExistsError, OSError, sqlite3.Error."""
    made = os.open(target, os.O_CREAT | os.O_EXCL | os.O_RDWR, OWNER_ONLY)
    try:
        os.close(made)
        target.chmod(OWNER_ONLY)  # the umask may have taken more than it should
        with closing(sqlite3.connect(target)) as copy:
            copy_pages(source, copy, watch)
    except BaseException:
        target.unlink()
        raise


def copy_pages(source: sqlite3.Connection, target: sqlite3.Connection, watch: Watch) -> None:
    """Make one database what another is, in one transaction."""
    source.backup(target, pages=PAGES_A_STEP, progress=lambda _, remaining, total: watch(total - remaining, total))
