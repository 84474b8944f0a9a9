"""Accounts of another system, taken in many at a time."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from coatcheck.accounts import statements
from coatcheck.accounts.statements import MOST_AT_ONCE
from coatcheck.accounts.tables import accounts
from coatcheck.database import Database, UniqueViolation
from coatcheck.database.counters import reserve_ids
from coatcheck.passwords import Passwords
from coatcheck.throttle import Throttle

# Each time somebody has registered one of the names in that moment.
TRIES = 10


@dataclass(frozen=True, slots=True)
class Newcomer:
    """Somebody who has an account elsewhere.

    mapped_username: what `mapped` gives. foreign_hash: as the other system wrote it, of a known format; None:
    without a password. created_at: there; None: now, here.
    """

    username: str
    mapped_username: str
    foreign_hash: str | None
    created_at: datetime | None
    disabled_at: datetime | None


async def free(database: Database, newcomers: Sequence[Newcomer]) -> list[Newcomer]:
    """Those whose names nobody has yet; of two with one name the first. At most MOST_AT_ONCE are asked for."""
    wanted: dict[str, Newcomer] = {}
    for one in newcomers:
        wanted.setdefault(one.mapped_username, one)
    names = [*wanted, *[""] * (MOST_AT_ONCE - len(wanted))]
    for row in await database.all(statements.TAKEN, {f"name_{number}": name for number, name in enumerate(names)}):
        del wanted[row.mapped_username]
    return list(wanted.values())


async def take_in(
    database: Database, passwords: Passwords, throttle: Throttle, newcomers: Sequence[Newcomer], *, now: datetime
) -> int:
    """Add those whose names are free, all in one transaction; how many that were.

    At most MOST_AT_ONCE: a SQLite file has one writer, and a server that is running on it wants its turn.
    """
    for _ in range(TRIES - 1):
        with suppress(UniqueViolation):
            return await _add(database, passwords, throttle, await free(database, newcomers), now)
    return await _add(database, passwords, throttle, await free(database, newcomers), now)


async def _add(
    database: Database, passwords: Passwords, throttle: Throttle, newcomers: Sequence[Newcomer], now: datetime
) -> int:
    if not newcomers:
        return 0
    # A hash is bound to its account's id, so ids come first; and encrypting awaits keys, so not in a transaction.
    with_ids = list(zip(await reserve_ids(database, accounts.name, len(newcomers)), newcomers, strict=True))
    sealed = await passwords.seal_all({id: one.foreign_hash for id, one in with_ids if one.foreign_hash})
    rows = [_row(id, one, sealed.get(id), now) for id, one in with_ids]
    forget = await throttle.forgetting(*(one.mapped_username for one in newcomers))
    async with database.transaction() as tx:
        added = await tx.execute_many(statements.ADD_WITH_ID, rows)
        await forget(tx, None)  # what was guessed before there was anything to guess
    return added


def _row(id: int, one: Newcomer, password_hash: str | None, now: datetime) -> dict[str, object]:
    return {
        "id": id,
        "username": one.username,
        "mapped_username": one.mapped_username,
        "password_hash": password_hash,
        "created_at": one.created_at or now,
        "disabled_at": one.disabled_at,
    }
