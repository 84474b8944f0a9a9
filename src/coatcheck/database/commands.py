"""`coatcheck migrate`, `backup` and `reset`, and the options that commands of every room share."""

import asyncio
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Protocol, TextIO

import typer
from rich.console import Console
from rich.progress import Progress

from coatcheck.database.database import Database
from coatcheck.database.migrate import Migrations, Step
from coatcheck.database.sqlite_files import Watch
from coatcheck.database.still_needed import StillNeeded
from coatcheck.database.url import pg_dump, sqlite_path

SECONDS_WITHOUT_A_BAR = 1.0
MEGABYTE = 1_000_000

App = Annotated[
    str | None,
    typer.Option(
        "--app",
        metavar="MODULE:APP",
        help="The application whose settings and tables are meant, such as app:app. Without it: accounts alone, "
        "with the settings of this folder.",
        show_default=False,
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")]

database = typer.Typer()


def at_a_terminal() -> bool:
    """Whether there is a person to ask."""
    stdin: TextIO | None = sys.stdin  # None where it was closed: <&-
    return stdin is not None and stdin.isatty()


def ask(question: str, *, else_say: str) -> None:
    """Go on only if a person says yes.

    Never read from anything but a terminal: in a loop over a file the answer would be the loop's next line.
    Raises SystemExit with `else_say`.
    """
    if not at_a_terminal():
        raise SystemExit(f"{else_say} Without a terminal to ask at, this takes --yes.")
    if not typer.confirm(question, err=True):
        raise SystemExit(else_say)


@dataclass(frozen=True, slots=True)
class Store:
    """What these commands act on.

    secret: where the secret is that belongs to the data, for people. all_gone: the channel and the message
    that tell running servers of a reset.
    """

    database: Database
    migrations: Migrations
    local: bool
    secret: str
    all_gone: tuple[str, str]


class Program(Protocol):
    """What the command line hands to these commands (`context.obj`)."""

    def store(self, app: str | None) -> Store:
        """The database of the application; nothing is opened yet."""
        ...


@database.command()
def migrate(
    context: typer.Context,
    to: Annotated[
        str | None,
        typer.Option(help="history@revision, such as coatcheck@head, todos@base or todos@-1: go there, up or down."),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Go down without asking.")] = False,
    app: App = None,
) -> None:
    """Bring the database's schema up to this version, or one history to a revision, in one transaction."""
    program: Program = context.obj
    migrations = program.store(app).migrations
    if to is not None:
        _go_to(migrations, to, yes=yes)
        return
    changed = migrations.upgrade()
    typer.echo("The schema is up to date now." if changed else "The schema was up to date already.")


@database.command()
def backup(
    context: typer.Context,
    target: Annotated[Path, typer.Argument(metavar="FILE", help="A new file.", show_default=False)],
    app: App = None,
) -> None:
    """Copy the database into a new file, consistent, also while a server is running (SQLite).

    An existing file is never overwritten. The schema is copied as it is, so this may come before an upgrade.
    """
    program: Program = context.obj
    store = program.store(app)
    if store.database.dialect == "postgresql":
        raise SystemExit(
            f"PostgreSQL brings a tool of its own: {pg_dump(store.database.url, target)}\n"
            f"{_and_the_secret(store.secret)}"
        )
    require_file(store.database)
    try:
        with bar_after_a_second(f"Copying to {target.name}") as watch:
            asyncio.run(_copy(store.database, target, watch))
    except FileExistsError:
        raise SystemExit(f"{target} exists already, and a backup never overwrites. Name another file.") from None
    except OSError as error:
        raise SystemExit(f"{target} cannot be made ({error.strerror}). Name a file in another folder.") from None
    typer.echo(f"Copied to {target.absolute()} ({target.stat().st_size / MEGABYTE:.1f} MB).")
    typer.echo(_and_the_secret(store.secret), err=True)


@database.command()
def reset(
    context: typer.Context,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    app: App = None,
) -> None:
    """Delete all accounts and everything else, and start empty (local only).

    Takes away the tables of Coatcheck and of the application, and makes them anew; other tables stay.
    """
    program: Program = context.obj
    store = program.store(app)
    if not store.local:
        raise SystemExit(
            "reset is for COATCHECK_ENVIRONMENT=local. In production make a new database and name it in "
            "COATCHECK_DATABASE_URL."
        )
    require_file(store.database)
    names = " and ".join(store.migrations.names)
    question = f"Delete every row of {names} in {store.database}? This cannot be undone."
    if not yes:
        ask(question, else_say="Nothing was deleted.")
    try:
        store.migrations.start_anew()
    except StillNeeded as refusal:
        hint = " If other tables there are your application's, name it with --app." if app is None else ""
        raise SystemExit(f"{refusal.sentence}{hint}") from None
    asyncio.run(_announce(store.database, *store.all_gone))
    typer.echo("The database is empty now. Restart a server that is running on it.")


def require_file(database: Database) -> None:
    """Raises SystemExit where there is no SQLite file yet: a command that ends something makes none."""
    path = sqlite_path(database.url)
    if path is not None and not path.exists():
        raise SystemExit(
            f"There is no database {path} yet. Name another one in COATCHECK_DATABASE_URL, or with --app."
        )


async def _announce(database: Database, channel: str, message: str) -> None:
    await database.open()
    try:
        async with database.transaction() as tx:
            await tx.announce(channel, message)
    finally:
        await database.close()


async def _copy(database: Database, target: Path, watch: Watch) -> None:
    await database.open()
    try:
        await database.backup(target, watch)
    finally:
        await database.close()


def _and_the_secret(place: str) -> str:
    return f"A server starts on the copy only with the secret in {place}: keep that too, apart from the copy."


@contextmanager
def bar_after_a_second(what: str) -> Generator[Watch, None, None]:
    """A progress bar on standard error, if that is a terminal and there is something to wait for."""
    console = Console(stderr=True)
    bar = Progress(console=console, transient=True)
    task = bar.add_task(what, total=None)
    began = time.monotonic()
    shown = False

    def watch(done: int, total: int) -> None:
        nonlocal shown
        if not shown and console.is_terminal and time.monotonic() - began > SECONDS_WITHOUT_A_BAR:
            shown = True
            bar.start()
        bar.update(task, completed=done, total=total)

    try:
        yield watch
    finally:
        if shown:
            bar.stop()


def _go_to(migrations: Migrations, to: str, *, yes: bool) -> None:
    """Take one history up or down to a revision; going down loses data, so it asks first unless `yes`."""
    step = migrations.step(to)
    place = f"{step.history}@{step.target}"
    if not step.revisions:
        typer.echo(f"The schema was at {place} already.")
        return
    if step.down:
        _show_loss(step)
        if not yes:
            ask("Make a backup and stop every server first. Go down?", else_say="Nothing has changed.")
    migrations.go(step)
    typer.echo(f"The schema is at {place} now.")


def _show_loss(step: Step) -> None:
    typer.echo("This undoes, and loses all data that only these revisions have a place for:", err=True)
    for revision in step.revisions:
        typer.echo(f"  {revision}", err=True)
