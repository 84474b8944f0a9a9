"""`coatcheck users …`"""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from typing import Annotated, Protocol, TextIO, TypeVar

import typer

from coatcheck.accounts import LARGEST_ID, Account, UsernameTaken
from coatcheck.admin.outgoing import as_json as account_json
from coatcheck.admin.transfer_commands import transfer
from coatcheck.admin.users import Users
from coatcheck.database import ForeignKeyViolation
from coatcheck.database.commands import App, Json, ask, at_a_terminal

Result = TypeVar("Result")

LONGEST_LINE = 64 * 1024  # bytes; whatever is longer is no password
NO_SUCH_ACCOUNT = "There is no such account. To see which there are: coatcheck users list"
TAKEN = "This username is taken. To see by whom: coatcheck users list"
HEADER = f"{'id':>8}  {'created (UTC)':<16}  {'disabled (UTC)':<16}  username"

users = typer.Typer(no_args_is_help=True, help="Other people's accounts.")
users.add_typer(transfer)

Name = Annotated[str | None, typer.Argument(metavar="NAME", help="The username, in any case.", show_default=False)]
Id = Annotated[int | None, typer.Option("--id", min=1, max=LARGEST_ID, help="The account's id, instead of its name.")]


class Program(Protocol):
    """What the command line hands to these commands (`context.obj`)."""

    def users(self, app: str | None) -> AbstractAsyncContextManager[Users]:
        """The accounts of the application, with its database open."""
        ...


@users.command("list")
def list_users(
    context: typer.Context,
    search: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Only those whose username contains this.")
    ] = None,
    as_json: Json = False,
    app: App = None,
) -> None:
    """Print all accounts, oldest first, a line each; with --json an object each."""
    program: Program = context.obj
    _require_text(search or "")

    async def print_pages() -> None:
        async with program.users(app) as accounts:
            if not as_json:
                typer.echo(HEADER)
            async for page in accounts.pages(search):
                typer.echo("\n".join(map(account_json if as_json else _line, page)))

    asyncio.run(print_pages())


@users.command()
def create(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The username.", show_default=False)],
    as_json: Json = False,
    app: App = None,
) -> None:
    """Create an account, also where registration is closed.

    The password is asked for, or read as one line from standard input.
    """
    program: Program = context.obj
    _require_text(name)
    if _do(program, app, lambda users: users.find(name)):  # before somebody types a password twice for nothing
        raise SystemExit(TAKEN)
    password = _new_password()
    try:
        account = _do(program, app, lambda users: users.create(name, password))
    except UsernameTaken:
        raise SystemExit(TAKEN) from None
    typer.echo(account_json(account) if as_json else f"Created {_printable(account.username)} with id {account.id}.")


@users.command()
def set_password(context: typer.Context, name: Name = None, id: Id = None, app: App = None) -> None:
    """Give an account another password and end all its sessions.

    The password is asked for, or read as one line from standard input.
    """
    program: Program = context.obj
    account = _account(program, app, name, id)
    password = _new_password()
    _require(_do(program, app, lambda users: users.set_password(account.id, password)))
    typer.echo(f"{_printable(account.username)} has the new password; all sessions have ended.")


@users.command()
def unlock(context: typer.Context, name: Name = None, id: Id = None, app: App = None) -> None:
    """Let the owner of an account try again at once, after too many wrong passwords."""
    program: Program = context.obj
    account = _account(program, app, name, id)
    _do(program, app, lambda users: users.unlock(account))
    typer.echo(f"{_printable(account.username)} can log in again; no wrong password is counted any more.")


@users.command()
def hashes(context: typer.Context, app: App = None) -> None:
    """Count the accounts by how their passwords are stored. Each is stored as today from its next login on."""
    program: Program = context.obj
    counts = _do(program, app, lambda users: users.hashes())
    for kind, number in counts.most_common():
        typer.echo(f"{number:>8}  {kind}")


@users.command()
def disable(context: typer.Context, name: Name = None, id: Id = None, app: App = None) -> None:
    """Keep an account but let nobody in, and end all its sessions."""
    program: Program = context.obj
    account = _account(program, app, name, id)
    _require(_do(program, app, lambda users: users.disable(account.id)))
    typer.echo(f"{_printable(account.username)} is disabled; all sessions have ended.")


@users.command()
def enable(context: typer.Context, name: Name = None, id: Id = None, app: App = None) -> None:
    """Let a disabled account in again."""
    program: Program = context.obj
    account = _account(program, app, name, id)
    _require(_do(program, app, lambda users: users.enable(account.id)))
    typer.echo(f"{_printable(account.username)} is enabled.")


@users.command()
def delete(
    context: typer.Context,
    name: Name = None,
    id: Id = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    app: App = None,
) -> None:
    """Delete an account with its sessions and everything that belongs to it. This cannot be undone."""
    program: Program = context.obj
    account = _account(program, app, name, id)
    shown = _printable(account.username)
    question = f"Delete {shown} (id {account.id}) and everything that belongs to it?"
    if not yes:
        ask(question, else_say="Nothing was deleted.")
    try:
        _require(_do(program, app, lambda users: users.delete(account.id)))
    except ForeignKeyViolation:
        raise SystemExit(
            f"Rows of another table need {shown}, so nothing was deleted. "
            "Remove those first, or use: coatcheck users disable"
        ) from None
    typer.echo(f"Deleted {shown}.")


def _do(program: Program, app: str | None, act: Callable[[Users], Awaitable[Result]]) -> Result:
    """Open the database, do one thing, close it.

    What is asked in between is asked outside the event loop: inside it Ctrl+C would not end the question.
    """

    async def opened() -> Result:
        async with program.users(app) as accounts:
            return await act(accounts)

    return asyncio.run(opened())


def _account(program: Program, app: str | None, name: str | None, account_id: int | None) -> Account:
    """The account that a command is about."""
    if (name is None) == (account_id is None):
        raise typer.BadParameter("Give a username or --id, one of the two.")
    account = _do(program, app, lambda users: users.find(name) if name is not None else users.get(account_id or 0))
    if account is None:
        raise SystemExit(NO_SUCH_ACCOUNT)
    return account


def _require(found: bool) -> None:
    if not found:  # it was deleted since it was looked up
        raise SystemExit(NO_SUCH_ACCOUNT)


def _require_text(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:  # bytes that are no text in this terminal's encoding
        raise typer.BadParameter("This is no text.") from None


def _new_password() -> str:
    """Asked for twice without echo on a terminal, else one line of standard input.

    Never an argument: other users of the machine see those, and the shell remembers them.
    """
    stdin: TextIO | None = sys.stdin  # None where it was closed: <&-
    try:
        if at_a_terminal():
            asked: str = typer.prompt("Password", hide_input=True, confirmation_prompt="Again", err=True)
            asked.encode()
            return asked
        line = "" if stdin is None else stdin.buffer.readline(LONGEST_LINE).decode()
    except UnicodeError:
        raise SystemExit("The password is not UTF-8 text; nothing was changed.") from None
    if not line:
        raise SystemExit("No password came. Write it to standard input as one line, or run this in a terminal.")
    return line.removesuffix("\n").removesuffix("\r")


def _line(account: Account) -> str:
    disabled = "-" if account.disabled_at is None else _minute(account.disabled_at)
    # The name comes last: it may be long, and nothing is cut off.
    return f"{account.id:>8}  {_minute(account.created_at)}  {disabled:<16}  {_printable(account.username)}"


def _printable(username: str) -> str:
    """On one line, and no command to the terminal: registration refuses such names, a row may come otherwise."""
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in username)


def _minute(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M")
