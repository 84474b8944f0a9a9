"""Two processes write to one SQLite file as fast as they can. SQLite lets whoever has just committed
write again first, so one of them could wait for seconds and look dead to its users."""

import asyncio
import time

import pytest

from tests.faults.conftest import Connect, Start
from tests.faults.wire import Wire
from tests.support.person import Person

CLIENTS_EACH = 16
SECONDS = 3.0
LONGEST_WAIT_SECONDS = 0.5


async def write_until(deadline: float, wire: Wire, token: str) -> list[float]:
    """Add todos one after another; how long each took."""
    await wire.connect()
    waits: list[float] = []
    while (begun := time.monotonic()) < deadline:
        answer = await wire.request("POST", "/todos", {"title": "Learn JWT"}, token=token)
        assert answer.status == 201
        waits.append(time.monotonic() - begun)
    return waits


async def load(wires: list[Wire], deadline: float, token: str) -> list[float]:
    clients = [write_until(deadline, wire, token) for wire in wires]
    return [wait for waits in await asyncio.gather(*clients) for wait in waits]


@pytest.mark.slow
async def test_each_of_two_writing_processes_gets_its_turn(start: Start, connect: Connect) -> None:
    servers = [start(), start()]
    with servers[0].client() as client:
        token = Person(client).token
    wires = [[connect(server.port) for _ in range(CLIENTS_EACH)] for server in servers]
    deadline = time.monotonic() + SECONDS
    waits = await asyncio.gather(*(load(each, deadline, token) for each in wires))
    counts = [len(each) for each in waits]
    longest = max(max(each) for each in waits)
    print(f"{counts[0]} and {counts[1]} todos, longest wait {longest * 1000:.0f} ms")
    assert min(counts) * 3 >= sum(counts), counts
    assert longest < LONGEST_WAIT_SECONDS
