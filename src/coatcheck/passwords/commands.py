"""`coatcheck passwords …`"""

from typing import Annotated

import typer

from coatcheck.passwords.calibrate import calibrate
from coatcheck.passwords.cost import OWASP_ARGON2ID, Cost
from coatcheck.passwords.pool import processors

passwords = typer.Typer(no_args_is_help=True, help="How passwords are hashed.")


@passwords.callback()
def _passwords() -> None:
    """So that `calibrate` is a command of a group, which may get others."""


@passwords.command("calibrate")
def calibrate_(
    milliseconds: Annotated[
        int, typer.Option(min=1, max=10_000, help="How long one hash may take while every processor hashes.")
    ] = 100,
    memory_mib: Annotated[int, typer.Option(min=19, max=4_096, help="How much memory one hash may need.")] = 64,
) -> None:
    """Find what a password hash may cost on this machine, and print the settings.

    Run it on the machine that serves, while that is idle. Old hashes are renewed one by one, at each login.
    """

    def tried(cost: Cost, seconds: float) -> None:
        typer.echo(f"{cost.memory_kib:>9} KiB × {cost.iterations}: {seconds * 1_000:.0f} ms", err=True)

    found = calibrate(milliseconds / 1_000, memory_mib * 1_024, processors(), tried)
    typer.echo(
        f"COATCHECK_ARGON2_MEMORY_KIB={found.cost.memory_kib}\n"
        f"COATCHECK_ARGON2_TIME_COST={found.cost.iterations}\n"
        f"COATCHECK_ARGON2_PARALLELISM={found.cost.lanes}"
    )
    typer.echo(
        f"One hash takes {found.seconds * 1_000:.0f} ms alone and {found.busy_seconds * 1_000:.0f} ms while "
        f"{found.threads} threads hash: {found.hashes_a_second:.0f} logins a second, {found.memory_mib:.0f} MiB "
        "of memory.",
        err=True,
    )
    if found.cost == OWASP_ARGON2ID and found.busy_seconds * 1_000 > milliseconds:
        typer.echo("This is OWASP's minimum, and nothing cheaper is safe: production refuses it.", err=True)
