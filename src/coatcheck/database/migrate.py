"""Schema histories: Alembic's, each with its own version table, run by us alone.

The library's history goes first going up and last going down. Any number of processes may start at
once: the first carries the migrations out, the others find them done.
"""

import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from functools import partial
from itertools import combinations

from sqlalchemy import Connection, String, column, inspect, select, table
from sqlalchemy.exc import DBAPIError

from coatcheck.database import postgresql_schema, sqlite_schema
from coatcheck.database.history import BASE, VERSION_TABLE_END, History, Standing, Step
from coatcheck.database.url import sqlite_path
from coatcheck.problems import StartRefused

__all__ = ["Migrations", "Step", "named"]

# Alembic's `op` and `context` are one for the whole process; two apps in it may migrate at once.
ALEMBIC = threading.Lock()

Connecting = Callable[[], AbstractContextManager[Connection]]


def named(packages: Iterable[object]) -> list[str]:
    """What `migrations=` names. Raises StartRefused: one name alone, or what is no list of names."""
    if isinstance(packages, str):  # a list of its letters
        raise StartRefused(f'migrations= is a list of packages by name: write migrations=["{packages}"].')
    try:
        given = list(packages)
    except TypeError:
        given = [None]
    names = [name for name in given if isinstance(name, str)]
    if names != given:
        raise StartRefused('migrations= is a list of packages by name, such as ["todos.migrations"].')
    return names


class Migrations:
    """The histories of one program, on one database. Everything here blocks: run it in a thread.

    packages: the library's first, for the others stand on it; then the application's.
    Raises StartRefused: two of them would share a version table.
    """

    def __init__(self, url: str, packages: Sequence[str]) -> None:
        self._url = url
        self.packages = packages
        self._histories = [History(package) for package in packages]
        for one, other in combinations(self._histories, 2):
            if one.name.lower() == other.name.lower():  # as SQLite compares the names of tables
                raise StartRefused(
                    f"The histories {one.package} and {other.package} would share the version table "
                    f"{one.version_table}. Name each package of Alembic files once, and let the first part "
                    "of its name be its own."
                )

    @property
    def names(self) -> list[str]:
        """The names of the histories, the library's first."""
        return [history.name for history in self._histories]

    def is_older(self) -> bool:
        """Whether the database misses a revision of this program.

        Raises StartRefused: the database belongs to a newer version of the program.
        """
        look, _ = self._connecting
        with look() as connection:
            return self._is_older(connection)

    def upgrade(self) -> bool:
        """Bring every history to its newest revision, in one transaction; whether there was anything to do.

        Raises StartRefused: the database belongs to a newer version of the program.
        """
        # Most starts find nothing to do, and must not stop those who write to find that out.
        if not self.is_older():
            return False
        _, change = self._connecting
        with change() as connection:
            if not self._is_older(connection):
                return False  # another process was first
            with ALEMBIC:
                for history in self._histories:
                    history.upgrade(connection)
            return True

    def start_anew(self) -> None:
        """Take every history's tables away and make them anew, empty, in one transaction.

        Not the file: a server that has it open would go on in a file without a name, and new ones
        beside it. Ids begin at 1 again; the tokens of before have lost their sessions and keys.
        Raises StartRefused: a newer version's database, or other tables need these.
        """
        _, change = self._connecting
        try:
            with change() as connection, ALEMBIC:
                self._is_older(connection)  # refuses a newer one
                sqlite_schema.count_anew(connection)
                for history in reversed(self._histories):
                    history.remove(connection)
                for history in self._histories:
                    history.upgrade(connection)
        except (DBAPIError, NotImplementedError) as error:
            why = str(error.orig if isinstance(error, DBAPIError) else error).partition("\n")[0]
            raise StartRefused(
                f"The tables cannot be taken away, and nothing was deleted ({why}). "
                "Name a new database in COATCHECK_DATABASE_URL instead."
            ) from None

    def step(self, to: str) -> Step:
        """What going to `coatcheck@0001`, `todos@base`, `todos@head` or `todos@-1` would do here.

        Raises StartRefused: there is no such place, or another history stands in the way.
        """
        look, _ = self._connecting
        history, revision = self._named(to)
        with look() as connection:
            return self._step(connection, history, revision)

    def go(self, step: Step) -> None:
        """Carry a step out, in one transaction.

        A step that would take what another history needs is refused, by two rules. The first history
        goes to `base` only when no other has a revision recorded here, known to this program or not:
        ids of accounts may be kept without a foreign key. Any other step is tried, and undone if a
        foreign key of any table in the database would lose the table or the columns it leads to:
        revisions do not say on which of another history's they stand, and to ask that everything above
        be undone first would lose every row there for a column more or less below. PostgreSQL finds that
        out itself, where a revision does not say CASCADE.

        Raises StartRefused: it is refused, or the database no longer stands where the step begins.
        """
        _, change = self._connecting
        history, _ = self._named(f"{step.history}@{step.target}")
        with change() as connection:
            if self._step(connection, history, step.target) != step:
                raise StartRefused("Another process has changed the schema meanwhile. Look, then try again.")
            if step.revisions:
                with ALEMBIC:
                    history.go(connection, step)

    def _named(self, to: str) -> tuple[History, str]:
        name, at, revision = to.partition("@")
        if not (name and at and revision):
            raise StartRefused("Write history@revision, such as coatcheck@head or todos@base.")
        for history in self._histories:
            if history.name == name:
                return history, revision
        known = ", ".join(history.name for history in self._histories)
        hint = " An application's are known with --app module:app." if len(self._histories) == 1 else ""
        raise StartRefused(f"There is no history {name}; there is: {known}.{hint}")

    def _step(self, connection: Connection, history: History, revision: str) -> Step:
        self._is_older(connection)  # refuses a newer one
        step = history.step(connection, revision)
        first = self._histories[0]
        if history == first:
            if step.down and step.target == BASE:
                self._refuse_others(connection)
        elif step.revisions and not step.down and first.standing(connection) is Standing.OLDER:
            raise StartRefused(
                f"The history {first.name} goes first, for {history.name} stands on it. "
                f"Run first: coatcheck migrate --to {first.name}@head"
            )
        return step

    def _refuse_others(self, connection: Connection) -> None:
        """Refuse if another history has a revision recorded in this database, known to this program or not."""
        look = inspect(connection)
        for name in look.get_table_names():
            if not name.endswith(VERSION_TABLE_END) or name == self._histories[0].version_table:
                continue
            if [found["name"] for found in look.get_columns(name)] != ["version_num"]:
                continue  # somebody's own table that happens to be named so
            recorded = connection.execute(select(column("version_num", String)).select_from(table(name))).scalar()
            if recorded is not None:
                other = name.removesuffix(VERSION_TABLE_END)
                raise StartRefused(
                    f"The history {other} is at {recorded} and stands on {self._histories[0].name}, which goes last. "
                    f"Nothing has changed; run first: coatcheck migrate --app module:app --to {other}@base"
                )

    def _standing(self, connection: Connection) -> Standing:
        found = {history.standing(connection) for history in self._histories}
        return next(worst for worst in (Standing.NEWER, Standing.OLDER, Standing.CURRENT) if worst in found)

    def _is_older(self, connection: Connection) -> bool:
        standing = self._standing(connection)
        if standing is Standing.NEWER:
            raise StartRefused(
                "The database was made by a newer version of this program. "
                "Install that version again, or restore a backup from before the upgrade."
            )
        return standing is Standing.OLDER

    @property
    def _connecting(self) -> tuple[Connecting, Connecting]:
        """How to look at the schema, and how to change it."""
        path = sqlite_path(self._url)
        if path is not None:
            return partial(sqlite_schema.schema_look, path), partial(sqlite_schema.schema_change, path)
        return partial(postgresql_schema.schema_look, self._url), partial(postgresql_schema.schema_change, self._url)
