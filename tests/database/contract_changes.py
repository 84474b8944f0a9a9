"""What both engines promise of `changes`: who hears "current" knows what was committed."""

# ruff: noqa: PT012  what is refused is often the end of a transaction's block

import asyncio
import gc
import weakref
from contextlib import suppress

import pytest

from coatcheck.database import Database, DatabaseUnavailable, UniqueViolation
from tests.database.address import Address
from tests.database.heard import CHANNEL, Heard, add
from tests.database.things import ADD, ADD_QUIETLY, NAMES

LONGEST_MESSAGE = "ä" * 3_950  # 7,900 bytes


class ChangesContract:
    """The revocation feed rests on this."""

    async def test_it_begins_with_all_that_is_there(self, database: Database) -> None:
        for name in ("alice", "bob"):
            await add(database, name)
        heard = Heard(database)
        heard.changes.start()
        assert await heard.is_current()
        assert heard.read == ["alice", "bob"]
        await heard.changes.close()

    async def test_a_first_look_needs_no_start(self, database: Database) -> None:
        await add(database, "alice")
        heard = Heard(database)
        assert await heard.is_current()
        assert heard.names == {"alice"}

    async def test_this_process_knows_as_soon_as_the_block_has_ended(self, database: Database) -> None:
        heard = Heard(database)
        assert await heard.is_current()
        for number in range(20):
            await add(database, f"name{number}")
            await heard.changes.current()
            assert f"name{number}" in heard.names

    async def test_what_others_commit_is_told(self, database: Database, address: Address) -> None:
        another = address.database()
        await another.open()
        heard, others = Heard(database), Heard(another)
        assert await heard.is_current()
        assert await others.is_current()
        for number, writer in enumerate((database, another, database, another)):
            await add(writer, f"name{number}")
            assert await heard.hears(f"name{number}")
            assert await others.hears(f"name{number}")
        await another.close()

    async def test_none_of_many_is_missed(self, database: Database, address: Address) -> None:
        another = address.database()
        await another.open()
        heard = Heard(database)
        assert await heard.is_current()
        for number in range(20):
            await asyncio.gather(*(add(another, f"{number} {other}") for other in range(3)))
        assert await heard.hears(*(f"{number} {other}" for number in range(20) for other in range(3)))
        await another.close()

    async def test_what_was_undone_is_not_told(self, database: Database) -> None:
        await add(database, "alice")
        heard = Heard(database)
        assert await heard.is_current()
        with pytest.raises(LookupError):
            async with database.transaction() as tx:
                await tx.execute(ADD_QUIETLY, {"name": "undone"})
                await tx.announce(CHANNEL, "undone")
                raise LookupError
        with pytest.raises(UniqueViolation):
            async with database.transaction() as tx:
                await tx.announce(CHANNEL, "refused")
                await tx.execute(ADD_QUIETLY, {"name": "alice"})
        await add(database, "afterwards")
        assert await heard.hears("afterwards")
        assert heard.names == {"alice", "afterwards"}

    async def test_it_may_be_made_before_the_database_is_open(self, address: Address) -> None:
        database = address.database()
        heard = Heard(database)
        with pytest.raises(DatabaseUnavailable):
            heard.changes.start()
        await database.open()
        await add(database, "alice")
        assert await heard.is_current()
        assert heard.names == {"alice"}
        await database.close()

    async def test_after_a_close_a_look_begins_anew(self, database: Database) -> None:
        heard = Heard(database)
        for name in ("alice", "bob"):
            assert await heard.is_current()
            await heard.changes.close()
            await heard.changes.close()
            await add(database, name)
            assert await heard.is_current()
            assert name in heard.names

    async def test_several_may_watch(self, database: Database) -> None:
        one, two = Heard(database), Heard(database)
        assert await one.is_current()
        assert await two.is_current()
        await add(database, "alice")
        assert await one.hears("alice")
        assert await two.hears("alice")
        await one.changes.close()
        await add(database, "bob")
        assert await two.hears("bob")

    async def test_two_databases_in_one_process_do_not_meet(self, database: Database, address: Address) -> None:
        """Two applications, each with a feed on the channel of the same name; one is closed under the other."""
        another = address.database()
        await another.open()
        heard, others = Heard(database), Heard(another)
        assert await heard.is_current()
        assert await others.is_current()
        await another.close()
        await add(database, "alice")
        assert await heard.hears("alice")
        assert await heard.is_current()

    async def test_who_forgets_it_has_not_to_close_it(self, database: Database) -> None:
        """A test suite that makes an application for each test does not always end it."""
        heard = Heard(database)
        assert await heard.is_current()
        gone = weakref.ref(heard.changes)
        del heard
        gc.collect()
        assert gone() is None
        await add(database, "alice")

    async def test_an_announcement_has_a_limit(self, database: Database) -> None:
        heard = Heard(database)
        assert await heard.is_current()
        async with database.transaction() as tx:
            await tx.announce(CHANNEL, LONGEST_MESSAGE)
        with pytest.raises(ValueError, match="7,900 bytes"):
            async with database.transaction() as tx:
                await tx.one(ADD, {"name": "alice"})
                with suppress(ValueError):  # swallowed, it ends the transaction all the same
                    await tx.announce(CHANNEL, LONGEST_MESSAGE + "x")
        assert await database.all(NAMES) == []
