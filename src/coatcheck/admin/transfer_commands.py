"""`coatcheck users import` and `coatcheck users export`."""

import asyncio
import json
import os
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, ExitStack
from pathlib import Path
from typing import Annotated, BinaryIO, Protocol, TextIO

import typer

from coatcheck.admin import incoming, outgoing
from coatcheck.admin.users import Users
from coatcheck.database.commands import App, bar_after_a_second

OWNER_ONLY = 0o600
SHOWN = 10  # refused lines, where they go to no file

transfer = typer.Typer()

Source = Annotated[Path, typer.Argument(metavar="FILE", help="An object a line (JSONL), UTF-8.", show_default=False)]
Target = Annotated[
    Path | None,
    typer.Argument(metavar="FILE", help="A new file. Without it: standard output.", show_default=False),
]


class Program(Protocol):
    """What the command line hands to these commands (`context.obj`)."""

    def users(self, app: str | None) -> AbstractAsyncContextManager[Users]:
        """The accounts of the application, with its database open."""
        ...


@transfer.command("import")
def import_users(
    context: typer.Context,
    source: Source,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check every line, and write nothing.")] = False,
    report: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="A new file for the lines that are refused.", show_default=False),
    ] = None,
    app: App = None,
) -> None:
    """Take in accounts of another system, with the passwords they have there.

    A line is an object: username (or email), and if there is one password_hash (or hashed_password), created_at,
    disabled_at. Hashes may be bcrypt, argon2, PBKDF2 as Django or Werkzeug write it, Werkzeug's scrypt, or come
    from another Coatcheck. Whoever is there already is passed over, so after Ctrl+C run it again. A server may be
    running. Exit code 1: some lines were refused; all others are in.
    """
    program: Program = context.obj

    async def act() -> incoming.Tally:
        async with program.users(app) as accounts:
            with ExitStack() as stack:
                refuse = _refusals(None if report is None else stack.enter_context(_new(report, "a report")))
                watch = stack.enter_context(bar_after_a_second(f"Reading {source.name}"))
                size = os.fstat(file.fileno()).st_size
                return await incoming.take_in(accounts, file, refuse, lambda done: watch(done, size), dry_run=dry_run)

    with _opened(source) as file:
        tally = asyncio.run(act())
    _tell(tally, report, dry_run=dry_run)
    if tally.refused:
        raise typer.Exit(1)


@transfer.command("export")
def export_users(
    context: typer.Context,
    target: Target = None,
    with_hashes: Annotated[
        bool,
        typer.Option(
            "--with-hashes",
            help="Each with the hash of its password, in a form that can be checked without our keys. To a thief "
            "such a file is worth as much as a database without a pepper: delete it as soon as it is read.",
        ),
    ] = False,
    app: App = None,
) -> None:
    """Write all accounts, oldest first, an object a line (JSONL), as `users import` reads it.

    The file is a new one, which only you can read; one that is there is never overwritten.
    """
    program: Program = context.obj

    async def act(write: Callable[[str], object]) -> int:
        count = 0
        async with program.users(app) as accounts:
            async for page in outgoing.pages(accounts, with_hashes=with_hashes):
                write("".join(f"{line}\n" for line in page))
                count += len(page)
        return count

    if target is None:
        asyncio.run(act(lambda text: typer.echo(text, nl=False)))
        return
    with _new(target, "an export") as file:
        try:
            count = asyncio.run(act(file.write))
        except BaseException:
            target.unlink()  # half of the accounts would pass for all of them
            raise
    typer.echo(f"Accounts written to {target.absolute()}: {count}.")


def _opened(source: Path) -> BinaryIO:
    try:
        return source.open("rb")
    except OSError as error:
        raise SystemExit(f"{source} cannot be read ({error.strerror}). Name a file with an object a line.") from None


def _new(path: Path, what: str) -> TextIO:
    """A new file that only its owner can read: usernames are nobody else's business, hashes even less."""
    try:
        return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWNER_ONLY), "w", encoding="utf-8")
    except FileExistsError:
        raise SystemExit(f"{path} exists already, and {what} never overwrites. Name another file.") from None
    except OSError as error:
        raise SystemExit(f"{path} cannot be made ({error.strerror}). Name a file in another folder.") from None


def _refusals(report: TextIO | None) -> Callable[[int, str], None]:
    """Where refused lines go: to the report, else the first of them to standard error."""
    shown = 0

    def refuse(number: int, why: str) -> None:
        nonlocal shown
        if report is not None:
            report.write(json.dumps({"line": number, "why": why}) + "\n")
        elif shown < SHOWN:
            shown += 1
            typer.echo(f"Line {number}: {why}", err=True)

    return refuse


def _tell(tally: incoming.Tally, report: Path | None, *, dry_run: bool) -> None:
    new = "Would be imported" if dry_run else "Imported"
    counts = f"{new}: {tally.new}. There already: {tally.there}. Refused: {tally.refused}."
    if tally.refused:
        where = f"{report} says why" if report else "A file for --report takes the reasons of all"
        then = f"{where}; mend those lines and run it again, whoever is there already is passed over."
    elif dry_run:
        then = "Nothing was written; without --dry-run it is."
    else:
        then = "They log in with the passwords they have; each hash becomes one of ours at its first login."
    typer.echo(f"{counts} {then}")
