"""`coatcheck migrate --to …`: asks before anything is lost."""

import sys

import typer

from coatcheck.database.migrate import Migrations, Step
from coatcheck.problems import StartRefused


def go_to(migrations: Migrations, to: str, *, yes: bool) -> None:
    """Take one history up or down to a revision; going down loses data, so it asks first unless `yes`."""
    step = migrations.step(to)
    place = f"{step.history}@{step.target}"
    if not step.revisions:
        typer.echo(f"The schema was at {place} already.")
        return
    if step.down:
        _show_loss(step)
        if not yes:
            _ask()
    migrations.go(step)
    typer.echo(f"The schema is at {place} now.")


def _show_loss(step: Step) -> None:
    typer.echo("This undoes, and loses all data that only these revisions have a place for:", err=True)
    for revision in step.revisions:
        typer.echo(f"  {revision}", err=True)


def _ask() -> None:
    if not sys.stdin.isatty():
        raise StartRefused("Nothing has changed. Without a terminal to ask at, going down takes --yes.")
    if not typer.confirm("Make a backup and stop every server first. Go down?", err=True):
        raise StartRefused("Nothing has changed.")
