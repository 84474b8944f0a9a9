"""The power fails, the kernel kills the process, somebody pulls the plug while 32 clients write. What
was acknowledged is what they rely on: a registration, a todo, a changed password, a deletion. All of it
must be there after the restart. A write whose answer never came may have happened or not.

FAULT_ROUNDS=20 runs more rounds than the few of every day."""

import asyncio
import os
import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.breakable import BreakableCluster
from tests.faults.conftest import Start
from tests.faults.ledger import CLIENTS, Account, Writer, assert_all_there
from tests.support.server import Server

ROUNDS = int(os.environ.get("FAULT_ROUNDS", "2"))
ROUNDS_BETWEEN_CRASHES_OF_POSTGRESQL = 3
ANSWERED_WITHIN_SECONDS = 20
LOAD_SECONDS = (0.0, 0.8)  # from then on
ENDS_WITHIN_SECONDS = 2  # one on a machine that does nothing else


@pytest.fixture
def postgresql_url(breakable_cluster: BreakableCluster) -> Iterator[str]:
    """A new database on the server that may be stopped."""
    name = breakable_cluster.new_database()
    yield breakable_cluster.url(name)
    breakable_cluster.drop_database(name)


async def answered(writers: list[Writer], number: int) -> None:
    """Wait until they have more than so many further answers."""
    before = sum(writer.answered.total() for writer in writers)
    async with asyncio.timeout(ANSWERED_WITHIN_SECONDS):
        while sum(writer.answered.total() for writer in writers) <= before + number:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def killed_under_load(server: Server, name: str) -> list[Account]:
    """Let 32 clients write, kill the server in the middle; what they know."""
    writers = [Writer(server.port, f"{name}-{number}") for number in range(CLIENTS)]
    lives = [asyncio.create_task(writer.live()) for writer in writers]
    await answered(writers, CLIENTS)
    await asyncio.sleep(random.uniform(*LOAD_SECONDS))
    server.process.kill()
    await asyncio.gather(*lives)
    server.stop()
    answers = [answer for writer in writers for answer in writer.refused]
    assert not answers, answers[0]
    return [account for writer in writers for account in writer.accounts]


async def test_a_killed_server_on_sqlite_has_lost_nothing(tmp_path: Path, start: Start) -> None:
    known: list[Account] = []
    server = start()
    for number in range(ROUNDS):
        fresh = await killed_under_load(server, f"round{number}")
        server = start(PORT=str(server.port))
        await assert_all_there(server.port, fresh)
        known += fresh
    print(await assert_all_there(server.port, known), "accounts")


@pytest.mark.postgresql
async def test_a_killed_server_on_postgresql_has_lost_nothing(
    start: Start, breakable_cluster: BreakableCluster, postgresql_url: str
) -> None:
    """In every third round PostgreSQL itself crashes, too."""
    known: list[Account] = []
    server = start(DATABASE_URL=postgresql_url)
    for number in range(ROUNDS):
        fresh = await killed_under_load(server, f"round{number}")
        if number % ROUNDS_BETWEEN_CRASHES_OF_POSTGRESQL == 1:
            breakable_cluster.go_down("immediate")
            breakable_cluster.come_back()
        server = start(DATABASE_URL=postgresql_url, PORT=str(server.port))
        await assert_all_there(server.port, fresh)
        known += fresh
    print(await assert_all_there(server.port, known), "accounts")


async def test_one_of_two_processes_is_killed_and_the_other_does_not_notice(start: Start, database_url: str) -> None:
    """The dead one may have held the file's locks, or rows."""
    victim, survivor = start(DATABASE_URL=database_url), start(DATABASE_URL=database_url)
    writers = [Writer(survivor.port, f"survivor-{number}") for number in range(CLIENTS // 2)]
    lives = [asyncio.create_task(writer.live()) for writer in writers]
    lost = await killed_under_load(victim, "victim")
    await answered(writers, len(writers))
    for writer in writers:
        writer.stopped = True
    await asyncio.gather(*lives)
    assert not [answer for writer in writers for answer in writer.refused]
    kept = [account for writer in writers for account in writer.accounts]
    assert await assert_all_there(survivor.port, lost + kept) > CLIENTS


async def test_a_server_that_is_asked_to_stop_under_load_keeps_its_word_and_ends_at_once(
    start: Start, database_url: str
) -> None:
    server = start(DATABASE_URL=database_url)
    writers = [Writer(server.port, f"polite-{number}") for number in range(CLIENTS)]
    lives = [asyncio.create_task(writer.live()) for writer in writers]
    await answered(writers, 2 * CLIENTS)
    asked = time.monotonic()
    server.process.terminate()
    assert await asyncio.to_thread(server.process.wait, 10) == 0
    assert time.monotonic() - asked < ENDS_WITHIN_SECONDS
    await asyncio.gather(*lives)
    server.stop()
    assert {answer.status for writer in writers for answer in writer.refused} <= {503}
    server = start(DATABASE_URL=database_url, PORT=str(server.port))
    known = [account for writer in writers for account in writer.accounts]
    assert await assert_all_there(server.port, known) >= CLIENTS
