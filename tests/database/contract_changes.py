"""What both engines promise of `changes`: every announced commit moves it, silence does not."""

# ruff: noqa: PT012  what is refused is often the end of a transaction's block

import asyncio
import time

import pytest

from coatcheck.database import Changes, Database
from tests.database.address import Address
from tests.database.things import ADD, ADD_QUIETLY, NAMES

CHANNEL = "coatcheck_test"
LONGEST_SECONDS = 1.0
A_MOMENT = 0.05  # what PostgreSQL announces arrives a little later; what it does not, never


async def add(database: Database, name: str, channel: str = CHANNEL) -> None:
    """Write and announce."""
    async with database.transaction() as tx:
        await tx.one(ADD, {"name": name})
        await tx.announce(channel)


async def moves(changes: Changes, seconds: float = LONGEST_SECONDS) -> bool:
    """Whether it moves in that time."""
    deadline = time.monotonic() + seconds
    while not await changes.moved():
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(0.002)
    return True


async def rests(changes: Changes) -> bool:
    """Whether it stays still for a moment."""
    await asyncio.sleep(A_MOMENT)
    return not await changes.moved()


class ChangesContract:
    """The revocation feed rests on this."""

    async def test_it_moves_at_first_and_then_rests(self, database: Database) -> None:
        async with database.changes(CHANNEL) as changes:
            assert await changes.moved()
            assert await rests(changes)

    async def test_it_moves_once_after_an_own_commit_and_after_a_foreign_one(
        self, database: Database, address: Address
    ) -> None:
        another = address.database()
        await another.open()
        async with database.changes(CHANNEL) as changes:
            await changes.moved()
            for number, writer in enumerate((database, another, database, another)):
                await add(writer, f"name{number}")
                assert await moves(changes)
                assert len(await changes.all(NAMES)) == number + 1
                assert await rests(changes)
        await another.close()

    async def test_many_commits_are_one_move_and_none_is_missed(self, database: Database) -> None:
        async with database.changes(CHANNEL) as changes:
            await changes.moved()
            for number in range(20):
                await asyncio.gather(*(add(database, f"{number} {other}") for other in range(3)))
                assert await moves(changes)
            await asyncio.sleep(A_MOMENT)
            await changes.moved()
            assert len(await changes.all(NAMES)) == 60
            assert await rests(changes)

    async def test_reads_and_what_was_undone_do_not_move_it(self, database: Database) -> None:
        async with database.changes(CHANNEL) as changes:
            await changes.moved()
            await database.all(NAMES)
            await database.scan(NAMES)
            with pytest.raises(LookupError):
                async with database.transaction() as tx:
                    await tx.execute(ADD_QUIETLY, {"name": "alice"})
                    await tx.announce(CHANNEL)
                    raise LookupError
            assert await rests(changes)

    async def test_it_can_be_watched_by_several_and_again(self, database: Database) -> None:
        async with database.changes(CHANNEL) as one, database.changes(CHANNEL) as two:
            await one.moved()
            await two.moved()
            await add(database, "alice")
            assert await moves(one)
            assert await moves(two)
        async with database.changes(CHANNEL) as again:
            assert await again.moved()
