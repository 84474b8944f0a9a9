"""The feed on PostgreSQL: LISTEN on a direct connection that comes back by itself."""

import asyncio

import pytest

from coatcheck.database import Database
from tests.database.address import Address
from tests.database.contract_changes import CHANNEL, add, moves, rests
from tests.database.onlooker import Onlooker
from tests.database.things import DELETE, NAMES
from tests.support.postgresql import Cluster

LISTENING = "SELECT pid FROM pg_stat_activity WHERE (query LIKE 'LISTEN%' OR query = 'SELECT 1')"


@pytest.fixture
def address(postgresql_address: Address) -> Address:
    return postgresql_address


@pytest.mark.postgresql
async def test_another_channel_does_not_move_it(database: Database) -> None:
    async with database.changes(CHANNEL) as changes:
        await changes.moved()
        await add(database, "alice", channel="another")
        assert await rests(changes)


@pytest.mark.postgresql
async def test_a_channel_may_have_any_name(database: Database) -> None:
    async with database.changes('Ha "quoted"; one') as changes:
        await changes.moved()
        await add(database, "alice", channel='Ha "quoted"; one')
        assert await moves(changes)


@pytest.mark.postgresql
async def test_plain_sql_of_another_process_can_announce(database: Database, address: Address) -> None:
    async with database.changes(CHANNEL) as changes:
        await changes.moved()
        with Onlooker(address.plain) as other:
            other.rows(f"NOTIFY {CHANNEL}")
        assert await moves(changes)


@pytest.mark.postgresql
async def test_what_was_announced_while_nobody_listened_is_not_missed(
    database: Database, address: Address, cluster: Cluster
) -> None:
    """The listening connection is ended, something is announced, and nobody asks before it is back."""
    with Onlooker(address.plain) as other:
        async with database.changes(CHANNEL) as changes:
            for number in range(2):
                await changes.moved()
                ended = other.rows(LISTENING)
                other.rows(LISTENING.replace("SELECT pid", "SELECT pg_terminate_backend(pid)"))
                await add(database, f"name{number}")
                for _ in range(200):  # until it listens again and has asked its first question
                    if other.rows(f"{LISTENING} AND query = 'SELECT 1'") not in ([], ended):
                        break
                    await asyncio.sleep(0.01)
                assert await changes.moved()
                assert len(await changes.all(NAMES)) == number + 1
                assert await rests(changes)
                await add(database, f"more{number}")
                assert await moves(changes)
                await database.execute(DELETE, {"wanted": f"more{number}"})


@pytest.mark.postgresql
async def test_leaving_ends_the_listening_connection(database: Database, address: Address) -> None:
    with Onlooker(address.plain) as other:
        async with database.changes(CHANNEL):
            assert other.rows(LISTENING)
        for _ in range(100):
            if not other.rows(LISTENING):
                break
            await asyncio.sleep(0.01)
        assert other.rows(LISTENING) == []


@pytest.mark.postgresql
async def test_where_nobody_listens_everything_counts_as_moved(cluster: Cluster, address: Address) -> None:
    """A wrong listening address, or a replica's, costs a read each time; it never hides a revocation."""
    database = Database(address.url, listen_url="postgresql://nobody@127.0.0.1:1/nothing")
    await database.open()
    async with database.changes(CHANNEL) as changes:
        for _ in range(3):
            assert await changes.moved()
            assert await changes.all(NAMES) == []
    await database.close()


@pytest.mark.pgbouncer
async def test_behind_pgbouncer_the_listening_connection_goes_past_it(
    cluster: Cluster, address: Address, pooled_port: int
) -> None:
    pooled = f"postgresql://{cluster.user}@127.0.0.1:{pooled_port}/{address.name}"
    database = Database(pooled, listen_url=address.url, prepare=False)
    await database.open()
    async with database.changes(CHANNEL) as changes:
        await changes.moved()
        for number in range(10):
            await add(database, f"name{number}")
            assert await moves(changes)
    await database.close()
