"""`coatcheck restore` and `coatcheck after-restore`."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Protocol

import typer

from coatcheck.database.commands import App, Store, ask, bar_after_a_second, require_file
from coatcheck.database.restore import Restore
from coatcheck.database.url import pg_restore, sqlite_path

restoring = typer.Typer()

Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]

AFTER = (
    "Everybody logs in again: every session has ended, tokens of before are refused, and ids go on a million further."
)


class Program(Protocol):
    """What the command line hands to these commands (`context.obj`)."""

    def store(self, app: str | None) -> Store:
        """The database of the application; nothing is opened yet."""
        ...

    def making_fit(self, app: str | None) -> Callable[[Path], None]:
        """What brings a copy of a database to where the application can go on with it."""
        ...

    async def after_restore(self, app: str | None) -> None:
        """Bring the application's own database there."""
        ...


@restoring.command()
def restore(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What backup has made.", show_default=False)],
    yes: Yes = False,
    app: App = None,
) -> None:
    """Put a copy in the place of the database, while no server is running (SQLite). Everybody logs in again.

    The present database is kept beside it. The copy's schema is brought up to date.
    """
    program: Program = context.obj
    store = program.store(app)
    path = sqlite_path(store.database.url)
    if path is None:
        raise SystemExit(
            f"PostgreSQL brings a tool of its own: {pg_restore(store.database.url, file)}\n"
            "Run that while no server is running, then: coatcheck after-restore"
        )
    make_fit = program.making_fit(app)

    def agree() -> None:
        if not yes:
            lost = "What came since the copy is lost, and everybody logs in again."
            ask(f"Put {file} in the place of {store.database}? {lost}", else_say="Nothing has changed.")

    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    kept = Restore(path, file, stamp=stamp, bar=bar_after_a_second).run(agree=agree, make_fit=make_fit)
    if kept is not None:
        typer.echo(f"What was there before is kept in {kept}.")
    typer.echo(f"{store.database} is what {file} was. {AFTER}")
    typer.echo(f"It opens with the secret in {store.secret}: keep that.", err=True)


@restoring.command()
def after_restore(context: typer.Context, yes: Yes = False, app: App = None) -> None:
    """Let everybody log in again, because the database is a restored or an older one. Also while servers run.

    Ends every session, makes new signing keys and refuses what others have signed, moves ids a million further.
    """
    program: Program = context.obj
    store = program.store(app)
    require_file(store.database)
    if not yes:
        ask(f"End every session in {store.database}? Everybody logs in again.", else_say="Nothing has changed.")
    asyncio.run(program.after_restore(app))
    typer.echo(AFTER)
