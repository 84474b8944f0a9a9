"""Putting a copy of a SQLite database in the place of the present one, with nobody else looking.

    FILE ── copied ──> coatcheck.db.restoring ── made fit, there ──> one transaction in coatcheck.db
                       coatcheck.db ── copied ──> coatcheck.db.before-restore-<moment>

Not by renaming: a server that starts in between would wait for the lock of a file that has no name any
more, and go on in that. So the file stays, and its content is exchanged in one transaction of SQLite's
own, under a lock that is held from the first look to the last. In WAL mode: what a killed restore has
written there, no commit ends, so any reader passes over it. (A rollback journal would have to be played
back first, and those who only read refuse to.)
"""

import os
import sqlite3
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager, suppress
from itertools import count
from pathlib import Path

from coatcheck.database.sqlite_errors import is_busy
from coatcheck.database.sqlite_files import (
    Watch,
    connect,
    copy_pages,
    fill_new_file,
    make_private,
    switch_to_wal,
)
from coatcheck.problems import StartRefused

WAIT_SECONDS = 1.0  # for a server that is just ending
BESIDE = ("-wal", "-shm", "-journal", "-turn")  # what a database may have beside it; -turn is ours
HOLDS_TABLES = "SELECT 1 FROM sqlite_master WHERE type = 'table' LIMIT 1"
OURS = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'coatcheck_keys'"

Bar = Callable[[str], AbstractContextManager[Watch]]


class Restore:
    """One restore of `file` into `database`. Everything here blocks, and raises StartRefused.

    stamp: of the moment, for the name under which the present database is kept. bar: shows how far a
    copying has come.
    """

    def __init__(self, database: Path, file: Path, *, stamp: str, bar: Bar) -> None:
        self.database = database
        self.file = file
        self._copy = database.with_name(f"{database.name}.restoring")
        self._draft = database.with_name(f"{database.name}.keeping")
        self._kept = database.with_name(f"{database.name}.before-restore-{stamp}")
        self._bar = bar

    def run(self, *, agree: Callable[[], None], make_fit: Callable[[Path], None]) -> Path | None:
        """Check, ask, and exchange. Where the present database is kept; None if there was none.

        agree: raises, if nothing shall be done. make_fit: brings a copy to what it shall be; raises, if it
        cannot be that. The file itself is only read.
        """
        with self._worded(), closing(self._opened()) as source, ExitStack() as stack:
            held = stack.enter_context(alone(self.database)) if self.database.exists() else None
            agree()
            stack.callback(self._remove_drafts)
            self._fill_copy(source)
            make_fit(self._copy)
            if held is None:
                # Only now, so that whoever is refused or killed before finds no empty database instead of none.
                make_private(self.database)
                held = stack.enter_context(alone(self.database))
            kept = self._keep(held)
            self._exchange(held)
        return kept

    def _opened(self) -> sqlite3.Connection:
        """The file, opened so that it stays as it is."""
        if not self.file.is_file():
            raise StartRefused(f"There is no file {self.file}. Name the copy that coatcheck backup has made.")
        if self.database.exists() and self.file.samefile(self.database):
            raise StartRefused(f"{self.file} is the database itself. Name a copy of it.")
        # What lies beside belongs to it: of a server that was killed, or that is running on it. Else nobody
        # changes it, and without locks it needs no place for them: it may be on a read-only disk.
        real = self.file.resolve()  # beside that, for a link to it
        whole = not any(real.with_name(f"{real.name}{end}").exists() for end in ("-wal", "-journal"))
        connection = connect(self.file, "ro&immutable=1" if whole else "ro")
        try:
            ours = connection.execute(OURS).fetchall()
        except sqlite3.Error as error:
            connection.close()
            raise self._unreadable(error) from None
        if not ours:
            connection.close()
            raise StartRefused(f"{self.file} holds no accounts of Coatcheck. Nothing has changed; name another file.")
        return connection

    def _fill_copy(self, source: sqlite3.Connection) -> None:
        self._remove_drafts()  # what a killed restore has left
        make_private(self._copy)
        try:
            with closing(connect(self._copy, "rw")) as copy, self._bar(f"Reading {self.file.name}") as watch:
                copy_pages(source, copy, watch)
                copy.execute("PRAGMA journal_mode=DELETE")
                ((found,),) = copy.execute("PRAGMA quick_check(1)").fetchall()
        except sqlite3.DatabaseError as error:
            raise self._unreadable(error) from None
        if found != "ok":
            raise self._unreadable(" ".join(found.split()))

    def _keep(self, held: sqlite3.Connection) -> Path | None:
        """Copy the present database beside itself, if there is anything in it."""
        if not held.execute(HOLDS_TABLES).fetchall():
            return None
        with self._bar(f"Keeping {self.database.name}") as watch:
            fill_new_file(held, self._draft, watch)
        kept = next(name for name in self._names_to_keep() if not name.exists())
        self._draft.rename(kept)  # whole, or not under this name; and nobody else is here who could take it
        _make_durable(kept.parent)
        return kept

    def _names_to_keep(self) -> Iterator[Path]:
        """The name of the moment; another, where a restore was in the same second."""
        yield self._kept
        yield from (self._kept.with_name(f"{self._kept.name}-{number}") for number in count(2))

    def _exchange(self, held: sqlite3.Connection) -> None:
        with closing(connect(self._copy, "rw")) as copy:
            ((size,),) = held.execute("PRAGMA page_size").fetchall()
            if copy.execute("PRAGMA page_size").fetchall() != [(size,)]:  # SQLite cannot change that in WAL mode
                copy.execute("PRAGMA journal_mode=DELETE")
                copy.execute(f"PRAGMA page_size={size}")
                copy.execute("VACUUM")
            with self._bar(f"Writing {self.database.name}") as watch:
                copy_pages(copy, held, watch)

    def _remove_drafts(self) -> None:
        for draft in (self._copy, self._draft):
            for end in ("", *BESIDE):
                draft.with_name(f"{draft.name}{end}").unlink(missing_ok=True)

    @contextmanager
    def _worded(self) -> Generator[None, None, None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise StartRefused(
                f"{self.file} cannot be put in the place of {self.database} ({error}). Nothing has changed there; "
                "make room on the disk, or, if the present database is broken, move it elsewhere, then try again."
            ) from None

    def _unreadable(self, why: object) -> StartRefused:
        return StartRefused(
            f"{self.file} cannot be read as a whole database ({why}). Nothing has changed; name another copy."
        )


@contextmanager
def alone(path: Path) -> Generator[sqlite3.Connection, None, None]:
    """A connection beside which there is no other, in any process, and none can come until it is closed.

    In WAL mode, which every server of ours switches to, whoever has looked once holds a shared lock on the
    file until it closes; so an exclusive one is had by nobody while another is open, idle or not.
    Raises StartRefused: there is another.
    """
    connection = connect(path, "rw")
    with closing(connection):
        connection.execute("PRAGMA busy_timeout=0")
        # Before the first look: then WAL needs no memory shared with others, and locks everybody out.
        connection.execute("PRAGMA locking_mode=EXCLUSIVE")
        try:
            switch_to_wal(connection, WAIT_SECONDS)
        except sqlite3.OperationalError as error:
            if not is_busy(error):
                raise
            raise StartRefused(
                f"Another program has {path} open. Nothing has changed; stop every server on it, then try again."
            ) from None
        yield connection


def _make_durable(folder: Path) -> None:
    """Let a new name outlive a power cut: what it names may soon be nowhere else."""
    with suppress(OSError):  # Windows opens no folder
        opened = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(opened)
        finally:
            os.close(opened)
