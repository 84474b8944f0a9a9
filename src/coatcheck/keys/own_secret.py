"""A local program's own secret: a file, and while it is being changed a second one beside it.

The change goes: write `secret.new`, wrap the keys under it (one transaction), rename it over
`secret`. Whoever is killed on the way leaves one of three places, and each opens the data.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from coatcheck.database import Database
from coatcheck.keys import statements
from coatcheck.keys.check import exist
from coatcheck.keys.files import held_alone, put_in_place, write_whole
from coatcheck.keys.secret import Secret, WrongSecret
from coatcheck.keys.secrets import Secrets, opened
from coatcheck.problems import StartRefused


async def own_secrets(database: Database, file: Path, *, finish: bool = True) -> Secrets:
    """The secret in a local program's file, made once; with the new one, if a change was left unfinished.

    finish: rename the new one into its place, if every key is wrapped under it.
    Raises StartRefused: the file is gone, and the keys need it.
    """
    # Only then look for the file: it is written before the keys are.
    if await exist(database) and not await asyncio.to_thread(file.exists):
        raise StartRefused(
            f"The database {database} was made with the secret in {file}, and that file is gone. "
            "Put it back from where the data came from, or set COATCHECK_SECRET to it."
        )
    await asyncio.to_thread(Secret.made_once, file)
    if finish and await asyncio.to_thread(new_file(file).exists):
        async with changing(file):
            await finish_renaming(database, file)
    return await asyncio.to_thread(read_own, file)


def read_own(file: Path) -> Secrets:
    """What is in the file and, if it is there, in the new one beside it. Raises StartRefused."""
    # The new one first: if the change ends between the two looks, the second finds it in its place.
    new = new_file(file)
    try:
        others = (Secret.read(new),) if new.exists() else ()
    except StartRefused:
        if new.exists():
            raise
        others = ()  # between the look and the reading, too
    return Secrets(Secret.read(file), *others)


def new_file(file: Path) -> Path:
    """Where the new secret waits until every key is wrapped under it."""
    return file.with_name(f"{file.name}.new")


@asynccontextmanager
async def changing(file: Path) -> AsyncGenerator[None, None]:
    """Keep every other process from making or changing the file. Raises StartRefused: one does."""
    with await asyncio.to_thread(held_alone, file):
        yield


async def write_new(file: Path) -> Secret:
    """The new secret, whole on the disk before any key needs it; one that was left is taken up again."""
    new = new_file(file)
    if not await asyncio.to_thread(new.exists):
        await asyncio.to_thread(write_whole, new, f"{Secret.new_text()}\n")
    return await asyncio.to_thread(Secret.read, new)


async def finish_renaming(database: Database, file: Path) -> bool:
    """Put the new secret in its place, if there is one and every key is wrapped under it. Whether it was so."""
    new = new_file(file)
    if not await asyncio.to_thread(new.exists):
        return False
    secret, rows = await asyncio.to_thread(Secret.read, new), await database.all(statements.WRAPPED)
    try:
        for row in rows:
            opened(secret, row)
    except WrongSecret:
        return False
    if rows:
        await asyncio.to_thread(put_in_place, new, file)
    return bool(rows)
