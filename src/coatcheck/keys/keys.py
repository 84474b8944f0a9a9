"""The keys of one database: loaded, and made where there are none."""

import asyncio
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from sqlalchemy import bindparam, insert, select

from coatcheck.database import Database, UniqueViolation
from coatcheck.keys.secret import Secret, WrongSecret
from coatcheck.keys.tables import keys
from coatcheck.problems import StartRefused
from coatcheck.tokens import SigningKey

SIGNING = "signing"

ALL = select(keys).order_by(keys.c.id).limit(1_000)
ADD = insert(keys).values(
    {name: bindparam(name) for name in ("key_id", "purpose", "serial", "algorithm", "wrapped", "created_at")}
)


async def exist(database: Database) -> bool:
    """Whether the database holds keys already, so that only one secret will do."""
    return await database.has_table(keys.name) and bool(await database.all(ALL))


async def own_secret(database: Database, file: Path) -> Secret:
    """The secret in a local program's file, made once. Raises StartRefused: it is gone, and the keys need it."""
    # Only then look for the file: it is written before the keys are.
    if await exist(database) and not await asyncio.to_thread(file.exists):
        raise StartRefused(
            f"The database {database} was made with the secret in {file}, and that file is gone. "
            "Put it back from where the data came from, or set COATCHECK_SECRET to it."
        )
    return await asyncio.to_thread(Secret.made_once, file)


async def check(database: Database, secret: Secret) -> None:
    """See that every key opens under this secret. Writes nothing. Raises StartRefused."""
    if await database.has_table(keys.name):
        for row in await database.all(ALL):
            _open(secret, row, database)


async def load_signing_keys(database: Database, secret: Secret, now: datetime) -> dict[str, SigningKey]:
    """The signing keys by their id, oldest first; the first one is made where there is none."""
    loaded = await _load(database, secret)
    if not loaded:
        with suppress(UniqueViolation):  # another process made the first key at the same moment
            await _add(database, secret, SigningKey.generate(), serial=1, now=now)
        loaded = await _load(database, secret)
    return loaded


async def _load(database: Database, secret: Secret) -> dict[str, SigningKey]:
    rows = [row for row in await database.all(ALL) if row.purpose == SIGNING]
    found = [SigningKey.from_seed(_open(secret, row, database)) for row in rows]
    return {key.id: key for key in found}


async def _add(database: Database, secret: Secret, key: SigningKey, *, serial: int, now: datetime) -> None:
    wrapped = secret.wrap(key.seed, purpose=SIGNING, key_id=key.id, algorithm=key.algorithm)
    await database.execute(
        ADD,
        {
            "key_id": key.id,
            "purpose": SIGNING,
            "serial": serial,
            "algorithm": key.algorithm,
            "wrapped": wrapped,
            "created_at": now,
        },
    )


def _open(secret: Secret, row: object, database: Database) -> bytes:
    purpose, key_id, algorithm, wrapped = (
        getattr(row, name) for name in ("purpose", "key_id", "algorithm", "wrapped")
    )
    try:
        return secret.unwrap(wrapped, purpose=purpose, key_id=key_id, algorithm=algorithm)
    except WrongSecret:
        raise StartRefused(
            f"The secret does not belong to the database {database}. "
            "Set COATCHECK_SECRET to the one it was made with, or COATCHECK_DATABASE_URL to another database."
        ) from None
