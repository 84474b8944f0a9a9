"""PostgreSQL goes away and comes back: a restart, a fail-over, an administrator who ends every connection.

Whoever asks meanwhile is told so at once (503, to be repeated) and never meets the driver's own error.
Nothing needs a restart of ours.
"""

import asyncio
import os
import signal
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from coatcheck.database import Database, DatabaseUnavailable, postgresql_pool
from coatcheck.problems import StartRefused
from tests.database.address import Address
from tests.database.heard import BOUND_SECONDS, Heard, add
from tests.database.things import ADD, ADD_QUIETLY, COUNT, NAMES, make_tables
from tests.support.postgresql import Cluster

pytestmark = pytest.mark.postgresql

MY_PROCESS = text("SELECT pg_backend_pid()")
END_ALL = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
)


@pytest.fixture
def address(postgresql_address: Address) -> Address:
    return postgresql_address


def end_all_connections(cluster: Cluster, address: Address) -> None:
    """As an administrator does, and a server that stops."""
    assert cluster.run(END_ALL, address.name)


async def fill(database: Database) -> None:
    """Have every connection open and idle."""
    await asyncio.gather(*(database.one(text("SELECT 1 FROM pg_sleep(0.02)")) for _ in range(10)))


async def test_after_every_connection_was_ended_a_read_does_not_notice(
    database: Database, cluster: Cluster, address: Address
) -> None:
    for read in (database.one, database.scan, database.all):
        await fill(database)
        end_all_connections(cluster, address)
        assert await read(COUNT)
    for _ in range(3):
        await fill(database)
        end_all_connections(cluster, address)
        answers = await asyncio.gather(*(database.one(COUNT) for _ in range(30)))
        assert len(answers) == 30


async def test_after_every_connection_was_ended_a_transaction_does_not_notice(
    database: Database, cluster: Cluster, address: Address
) -> None:
    await fill(database)
    end_all_connections(cluster, address)
    async with database.transaction() as tx:
        await tx.one(ADD, {"name": "alice"})
    assert await database.all(NAMES) == [("alice",)]


async def test_a_single_write_is_not_repeated_but_refused_once(
    database: Database, cluster: Cluster, address: Address
) -> None:
    """Whether it was carried out cannot be known."""
    await fill(database)
    end_all_connections(cluster, address)
    with pytest.raises(DatabaseUnavailable):
        await database.execute(ADD_QUIETLY, {"name": "alice"})
    assert await database.execute(ADD_QUIETLY, {"name": "bob"}) == 1
    assert await database.all(NAMES) == [("bob",)]


async def test_a_transaction_whose_connection_was_ended_is_unavailable_and_undone(
    database: Database, cluster: Cluster, address: Address
) -> None:
    async def cut_off(swallow: bool) -> None:
        async with database.transaction() as tx:
            await tx.one(ADD, {"name": "alice"})
            end_all_connections(cluster, address)
            if swallow:
                with suppress(DatabaseUnavailable):
                    await tx.one(ADD, {"name": "bob"})

    for swallow in (False, True):
        with pytest.raises(DatabaseUnavailable):
            await cut_off(swallow)
        assert await database.all(NAMES) == []


async def test_under_load_nobody_meets_the_drivers_own_error(
    database: Database, cluster: Cluster, address: Address
) -> None:
    answers: list[Any] = []
    going = True

    async def client(number: int) -> None:
        turn = 0
        while going:
            turn += 1
            try:
                if number % 2:
                    answers.append(await database.one(ADD, {"name": f"{number} {turn}"}))
                else:
                    await add(database, f"{number} {turn}")
            except DatabaseUnavailable as error:
                answers.append(error)

    clients = [asyncio.create_task(client(number)) for number in range(12)]
    try:
        for _ in range(5):
            await asyncio.sleep(0.05)
            end_all_connections(cluster, address)
        await asyncio.sleep(0.05)
    finally:
        going = False
    await asyncio.wait_for(asyncio.gather(*clients), 5)
    refused = sum(isinstance(answer, DatabaseUnavailable) for answer in answers)
    assert 0 < refused <= 5 * 12
    assert await database.all(NAMES)


async def test_every_connection_would_notice_a_server_that_vanished(database: Database) -> None:
    """Power or a cable: nothing is told. The system would wait two hours, or a quarter of one."""
    async with database._engine._pool.connection() as connection:  # type: ignore[union-attr]
        settings = connection.info.get_parameters()
    assert {name: settings[name] for name in postgresql_pool.LIVENESS} == {
        "connect_timeout": "2",
        "keepalives_idle": "2",
        "keepalives_interval": "1",
        "keepalives_count": "3",
        "tcp_user_timeout": "5000",
    }


async def test_a_server_that_is_not_there_refuses_the_start_with_a_sentence() -> None:
    for url in ("postgresql://nobody@127.0.0.1:1/nothing", "postgresql:///nothing?host=/nowhere"):
        began = time.monotonic()
        with pytest.raises(StartRefused, match=r"^PostgreSQL does not answer at COATCHECK_DATABASE_URL\."):
            await Database(url).open()
        assert time.monotonic() - began < 3


@pytest.fixture(scope="module")
def mortal() -> Iterator[Cluster]:
    """A server of its own, to be stopped."""
    running = Cluster(Path(tempfile.mkdtemp(prefix="coatcheck-mortal-")) / "data")
    make_tables(running.url("postgres"))
    yield running
    if running.server.get_postmaster_info().process is not None:
        running.server.ensure_postgres_running()
    running.stop()


@pytest.fixture
async def outliving(mortal: Cluster) -> AsyncIterator[Database]:
    """A database on it."""
    mortal.run("TRUNCATE parents CASCADE")
    database = Database(mortal.url("postgres"))
    await database.open()
    yield database
    await database.close()


async def test_a_server_that_stops_and_starts_again_is_found_again(outliving: Database, mortal: Cluster) -> None:
    await fill(outliving)
    heard = Heard(outliving)
    assert await heard.is_current()
    await asyncio.to_thread(mortal.server.stop)
    stopped_at = time.monotonic()
    for _ in range(2):
        for run in (outliving.one, outliving.scan, outliving.execute):
            began = time.monotonic()
            with pytest.raises(DatabaseUnavailable):
                await run(COUNT)
            assert time.monotonic() - began < 3
        with pytest.raises(DatabaseUnavailable):
            await add(outliving, "nowhere")
        assert not await heard.changes.current() or time.monotonic() < stopped_at + BOUND_SECONDS
    await asyncio.to_thread(mortal.server.ensure_postgres_running)
    assert (await outliving.one(COUNT)).number == 0
    await add(outliving, "alice")
    assert await heard.is_current()
    assert heard.names == {"alice"}
    await add(outliving, "bob")
    assert await heard.hears("bob")


async def test_a_server_that_hangs_does_not_pass_for_silence(outliving: Database, mortal: Cluster) -> None:
    """The process that listens for us stops answering. What it would announce must not be missed: a
    revoked session would go on. Another one takes its place."""
    heard, others = Heard(outliving), Database(mortal.url("postgres"))
    await others.open()
    assert await heard.is_current()
    ((pid,),) = mortal.run("SELECT pid FROM pg_stat_activity WHERE query LIKE '%FROM parents%' AND state = 'idle'")
    os.kill(int(str(pid)), signal.SIGSTOP)
    stopped_at = time.monotonic()
    try:
        await add(others, "alice")
        while time.monotonic() < stopped_at + BOUND_SECONDS:
            await heard.changes.current()
            await asyncio.sleep(0.01)
        assert not await heard.changes.current() or "alice" in heard.names
        assert await heard.is_current()
        assert heard.names == {"alice"}
    finally:
        os.kill(int(str(pid)), signal.SIGCONT)
    await others.close()
