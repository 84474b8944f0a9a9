"""`coatcheck keys …` and `coatcheck secret …`"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from typing import Annotated, Any, Protocol, TypeVar

import typer
from pydantic_core import to_jsonable_python

from coatcheck.database.commands import App, Json, ask
from coatcheck.keys.keyring import Keyring
from coatcheck.keys.rotation import NoSuchKey, TooSoon, found
from coatcheck.keys.secret import Secret
from coatcheck.keys.standing import Standing, State

Result = TypeVar("Result")

COLUMNS = "{:<43}  {:<9}  {:<7}  {:<16}  {:<16}  {}"
HEADER = COLUMNS.format("key id", "algorithm", "state", "published (UTC)", "signs since", "retired or revoked")
TO_SEE = "To see which there are: coatcheck keys list"
ALL_FOLLOW = "Running servers follow by themselves."

keys = typer.Typer(no_args_is_help=True, help="The keys that sign tokens.")
secret = typer.Typer(no_args_is_help=True, help="The secret that wraps every key.")

KeyId = Annotated[
    str,
    typer.Argument(metavar="KID", help="The key's id, or its beginning if no other begins so.", show_default=False),
]


class Program(Protocol):
    """What the command line hands to these commands (`context.obj`)."""

    def keyring(self, app: str | None) -> AbstractAsyncContextManager[Keyring]:
        """The keys of the application, with its database open."""
        ...

    async def change_secret(self, app: str | None) -> int | None:
        """Wrap the keys of the application's database under its new secret."""
        ...


@keys.command("list")
def list_keys(context: typer.Context, as_json: Json = False, app: App = None) -> None:
    """Print every signing key, the oldest first, a line each; with --json an object each."""
    listed = _listed(context.obj, app)
    if not as_json:
        typer.echo(HEADER)
    for standing, state in listed:
        typer.echo(_as_json(standing, state) if as_json else _line(standing, state))


@keys.command()
def rotate(
    context: typer.Context,
    now: Annotated[
        bool, typer.Option("--now", help="Also if other services may not have read the next key yet.")
    ] = False,
    everything: Annotated[
        bool, typer.Option("--all", help="After a leak: every key anew, those for stored values too.")
    ] = False,
    app: App = None,
) -> None:
    """Let the next key sign, retire the current one, publish a new next one. Nobody is logged out."""
    program: Program = context.obj
    if everything:
        _do(program, app, lambda keyring: keyring.rotate_all())
        typer.echo(
            "Every key is new. What the old ones have signed is still accepted until it expires; to refuse it at "
            f"once, revoke them. {ALL_FOLLOW}"
        )
        return
    try:
        _do(program, app, lambda keyring: keyring.rotate(now=now))
    except TooSoon as soon:
        raise SystemExit(_wait(soon)) from None
    typer.echo(f"The next key signs now, and a new next one is published. {ALL_FOLLOW}")


@keys.command()
def retire(context: typer.Context, key_id: KeyId, app: App = None) -> None:
    """Let a key sign no more. What it has signed is accepted until it expires.

    The current key: as `rotate` does. The next key: another one is published in its place.
    """
    program: Program = context.obj
    try:
        standing, was = _do(program, app, lambda keyring: keyring.retire(key_id))
    except NoSuchKey as refusal:
        raise SystemExit(_none(refusal)) from None
    except TooSoon as soon:
        raise SystemExit(_wait(soon)) from None
    if was == "revoked":
        raise SystemExit(f"{standing.id} is revoked, and a revoked key signs nothing. Nothing has changed.")
    if was in {"retired", "over"}:
        typer.echo(f"{standing.id} was retired already.")
    elif was == "next":
        typer.echo(
            f"{standing.id} is retired; it has signed nothing, and another next key is published. {ALL_FOLLOW}"
        )
    else:
        typer.echo(f"{standing.id} is retired; the next key signs now, and a new next one is published. {ALL_FOLLOW}")


@keys.command()
def revoke(
    context: typer.Context,
    key_id: KeyId,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    app: App = None,
) -> None:
    """Refuse every token that a key has signed, at once and for good. Who has one logs in again."""
    program: Program = context.obj
    try:
        standing = found([one for one, _ in _listed(program, app)], key_id)
        if not yes:
            ask(f"Refuse every token of {standing.id}? Who has one logs in again.", else_say="Nothing has changed.")
        _, was = _do(program, app, lambda keyring: keyring.revoke(standing.id))
    except NoSuchKey as refusal:
        raise SystemExit(_none(refusal)) from None
    if was == "revoked":
        typer.echo(f"{standing.id} was revoked already.")
    else:
        typer.echo(f"{standing.id} is revoked; its tokens are refused. {ALL_FOLLOW}")


@secret.command("new")
def new() -> None:
    """Print a new secret for COATCHECK_SECRET. It is shown once and kept nowhere."""
    typer.echo(Secret.new_text())


@secret.command("rotate")
def rotate_secret(context: typer.Context, app: App = None) -> None:
    """Wrap every key under the new secret, in one transaction, also while servers run.

    With COATCHECK_SECRET (or COATCHECK_SECRET_FILE) the new one is there, and the old one in
    COATCHECK_SECRET_PREVIOUS. A local program without those gets a new one in its file, in the place of the
    old one: keep a copy of that first, as long as there are backups from before.
    """
    program: Program = context.obj
    wrapped = asyncio.run(program.change_secret(app))
    if wrapped is None:
        typer.echo(
            "The secret is a new one, in the same file. Keep a copy of it, apart from the database. Backups from "
            "before, and other databases of this folder, open with the old one only."
        )
    elif wrapped:
        typer.echo(
            f"{wrapped} keys are wrapped under COATCHECK_SECRET now. Take COATCHECK_SECRET_PREVIOUS away and restart "
            "the servers."
        )
    else:
        typer.echo("Every key was wrapped under COATCHECK_SECRET already. COATCHECK_SECRET_PREVIOUS can go.")


def _do(program: Program, app: str | None, act: Callable[[Keyring], Awaitable[Result]]) -> Result:
    """Open the database, do one thing, close it."""

    async def opened() -> Result:
        async with program.keyring(app) as keyring:
            return await act(keyring)

    return asyncio.run(opened())


def _listed(program: Program, app: str | None) -> list[tuple[Standing, State]]:
    async def listed(keyring: Keyring) -> list[tuple[Standing, State]]:
        return keyring.listed()

    return _do(program, app, listed)


def _none(refusal: NoSuchKey) -> str:
    if refusal.found:
        return f"{refusal.found} keys have an id that begins so. Write more of it. {TO_SEE}"
    return f"There is no such key. {TO_SEE}"


def _wait(soon: TooSoon) -> str:
    return (
        "The next key was published a short time ago, and other services may not have read it yet. "
        f"Wait {soon.seconds} seconds, or do it at once with: coatcheck keys rotate --now"
    )


def _line(one: Standing, state: State) -> str:
    ended = one.revoked_at or one.retired_at
    return COLUMNS.format(one.id, one.algorithm, state, *map(_minute, (one.published_at, one.signs_from, ended)))


def _minute(moment: datetime | None) -> str:
    return "-" if moment is None else moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M")


def _as_json(one: Standing, state: State) -> str:
    members: dict[str, Any] = {
        "id": one.id,
        "algorithm": one.algorithm,
        "state": state,
        "published_at": one.published_at,
        "signs_from": one.signs_from,
        "retired_at": one.retired_at,
        "revoked_at": one.revoked_at,
    }
    return json.dumps(to_jsonable_python(members))
