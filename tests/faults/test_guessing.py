"""Somebody guesses at one account, five thousand times, a hundred at once, at four processes of the service: from one
network, or from five hundred. Or floods the service with names that nobody has, so that the hashing queue is full.
Meanwhile the owner logs in from home, as before."""

import asyncio
import os
import sys
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager

import pytest

from coatcheck.passwords.pool import WAITING_PER_THREAD
from coatcheck.throttle.limits import UNFINISHED_AT_ONCE, WAITS_FROM
from tests.conftest import ENGINES
from tests.faults.conftest import Start
from tests.faults.wire import Wire
from tests.support.person import PASSWORD
from tests.support.postgresql import Cluster

PROCESSES = 4
GUESSES = 5_000
AT_ONCE = 100
NETWORKS = 500
HOME = "127.0.0.77"
OWNER = {"username": "alice", "password": PASSWORD}
DEFAULT_COST = {"ARGON2_MEMORY_KIB": "19456", "ARGON2_TIME_COST": "2"}
PROCESSORS = 2
FLOOD = PROCESSORS * WAITING_PER_THREAD + 500  # more than wait at most


def network(number: int) -> str:
    """One of five hundred."""
    return f"127.9.{number // 250}.{number % 250 + 1}"


@pytest.fixture(params=ENGINES)
def database(request: pytest.FixtureRequest) -> dict[str, str]:
    """Where the servers keep their data, as `start` takes it."""
    limited = {"THROTTLE": "true"}
    if request.param == "sqlite":
        return limited
    cluster: Cluster = request.getfixturevalue("cluster")
    return {**limited, "DATABASE_URL": cluster.url(cluster.new_database())}


@contextmanager
def on_two_processors() -> Generator[None]:
    """Processes begun inside have no more, so the queue is as long on every machine."""
    if sys.platform != "linux":
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(before)[:PROCESSORS])
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


async def once(port: int, origin: str, body: dict[str, str]) -> int:
    """The status of one login on a connection of its own."""
    wire = Wire(port, origin=origin)
    try:
        return (await wire.request("POST", "/login", body)).status
    finally:
        await wire.close()


async def at_home(port: int) -> None:
    """The owner registers, and logs in for the first time."""
    wire = Wire(port, origin=HOME)
    assert (await wire.request("POST", "/register", OWNER)).status == 201
    assert (await wire.request("POST", "/login", OWNER)).status == 200
    await wire.close()


@pytest.mark.slow
@pytest.mark.parametrize("networks", [1, NETWORKS], ids=["from-one-network", "from-500-networks"])
async def test_v6_3_1_of_5000_guesses_a_handful_is_checked_and_the_owner_gets_in(
    start: Start, database: dict[str, str], networks: int
) -> None:
    ports = [start(**database).port for _ in range(PROCESSES)]
    await at_home(ports[0])
    numbers = iter(range(GUESSES))
    statuses: Counter[int] = Counter()
    owners: Counter[int] = Counter()

    async def guess() -> None:
        for number in numbers:
            body = {"username": "alice", "password": f"guess number {number}"}
            statuses[await once(ports[number % PROCESSES], network(number % networks), body)] += 1
            if number % 100 == 0:
                owners[await once(ports[number % PROCESSES], HOME, OWNER)] += 1

    await asyncio.gather(*(guess() for _ in range(AT_ONCE)))
    print(f"{GUESSES} guesses: {dict(statuses)}; the owner: {dict(owners)}")
    assert set(statuses) == {401, 429}
    assert WAITS_FROM <= statuses[401] <= UNFINISHED_AT_ONCE * PROCESSES
    assert owners == {200: GUESSES // 100}


@pytest.mark.slow
async def test_the_owner_gets_in_from_home_while_the_queue_is_full_of_unknown_names(
    start: Start, database: dict[str, str]
) -> None:
    with on_two_processors():
        server = start(**database, **DEFAULT_COST)
    await at_home(server.port)
    wires = [Wire(server.port, origin=network(number % NETWORKS)) for number in range(FLOOD)]
    refused = asyncio.Event()
    statuses: Counter[int] = Counter()

    async def flood(number: int) -> None:
        body = {"username": f"nobody{number}", "password": PASSWORD}
        answer = await wires[number].request("POST", "/login", body)
        statuses[answer.status] += 1
        if answer.status == 503:
            assert int(answer.headers["retry-after"]) >= 1
            refused.set()

    flooding = [asyncio.create_task(flood(number)) for number in range(FLOOD)]
    await asyncio.wait_for(refused.wait(), 30)  # it is full
    checked = statuses[401]
    owners = [await once(server.port, HOME, OWNER) for _ in range(5)]
    strangers_meanwhile = statuses[401] - checked
    for task in flooding:
        task.cancel()
    await asyncio.gather(*flooding, return_exceptions=True)
    for wire in wires:
        wire.vanish()
    print(f"the owner: {owners}; {strangers_meanwhile} strangers were checked meanwhile; the flood: {dict(statuses)}")
    assert owners == [200] * 5
    assert set(statuses) <= {401, 503}
    # Turn by turn: had the owner waited at the end of the queue, hundreds of strangers would have come first.
    assert strangers_meanwhile < 100
