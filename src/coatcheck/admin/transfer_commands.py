"""`coatcheck users import` and `coatcheck users export`."""

import asyncio
import json
import os
from collections.abc import Callable, Generator
from contextlib import AbstractAsyncContextManager, ExitStack, contextmanager
from pathlib import Path
from tempfile import mkstemp
from typing import Annotated, BinaryIO, Protocol, TextIO

import typer

from coatcheck.accounts import Account
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
                refuse = _refusals(None if report is None else stack.enter_context(_new(report)))
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

    The file is a new one, which only you can read; one that is there is never overwritten. Exit code 1: some
    passwords are damaged in the database; those accounts are written without a hash.
    """
    program: Program = context.obj

    damaged = 0

    def tell(account: Account) -> None:
        nonlocal damaged
        damaged += 1
        if damaged <= SHOWN:
            typer.echo(f"No password opens what is stored for id {account.id}: written without a hash.", err=True)

    async def act(write: Callable[[str], object]) -> int:
        count = 0
        async with program.users(app) as accounts:
            async for page in outgoing.pages(accounts, tell if with_hashes else None):
                write("".join(f"{line}\n" for line in page))
                count += len(page)
        return count

    if target is None:
        asyncio.run(act(lambda text: typer.echo(text, nl=False)))
    else:
        with _whole(target) as file:
            count = asyncio.run(act(file.write))
        typer.echo(f"Accounts written to {target.absolute()}: {count}.")
    if damaged:
        then = "All others are written whole. To give one a new password: coatcheck users set-password --id ID"
        typer.echo(f"Accounts whose passwords are lost: {damaged}. {then}", err=True)
        raise typer.Exit(1)


def _opened(source: Path) -> BinaryIO:
    try:
        return source.open("rb")
    except OSError as error:
        raise SystemExit(f"{source} cannot be read ({error.strerror}). Name a file with an object a line.") from None


@contextmanager
def _whole(path: Path) -> Generator[TextIO, None, None]:
    """A new file that only its owner can read, and that is there only once it is written whole."""
    if os.path.lexists(path):
        raise SystemExit(_exists(path, "an export"))
    try:
        descriptor, beside = mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as error:
        raise SystemExit(_not_made(path, error)) from None
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        _name(Path(beside), path)
    finally:
        Path(beside).unlink(missing_ok=True)


def _name(file: Path, path: Path) -> None:
    """Give the file this name, if nothing has it."""
    try:
        try:
            path.hardlink_to(file)
        except FileExistsError:
            raise
        except OSError:  # a file system without them
            path.touch(OWNER_ONLY, exist_ok=False)
            file.replace(path)
    except FileExistsError:
        raise SystemExit(_exists(path, "an export")) from None


def _new(path: Path) -> TextIO:
    """A new file that only its owner can read: usernames are nobody else's business."""
    try:
        return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWNER_ONLY), "w", encoding="utf-8")
    except FileExistsError:
        raise SystemExit(_exists(path, "a report")) from None
    except OSError as error:
        raise SystemExit(_not_made(path, error)) from None


def _exists(path: Path, what: str) -> str:
    return f"{path} exists already, and {what} never overwrites. Name another file."


def _not_made(path: Path, error: OSError) -> str:
    return f"{path} cannot be made ({error.strerror}). Name a file in another folder."


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
