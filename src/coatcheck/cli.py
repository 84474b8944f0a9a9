"""The command line: joins the rooms' commands, and hands them what they act on."""

import asyncio
import json
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from importlib import import_module, metadata
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text
from typer.core import TyperGroup

from coatcheck.admin import Users
from coatcheck.admin.commands import users
from coatcheck.coatcheck import OWN_HISTORY, Coatcheck, application
from coatcheck.coatcheck import serve as run
from coatcheck.database import Database
from coatcheck.database.commands import App, Json, Store, database
from coatcheck.database.migrate import Migrations
from coatcheck.database.url import shown
from coatcheck.keys.commands import secret
from coatcheck.problems import Invalid, Problem, StartRefused
from coatcheck.settings import Described, Settings

NARROWEST_TABLE = 80
CTRL_C = 130  # as shells count: 128 and the number of SIGINT


class OneSentence(TyperGroup):
    """Commands that end a refusal with one sentence on standard error and exit code 1, without a trace."""

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
        self._chosen: Coatcheck | None = None

    @asynccontextmanager
    async def users(self, app: str | None) -> AsyncGenerator[Users, None]:
        """The accounts, with the database open; its schema is brought up to date, or refused, as at a start."""
        coatcheck = self.coatcheck(app)
        await coatcheck.open()
        try:
            yield coatcheck.users
        finally:
            await coatcheck.close()

    def store(self, app: str | None) -> Store:
        """The database, not opened: a copy of an older schema is welcome, an emptied one needs no secret."""
        if app is None:
            settings = Settings.read()
            url = settings.absolute_database_url
            database, migrations = Database(url), Migrations(url, [OWN_HISTORY])
        else:
            coatcheck = _coatcheck_of(app)
            settings, database, migrations = coatcheck.settings, coatcheck.database, coatcheck.migrations
        _tell(database.url)
        return Store(database, migrations, settings.local, _place_of_the_secret(settings))

    def coatcheck(self, app: str | None) -> Coatcheck:
        """The one of the application, not opened."""
        if self._chosen is not None:
            return self._chosen
        chosen: Coatcheck = _coatcheck_of(app) if app is not None else application(Settings.read()).state.coatcheck
        _tell(chosen.database.url)
        self._chosen = chosen
        return chosen


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
    settings = _settings(app)
    given = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
    running = _app_of(app) if app is not None else application(settings)
    run(running, settings.model_copy(update=given))


@cli.command()
def settings(as_json: Json = False, app: App = None) -> None:
    """Print each setting: its value and where that comes from, its default, its meaning.

    Secrets and the database's password are masked.
    """
    described = list(_settings(app).described())
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
def adopt_issuer(context: typer.Context, app: App = None) -> None:
    """Let the database sign tokens as COATCHECK_ISSUER from now on, because the service has moved.

    Tokens that are out are refused: everybody logs in again. Other servers on the database need the same setting.
    """
    program: Program = context.obj
    coatcheck = program.coatcheck(app)
    asyncio.run(coatcheck.adopt_issuer())
    typer.echo(f"The issuer is {coatcheck.settings.issuer} now. Restart the servers that are running.")


def _coatcheck_of(target: str) -> Coatcheck:
    """The Coatcheck of `module:app`."""
    app = _app_of(target)
    coatcheck = getattr(getattr(app, "state", None), "coatcheck", None)
    if not isinstance(coatcheck, Coatcheck):
        raise StartRefused(f"{target} is no FastAPI application with a Coatcheck(app).")
    return coatcheck


def _app_of(target: str) -> Any:
    """What is called so, found from the working directory."""
    module, _, name = target.partition(":")
    if str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    try:
        return getattr(import_module(module), name or "app")
    except (ImportError, AttributeError, TypeError, ValueError) as error:
        raise StartRefused(f"There is no application {target} here ({error}). Write module:app.") from None


def _settings(app: str | None) -> Settings:
    return Settings.read() if app is None else _coatcheck_of(app).settings


def _tell(url: str) -> None:
    typer.echo(f"Database: {shown(url)}", err=True)


def _place_of_the_secret(settings: Settings) -> str:
    if settings.secret is not None:
        return "COATCHECK_SECRET"
    if settings.secret_file is not None:
        return str(settings.directory.absolute() / settings.secret_file)
    return str(settings.data / "secret")


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
cli.add_typer(users, name="users")
cli.add_typer(secret, name="secret")


def main() -> None:
    """Run a command. Exit code 0: done; 1: refused, with one sentence on standard error; 2: wrongly called."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a name that the terminal cannot write ends nothing
    cli()
