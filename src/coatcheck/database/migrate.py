"""Schema histories: Alembic's, each with its own version table, run by us alone.

The library's history goes first going up. Any number of processes may start at once: the first
carries the migrations out, the others find them done.
"""

import os
import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import Enum
from functools import partial
from importlib.util import find_spec
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from coatcheck.database import postgresql_schema, sqlite_schema
from coatcheck.database.url import sqlite_path
from coatcheck.problems import StartRefused

ENVIRONMENT = Path(__file__).parent / "alembic_environment"
# Alembic's `op` and `context` are one for the whole process; two apps in it may migrate at once.
ALEMBIC = threading.Lock()

Connecting = Callable[[], AbstractContextManager[Connection]]


class Standing(Enum):
    """How a database stands to the histories of this program."""

    CURRENT = "current"
    OLDER = "older"
    NEWER = "newer"


@dataclass(frozen=True, slots=True)
class History:
    """One package of Alembic version files, such as `coatcheck.migrations`."""

    package: str

    @property
    def name(self) -> str:
        """The first part of the package's name."""
        return self.package.partition(".")[0]

    @property
    def version_table(self) -> str:
        """Where this history keeps the revision it stands at."""
        return f"{self.name}_schema_version"

    def config(self) -> Config:
        """Alembic's configuration for this history."""
        try:
            found = find_spec(self.package)
        except ModuleNotFoundError:
            found = None
        if found is None or not found.submodule_search_locations:
            raise StartRefused(f"There is no package {self.package}; migrations= names packages of Alembic files.")
        config = Config()
        config.set_main_option("script_location", _literal(ENVIRONMENT))
        config.set_main_option("version_locations", _literal(found.submodule_search_locations[0]))
        config.set_main_option("path_separator", "newline")
        config.attributes["version_table"] = self.version_table
        return config

    def standing(self, connection: Connection) -> Standing:
        """How the database stands to this history."""
        script = ScriptDirectory.from_config(self.config())
        context = MigrationContext.configure(connection, opts={"version_table": self.version_table})
        present = set(context.get_current_heads())
        known = {revision.revision for revision in script.walk_revisions()}
        if present - known:
            return Standing.NEWER
        return Standing.CURRENT if present == set(script.get_heads()) else Standing.OLDER

    def remove(self, connection: Connection) -> None:
        """Take this history's tables away, with all that is in them."""
        config = self.config()
        config.attributes["connection"] = connection
        config.attributes["after_revision"] = ()
        command.downgrade(config, "base")

    def upgrade(self, connection: Connection) -> None:
        """Bring the database to this history's newest revision."""
        config = self.config()
        config.attributes["connection"] = connection
        config.attributes["after_revision"] = connection.info.get(sqlite_schema.AFTER_REVISION, ())
        command.upgrade(config, "heads")


class Migrations:
    """The histories of one program, on one database. Everything here blocks: run it in a thread."""

    def __init__(self, url: str, packages: Sequence[str]) -> None:
        self._url = url
        self._histories = [History(package) for package in packages]

    @property
    def names(self) -> list[str]:
        """The names of the histories, the library's first."""
        return [history.name for history in self._histories]

    def start_anew(self) -> None:
        """Take every history's tables away and make them anew, empty, in one transaction.

        Not the file: a server that has it open would go on in a file without a name, and new ones
        beside it. Ids begin at 1 again; the tokens of before have lost their sessions and keys.
        Raises StartRefused: a newer version's database, or other tables need these.
        """
        _, change = self._connecting
        try:
            with change() as connection, ALEMBIC:
                self._is_older(self._standing(connection))
                connection.info.pop(sqlite_schema.AFTER_REVISION, None)
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

    def standing(self) -> Standing:
        """The worst standing of all histories: newer, then older, then current."""
        look, _ = self._connecting
        with look() as connection:
            return self._standing(connection)

    def upgrade(self) -> bool:
        """Bring every history to its newest revision, in one transaction; whether there was anything to do.

        Raises StartRefused: the database belongs to a newer version of the program.
        """
        # Most starts find nothing to do, and must not stop those who write to find that out.
        if not self._is_older(self.standing()):
            return False
        _, change = self._connecting
        with change() as connection:
            if not self._is_older(self._standing(connection)):
                return False  # another process was first
            with ALEMBIC:
                for history in self._histories:
                    history.upgrade(connection)
            return True

    def _standing(self, connection: Connection) -> Standing:
        found = {history.standing(connection) for history in self._histories}
        return next(worst for worst in (Standing.NEWER, Standing.OLDER, Standing.CURRENT) if worst in found)

    @staticmethod
    def _is_older(standing: Standing) -> bool:
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


def _literal(path: str | Path) -> str:
    """A path in an ini value, where % begins an interpolation."""
    return os.fspath(path).replace("%", "%%")
