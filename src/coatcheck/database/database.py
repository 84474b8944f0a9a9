"""`Database`: the small face that both engines share."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Protocol

from sqlalchemy import Executable, text

from coatcheck.database.postgresql import PostgreSQL
from coatcheck.database.sqlite import SQLite
from coatcheck.database.sqlite_files import Watch
from coatcheck.database.url import shown, sqlite_path

NOTHING: Mapping[str, object] = {}
SCAN_SECONDS = 5.0
# SQLite answers SELECT 1 without a look at the file.
PING = {"sqlite": text("SELECT 1 FROM sqlite_master LIMIT 1"), "postgresql": text("SELECT 1")}
TABLE = {
    "sqlite": text("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = :name"),
    "postgresql": text("SELECT 1 WHERE to_regclass(:name) IS NOT NULL"),
}


class Transaction(Protocol):
    """What the block of `async with database.transaction() as tx` is given.

    An error ends the transaction, also for a body that swallows it. The body awaits nothing but its
    own statements: everything else belongs before or after it.
    """

    async def one(self, statement: Executable, values: Mapping[str, object] = ...) -> Any:
        """The one row, or None."""
        ...

    async def all(self, statement: Executable, values: Mapping[str, object] = ...) -> list[Any]:
        """All rows."""
        ...

    async def execute(self, statement: Executable, values: Mapping[str, object] = ...) -> int:
        """How many rows were written."""
        ...

    async def execute_many(self, statement: Executable, rows: Sequence[Mapping[str, object]]) -> int:
        """The same once for each row of values, without an answer to wait for in between."""
        ...

    async def announce(self, channel: str, message: str) -> None:
        """Tell all who watch `channel` as soon as this is committed, this process before the block ends.

        Raises ValueError: more than 7,900 bytes. SQLite sends nothing; there the log tells.
        """


class TransactionBlock(Protocol):
    """`async with` it."""

    async def __aenter__(self) -> Transaction:
        """Wait for a turn, then begin."""
        ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Commit, durable before it returns; or, after an error, undo."""


class Changes(Protocol):
    """Whether this process has been told of what was committed, without a query per look."""

    def start(self) -> None:
        """Begin to watch, rather than at the first look. Raises DatabaseUnavailable."""

    async def close(self) -> None:
        """Stop watching. A later look begins anew."""

    async def current(self) -> bool:
        """True: everything has been told that was committed before now (SQLite), or before a moment less
        than 1 s ago (PostgreSQL). False: not known, so ask the database for this request.

        Raises DatabaseUnavailable on SQLite, where nothing else could be asked either.
        """
        ...


class Database:
    """Accounts, sessions and whatever the application adds, on SQLite or PostgreSQL.

    Statements are SQLAlchemy Core, written once (a module's constants) with `bindparam`s; values are
    handed over by name. Rows come back as named tuples.

    url: `sqlite:///file` or `postgresql://…`. listen_url: a direct connection where `url` goes
    through a pooler. prepare: prepared statements on PostgreSQL.
    Raises UniqueViolation, ForeignKeyViolation (409) and DatabaseUnavailable, ReadTooLong (503).
    """

    def __init__(self, url: str, *, listen_url: str | None = None, prepare: bool = True) -> None:
        self.url = url
        path = sqlite_path(url)
        self._engine: SQLite | PostgreSQL = (
            SQLite(path) if path is not None else PostgreSQL(url, listen_url=listen_url or url, prepare=prepare)
        )

    @property
    def dialect(self) -> Literal["sqlite", "postgresql"]:
        """Which of the two it is."""
        return "sqlite" if isinstance(self._engine, SQLite) else "postgresql"

    def __str__(self) -> str:
        """Where the data is, for people: no password."""
        return shown(self.url)

    async def open(self) -> None:
        """Connect. Raises StartRefused with a sentence when that cannot be."""
        await self._engine.open()

    async def close(self) -> None:
        """Finish what is under way, then disconnect."""
        await self._engine.close()

    async def one(self, statement: Executable, values: Mapping[str, object] = NOTHING) -> Any:
        """The one row of a bounded read, or of a single write with RETURNING; None if there is none."""
        rows = await self._engine.all(statement, values)
        return rows[0] if rows else None

    async def all(self, statement: Executable, values: Mapping[str, object] = NOTHING) -> list[Any]:
        """All rows of a read that an index and a limit bound."""
        return await self._engine.all(statement, values)

    async def scan(
        self, statement: Executable, values: Mapping[str, object] = NOTHING, *, seconds: float = SCAN_SECONDS
    ) -> list[Any]:
        """All rows of a read that no index and limit bound: a search, a count, an export.

        It runs apart from the others, because it holds back SQLite's checkpoint, and is stopped
        after `seconds` (ReadTooLong).
        """
        return await self._engine.scan(statement, values, seconds)

    async def execute(self, statement: Executable, values: Mapping[str, object] = NOTHING) -> int:
        """How many rows a single write has written; durable when this returns."""
        return await self._engine.execute(statement, values)

    def transaction(self) -> TransactionBlock:
        """`async with database.transaction() as tx`: all of it or nothing."""
        return self._engine.transaction()

    async def ping(self) -> None:
        """Ask it something. Raises DatabaseUnavailable."""
        await self.one(PING[self.dialect])

    async def has_table(self, name: str) -> bool:
        """Whether there is a table of this name; a database that nobody has shaped yet has none."""
        return await self.one(TABLE[self.dialect], {"name": name}) is not None

    def changes(
        self, channel: str, *, log: Executable, rows: Callable[[list[Any]], int], message: Callable[[str], None]
    ) -> Changes:
        """What is committed by any process and announced on `channel`; it may be made before `open`.

        log: a SELECT with the parameter `after`: what was committed after that place, oldest first. 0 is
        the beginning, and may be read again at any time: what is told twice counts once.
        rows: takes in what the log gave and returns the new place. It is not called for no rows.
        message: takes in one announcement. On PostgreSQL both are called in a thread of the feed's, and
        `message` by whoever commits here too.
        """
        return self._engine.changes(channel, log, rows, message)

    async def backup(self, target: Path, watch: Watch | None = None) -> None:
        """A consistent copy in a new file, mode 0600, while in use (SQLite; PostgreSQL has pg_dump).

        watch: told in a thread how many pages are done, of how many.
        Raises FileExistsError: a backup never overwrites.
        """
        await self._engine.backup(target, watch or _unwatched)


def _unwatched(done: int, total: int) -> None:
    pass
