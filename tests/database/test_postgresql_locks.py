"""On PostgreSQL correctness rests on constraints, conditional statements and row locks, in READ COMMITTED."""

import asyncio

import pytest
from sqlalchemy import text

from coatcheck.database import Database, ReadTooLong
from tests.database.address import Address
from tests.database.onlooker import Onlooker
from tests.database.things import ADD, ADD_QUIETLY, GET, NAMES, NEXT_VERSION

pytestmark = pytest.mark.postgresql

SLEEP = text("SELECT pg_sleep(:seconds)")
TIME_LIMIT = text("SELECT current_setting('statement_timeout')")
MY_PROCESS = text("SELECT pg_backend_pid()")


@pytest.fixture
def address(postgresql_address: Address) -> Address:
    return postgresql_address


async def test_a_conditional_update_waits_for_the_row_and_then_loses(database: Database, address: Address) -> None:
    """Another process changed the row and has not committed: who waits sees the row as it is then."""
    await database.execute(ADD_QUIETLY, {"name": "alice"})
    with Onlooker(address.plain) as other:
        other.rows("BEGIN")
        other.rows("UPDATE parents SET version = 1 WHERE name = 'alice'")
        waiting = asyncio.create_task(database.one(NEXT_VERSION, {"wanted": "alice", "seen": 0}))
        await asyncio.sleep(0.05)
        assert not waiting.done()
        other.rows("COMMIT")
        assert await waiting is None
        assert (await database.one(GET, {"wanted": "alice"})).version == 1

        other.rows("BEGIN")
        other.rows("UPDATE parents SET version = 2 WHERE name = 'alice'")
        waiting = asyncio.create_task(database.one(NEXT_VERSION, {"wanted": "alice", "seen": 1}))
        await asyncio.sleep(0.05)
        other.rows("ROLLBACK")
        assert await waiting == (2,)


async def test_a_transaction_is_read_committed(database: Database) -> None:
    async with database.transaction() as tx:
        assert await tx.one(text("SHOW transaction_isolation")) == ("read committed",)
        assert await tx.all(NAMES) == []
        await database.execute(ADD_QUIETLY, {"name": "alice"})
        assert await tx.all(NAMES) == [("alice",)]


async def test_ids_commit_out_of_order_so_no_id_says_what_was_seen(database: Database) -> None:
    """Why no reader may ask for "rows since the last id": the lower id can come later."""
    async with database.transaction() as slow:
        lower = (await slow.one(ADD, {"name": "slow"})).id
        higher = (await database.one(ADD, {"name": "quick"})).id
        assert higher > lower
        assert await database.all(NAMES) == [("quick",)]
    assert await database.all(NAMES) == [("quick",), ("slow",)]


async def test_the_time_limit_of_a_scan_stays_with_the_scan(database: Database) -> None:
    """PgBouncer may hand the connection to anybody afterwards."""
    for _ in range(2):
        with pytest.raises(ReadTooLong):
            await database.scan(SLEEP, {"seconds": 5}, seconds=0.05)
        assert await database.scan(TIME_LIMIT, seconds=0.7) == [("700ms",)]
        limits = await asyncio.gather(*(database.one(TIME_LIMIT) for _ in range(12)))
        assert set(limits) == {("0",)}


async def test_a_cancelled_query_ends_on_the_server_and_its_connection_is_used_again(
    database: Database, address: Address
) -> None:
    (before,) = await database.one(MY_PROCESS)
    waiting = asyncio.create_task(database.one(SLEEP, {"seconds": 5}))
    await asyncio.sleep(0.05)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    with Onlooker(address.plain) as other:
        running = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%' AND state = 'active'"
        assert other.value(running) == 0
    assert await database.one(MY_PROCESS) == (before,)


async def test_who_finds_every_connection_taken_waits_for_one(database: Database) -> None:
    naps = [asyncio.create_task(database.one(SLEEP, {"seconds": 0.1})) for _ in range(10)]
    await asyncio.sleep(0)
    assert await asyncio.wait_for(database.all(NAMES), 1) == []
    await asyncio.gather(*naps)
    processes = await asyncio.gather(*(database.one(MY_PROCESS) for _ in range(100)))
    assert len(set(processes)) <= 10
