"""The command line: joins the rooms' commands."""

import sys
from importlib import import_module
from pathlib import Path
from typing import Annotated

import typer

from coatcheck.coatcheck import OWN_HISTORY, Coatcheck
from coatcheck.database.commands import go_to
from coatcheck.database.migrate import Migrations
from coatcheck.database.url import shown
from coatcheck.keys.commands import secret
from coatcheck.problems import StartRefused
from coatcheck.settings import Settings

cli = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="User accounts for FastAPI.",
    pretty_exceptions_enable=False,
)
cli.add_typer(secret, name="secret")


@cli.command()
def migrate(
    app: Annotated[
        str | None,
        typer.Option(help="module:app, whose settings and own tables are meant; app:app for the todo app."),
    ] = None,
    to: Annotated[
        str | None,
        typer.Option(help="history@revision, such as coatcheck@head, todos@base or todos@-1: go there, up or down."),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Go down without asking.")] = False,
) -> None:
    """Bring the database's schema up to this version, or one history to a revision, in one transaction."""
    migrations, url = _migrations(app)
    typer.echo(f"Database: {shown(url)}", err=True)
    if to is not None:
        go_to(migrations, to, yes=yes)
        return
    changed = migrations.upgrade()
    typer.echo("The schema is up to date now." if changed else "The schema was up to date already.")


def _migrations(app: str | None) -> tuple[Migrations, str]:
    """The histories and the database that a command is about."""
    if app is not None:
        coatcheck = _coatcheck_of(app)
        return coatcheck.migrations, coatcheck.database.url
    settings = Settings.read()
    url = settings.absolute_database_url
    return Migrations(url, [OWN_HISTORY]), url


def _coatcheck_of(target: str) -> Coatcheck:
    """The Coatcheck of `module:app`, found from the working directory."""
    module, _, name = target.partition(":")
    sys.path.insert(0, str(Path.cwd()))
    try:
        app = getattr(import_module(module), name or "app")
    except (ImportError, AttributeError, TypeError, ValueError) as error:
        raise StartRefused(f"There is no application {target} here ({error}). Write module:app.") from None
    coatcheck = getattr(getattr(app, "state", None), "coatcheck", None)
    if not isinstance(coatcheck, Coatcheck):
        raise StartRefused(f"{target} is no FastAPI application with a Coatcheck(app).")
    return coatcheck


def main() -> None:
    """Run a command; a refusal is one sentence on standard error and exit code 1."""
    cli()
