"""`coatcheck secret …`"""

import typer

from coatcheck.keys.secret import Secret

secret = typer.Typer(no_args_is_help=True, help="The secret that wraps every key.")


@secret.callback()
def _secret() -> None:
    """A group, although it has one command so far."""


@secret.command("new")
def new() -> None:
    """Print a new secret for COATCHECK_SECRET. It is shown once and kept nowhere."""
    typer.echo(Secret.new_text())
