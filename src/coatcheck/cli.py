"""The command line: joins the rooms' commands, and hands them what they act on."""

import asyncio
import errno
import json
import os
import signal
import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from importlib import metadata
from io import TextIOWrapper
from pathlib import Path
from types import FunctionType
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text
from typer.core import TyperGroup

from coatcheck.admin import Users, begin_anew
from coatcheck.admin.commands import users
from coatcheck.coatcheck import OWN_HISTORY, Coatcheck, application
from coatcheck.coatcheck import serve as run
from coatcheck.database import Database
from coatcheck.database.commands import App, Json, Store, ask, database
from coatcheck.database.migrate import Migrations
from coatcheck.database.restore_commands import restoring
from coatcheck.database.url import shown
from coatcheck.keys import CHANNEL, NO_KEYS, Keyring
from coatcheck.keys.commands import keys, secret
from coatcheck.passwords.commands import passwords
from coatcheck.problems import Invalid, Problem, StartRefused
from coatcheck.settings import Described, Settings
from coatcheck.web import applications, import_application

NARROWEST_TABLE = 80
# Windows knows no quota.
NOT_WRITTEN = {errno.ENOSPC, errno.EFBIG, errno.EIO, errno.EBADF, getattr(errno, "EDQUOT", errno.ENOSPC)}
CTRL_C = 130  # as shells count: 128 and the number of SIGINT
TERMINATED = 143


class OneSentence(TyperGroup):
    """Commands that end a refusal with one sentence on standard error and exit code 1, without a trace."""

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """Run the command; an output that cannot be written is a refusal too, also that of --help."""
        try:
            return super().main(*args, **kwargs)
        except OSError as error:
            if error.errno not in NOT_WRITTEN or error.filename is not None:
                raise
            _let_go_of_outputs()
            with suppress(OSError):  # it may be standard error itself
                typer.echo(
                    f"The output cannot be written ({error.strerror}). What was asked for may have been done.",
                    err=True,
                )
            sys.exit(1)

    def invoke(self, ctx: Any) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except Problem as problem:
            sentence = _worded(problem)
        except SystemExit as refusal:
            if not isinstance(refusal.code, str):
                raise
            sentence = refusal.code
        except typer.Abort as left:
            # A question makes the same of Ctrl+C and of Ctrl+D; only the second is an answer.
            typer.echo("\nAborted.", err=True)
            raise typer.Exit(CTRL_C if isinstance(left.__context__, KeyboardInterrupt) else 1) from None
        typer.echo(sentence, err=True)
        raise typer.Exit(1)


class Program:
    """What commands act on: the application of --app, else accounts alone with this folder's settings."""

    def __init__(self) -> None:
        self._running: dict[str | None, Any] = {}
        self._told: set[str] = set()

    @asynccontextmanager
    async def users(self, app: str | None) -> AsyncGenerator[Users, None]:
        """The accounts, with the database open; its schema is brought up to date, or refused, as at a start."""
        coatcheck = self.coatcheck(app)
        self.tell(coatcheck.database.url)
        async with coatcheck.opened():
            yield coatcheck.users

    @asynccontextmanager
    async def keyring(self, app: str | None) -> AsyncGenerator[Keyring, None]:
        """The keys, with the database open as for `users`."""
        coatcheck = self.coatcheck(app)
        async with self.users(app):
            yield coatcheck.keyring

    async def change_secret(self, app: str | None) -> int | None:
        """Wrap the keys under the new secret; None where the program keeps its own."""
        coatcheck = self.coatcheck(app)
        self.tell(coatcheck.database.url)
        async with coatcheck.opened(finish=False):
            return await coatcheck.secrets.change(coatcheck.keyring, coatcheck.database)

    def store(self, app: str | None) -> Store:
        """The database, not opened: a copy of an older schema is welcome, an emptied one needs no secret."""
        settings = self.settings(app)
        if app is None:
            url = settings.absolute_database_url
            database, migrations = Database(url), Migrations(url, [OWN_HISTORY])
        else:
            coatcheck = self.coatcheck(app)
            database, migrations = coatcheck.database, coatcheck.migrations
        self.tell(database.url)
        return Store(
            database, migrations, settings.local, _place_of_the_secret(settings), all_gone=(CHANNEL, NO_KEYS)
        )

    def making_fit(self, app: str | None) -> Callable[[Path], None]:
        """What brings a copy of the application's database to where it can take its place."""
        coatcheck = self.coatcheck(app)
        return lambda copy: asyncio.run(coatcheck.make_fit(copy))

    async def after_restore(self, app: str | None) -> None:
        """Make the application's database, which somebody has restored, safe to go on with."""
        coatcheck = self.coatcheck(app)
        async with coatcheck.opened():
            await begin_anew(coatcheck.database, coatcheck.keyring, coatcheck.sessions)

    def settings(self, app: str | None) -> Settings:
        """Those of the application; this folder's are given also where a start with them would be refused."""
        return Settings.read() if app is None else self.coatcheck(app).settings

    def coatcheck(self, app: str | None) -> Coatcheck:
        """The one of the application, not opened."""
        return _coatcheck_of(self.running(app), app or "this")

    def running(self, app: str | None) -> Any:
        """The application to run, the same one each time."""
        if app not in self._running:
            self._running[app] = application(Settings.read()) if app is None else import_application(app)
        return self._running[app]

    def tell(self, url: str) -> None:
        """Say once on standard error which database it is."""
        if url not in self._told:
            typer.echo(f"Database: {shown(url)}", err=True)
            self._told.add(url)


cli = typer.Typer(
    cls=OneSentence,
    no_args_is_help=True,
    add_completion=False,
    help="User accounts for FastAPI.",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(f"coatcheck {metadata.version('coatcheck')}")
        raise typer.Exit


@cli.callback()
def _cli(
    context: typer.Context,
    _version: Annotated[
        bool, typer.Option("--version", help="Print the version.", is_eager=True, callback=_print_version)
    ] = False,
) -> None:
    context.obj = Program()


@cli.command()
def serve(
    context: typer.Context,
    host: Annotated[
        str | None, typer.Option(help="Where to listen, instead of COATCHECK_HOST.", show_default=False)
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(help="The port there, instead of COATCHECK_PORT.", min=1, max=65_535, show_default=False),
    ] = None,
    app: App = None,
) -> None:
    """Serve the application of --app, or accounts alone. Ctrl+C stops it."""
    program: Program = context.obj
    given = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
    run(program.running(app), program.coatcheck(app).settings.model_copy(update=given))


@cli.command()
def settings(context: typer.Context, as_json: Json = False, app: App = None) -> None:
    """Print each setting: its value and where that comes from, its default, its meaning.

    Secrets and the database's password are masked.
    """
    program: Program = context.obj
    described = list(program.settings(app).described())
    if as_json:
        typer.echo(json.dumps({one.name: _members(one) for one in described}, indent=2))
        return
    console = Console()
    console.width = max(console.width, NARROWEST_TABLE)
    table = Table("setting", "value, default, meaning", box=None, pad_edge=False, padding=(0, 2, 1, 0))
    table.columns[0].no_wrap = True
    table.columns[1].overflow = "fold"  # a long path goes on in the next line; nothing is cut off
    for one in described:
        left = Text(one.name, "bold").append(f"\n  {one.source}", "dim")
        right = Text(_text(one.value)).append(f"\ndefault: {_text(one.default)}\n{one.meaning}", "dim")
        table.add_row(left, right)
    console.print(table)


@cli.command()
def adopt_issuer(
    context: typer.Context,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    app: App = None,
) -> None:
    """Let the database sign tokens as COATCHECK_ISSUER from now on, because the service has moved.

    Tokens that are out are refused: everybody logs in again. Other servers on the database need the same setting.
    """
    program: Program = context.obj
    coatcheck = program.coatcheck(app)
    program.tell(coatcheck.database.url)
    if not yes:
        ask(f"Sign tokens as {coatcheck.settings.issuer}? Everybody logs in again.", else_say="Nothing has changed.")
    asyncio.run(coatcheck.adopt_issuer())
    typer.echo(f"The issuer is {coatcheck.settings.issuer} now. Restart the servers that are running.")


def _coatcheck_of(app: Any, target: str) -> Coatcheck:
    """The outermost Coatcheck of an application, for people called `target`.

    Its own; else that of the one that a layer wraps, or of the one mounted in it.
    """
    found: dict[int, list[Coatcheck]] = {}
    for one, depth in applications(app):
        own = getattr(getattr(one, "state", None), "coatcheck", None)
        # One may be mounted at two paths.
        if isinstance(own, Coatcheck) and own not in found.setdefault(depth, []):
            found[depth].append(own)
    if not found:
        factory = (
            f" If it makes one, keep that under a name (app = {app.__name__}()) and give that to --app."
            if isinstance(app, FunctionType)
            else ""
        )
        raise StartRefused(f"{target} is no FastAPI application with a Coatcheck(app).{factory}")
    outermost = found[min(found)]
    if len(outermost) > 1:
        raise StartRefused(
            f"{target} has {len(outermost)} applications with a Coatcheck(app) in it. Name one of them."
        )
    return outermost[0]


def _place_of_the_secret(settings: Settings) -> str:
    if settings.secret is not None:
        return "COATCHECK_SECRET"
    if settings.secret_file is not None:
        return str(settings.directory.absolute() / settings.secret_file)
    return str(settings.data / "secret")


def _let_go_of_outputs() -> None:
    """What is left in an output that takes nothing is dropped: Python would try again at its end, and say so."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, stream.fileno())
            os.close(nowhere)


def _worded(problem: Problem) -> str:
    if not isinstance(problem, Invalid):
        return problem.detail
    return " ".join(f"{pointer.lstrip('#/?').capitalize()}: {sentence}" for pointer, sentence in problem.errors)


def _text(value: str | int | bool | list[str] | None) -> str:
    """A value as the manual writes it."""
    if value is None or value == []:
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    return ",".join(value) if isinstance(value, list) else str(value)


def _members(one: Described) -> dict[str, object]:
    return {"value": one.value, "default": one.default, "from": one.source, "meaning": one.meaning}


cli.add_typer(database)
cli.add_typer(restoring)
cli.add_typer(users, name="users")
cli.add_typer(keys, name="keys")
cli.add_typer(secret, name="secret")
cli.add_typer(passwords, name="passwords")


def _terminated(_number: int, _frame: object) -> None:
    """End as after Ctrl+C: half a file is removed."""
    sys.exit(TERMINATED)


def main() -> None:
    """Run a command. Exit code 0: done; 1: refused, with one sentence on standard error; 2: wrongly called."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a name that the terminal cannot write ends nothing
    signal.signal(signal.SIGTERM, _terminated)
    cli()
