"""One schema history: a package of Alembic version files, and where a database stands in it."""

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from importlib.util import find_spec
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from coatcheck.database.sqlite_schema import AFTER_REVISION
from coatcheck.problems import StartRefused

ENVIRONMENT = Path(__file__).parent / "alembic_environment"
VERSION_TABLE_END = "_schema_version"
NAMES = "migrations= names packages of Alembic files"
REVISION = re.compile(rb"^revision\b", re.MULTILINE)
NO_REVISIONS = ("__init__", ".#")  # Alembic passes them over: the package itself, and an editor's lock
BASE = "base"  # Alembic's word for the place before the first revision


class Standing(Enum):
    """How a database stands to the histories of this program."""

    CURRENT = "current"
    OLDER = "older"
    NEWER = "newer"


@dataclass(frozen=True, slots=True)
class Step:
    """The way of one history from where a database stands to where it is asked to go.

    target: a revision, or `base`. revisions: what is applied or undone, in that order, each with the
    first line of its docstring; none if the database stands there already.
    """

    history: str
    target: str
    revisions: tuple[str, ...]
    down: bool


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
        return f"{self.name}{VERSION_TABLE_END}"

    def config(self) -> Config:
        """Alembic's configuration for this history."""
        config = Config()
        config.set_main_option("script_location", _literal(ENVIRONMENT))
        config.set_main_option("version_locations", _literal(self._folder()))
        config.set_main_option("path_separator", "newline")
        config.attributes["version_table"] = self.version_table
        return config

    def _folder(self) -> Path:
        """Where the files are. Alembic would run each of them, so they are looked at first.

        Raises StartRefused: there is no such package, or it holds something else.
        """
        try:
            found = find_spec(self.package) if all(self.package.split(".")) else None
        except ModuleNotFoundError:
            found = None
        if found is None or not found.submodule_search_locations:
            raise StartRefused(f"There is no package {self.package}; {NAMES}.")
        folder = Path(found.submodule_search_locations[0])
        for file in sorted(folder.glob("*.py")):
            if not file.name.startswith(NO_REVISIONS) and not REVISION.search(file.read_bytes()):
                raise StartRefused(
                    f"The package {self.package} holds {file.name}, which is no Alembic file; {NAMES}."
                )
        return folder

    def standing(self, connection: Connection) -> Standing:
        """How the database stands to this history."""
        script = ScriptDirectory.from_config(self.config())
        present = set(self._heads(connection))
        known = {revision.revision for revision in script.walk_revisions()}
        if present - known:
            return Standing.NEWER
        return Standing.CURRENT if present == set(script.get_heads()) else Standing.OLDER

    def remove(self, connection: Connection) -> None:
        """Take this history's tables away, with all that is in them."""
        command.downgrade(self._config_on(connection), BASE)

    def upgrade(self, connection: Connection) -> None:
        """Bring the database to this history's newest revision."""
        command.upgrade(self._config_on(connection), "heads")

    def step(self, connection: Connection, revision: str) -> Step:
        """The way to `revision`: one of this history's, `base`, `head`, or `-1`, `+1` and so on from here.

        The database holds no revision that this history does not know.
        Raises StartRefused: there is no such revision.
        """
        script = ScriptDirectory.from_config(self.config())
        heads = self._heads(connection)
        target = self._target(script, heads, revision)
        present, wanted = _with_those_before(script, heads), _with_those_before(script, [target])
        if not (present <= wanted or wanted <= present):
            raise self._branches(target)
        way = [
            f"{found.revision} {found.doc.partition(chr(10))[0]}"
            for found in script.walk_revisions()  # the newest first
            if found.revision in present ^ wanted
        ]
        down = wanted < present
        return Step(self.name, target, tuple(way if down else reversed(way)), down)

    def go(self, connection: Connection, step: Step) -> None:
        """Apply or undo what the step names. Raises StartRefused where that is not possible."""
        run = command.downgrade if step.down else command.upgrade
        try:
            run(self._config_on(connection), step.target)
        except NotImplementedError:
            raise StartRefused(
                f"A revision on the way to {self.name}@{step.target} cannot be undone: its downgrade() raises "
                "NotImplementedError. Nothing has changed; restore a backup from before it instead."
            ) from None
        if self.step(connection, step.target).revisions:
            raise self._branches(step.target)

    def _target(self, script: ScriptDirectory, heads: Iterable[str], revision: str) -> str:
        line = [BASE, *reversed([found.revision for found in script.walk_revisions()])]
        here = max((line.index(head) for head in heads), default=0)
        if revision == "head" and len(script.get_heads()) > 1:
            raise StartRefused(f"The history {self.name} has several heads; name one: {_listed(script.get_heads())}.")
        if revision[:1] in ("-", "+") and revision[1:].isdecimal():
            place = here + int(revision)
        elif revision == "head":
            place = len(line) - 1
        else:
            place = line.index(revision) if revision in line else -1
        if not 0 <= place < len(line):
            raise StartRefused(
                f"The history {self.name}, which is at {line[here]}, has no revision {revision}; "
                f"it has: {_listed(line)}."
            )
        return line[place]

    def _branches(self, target: str) -> StartRefused:
        return StartRefused(
            f"The history {self.name} branches on the way to {self.name}@{target}, and --to follows one line only. "
            "Nothing has changed; name a revision before the branch, or head."
        )

    def _heads(self, connection: Connection) -> tuple[str, ...]:
        """The revisions that the database stands at: none, one, or one for each branch."""
        context = MigrationContext.configure(connection, opts={"version_table": self.version_table})
        return context.get_current_heads()

    def _config_on(self, connection: Connection) -> Config:
        config = self.config()
        config.attributes["connection"] = connection
        config.attributes["after_revision"] = connection.info.get(AFTER_REVISION, ())
        return config


def _with_those_before(script: ScriptDirectory, revisions: Iterable[str]) -> set[str]:
    return {
        found.revision
        for revision in revisions
        if revision != BASE
        for found in script.iterate_revisions(revision, BASE)
    }


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names)


def _literal(path: str | Path) -> str:
    """A path in an ini value, where % begins an interpolation."""
    return os.fspath(path).replace("%", "%%")
