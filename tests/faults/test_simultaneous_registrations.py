"""Somebody sends the same registration a hundred times at once, so that each copy finds the name
free before any other has taken it. One account may come of it: two owners of one name could log in
as each other."""

import asyncio
from collections import Counter

import pytest

from tests.faults.conftest import Connect, Start
from tests.faults.wire import Answer, Wire, written

AT_ONCE = 100
ROUNDS = 20
ROUNDS_WITH_TWO_PROCESSES = 5
PASSWORD = "secret123"
SPELLINGS = ("alice", "Alice", "ALICE", "ＡＬＩＣＥ", "ａlicE")


async def connected(connect: Connect, *ports: int) -> list[Wire]:
    wires = [connect(ports[number % len(ports)]) for number in range(AT_ONCE)]
    return await asyncio.gather(*(wire.connect() for wire in wires))


async def register_at_once(wires: list[Wire], names: list[str]) -> list[Answer]:
    """All requests leave before any answer is read."""
    for wire, name in zip(wires, names, strict=True):
        await wire.send(written("POST", "/register", {"username": name, "password": PASSWORD}))
    return await asyncio.gather(*(wire.answer() for wire in wires))


def assert_one_was_first(answers: list[Answer]) -> Answer:
    assert Counter(answer.status for answer in answers) == {201: 1, 400: AT_ONCE - 1}
    assert {answer.json()["type"] for answer in answers if answer.status == 400} == {
        "urn:coatcheck:problem:username-taken"
    }
    (first,) = [answer for answer in answers if answer.status == 201]
    return first


async def test_of_a_hundred_simultaneous_registrations_of_one_name_one_succeeds(
    start: Start, connect: Connect, database_url: str
) -> None:
    wires = await connected(connect, start(DATABASE_URL=database_url).port)
    ids: set[int] = set()
    for number in range(ROUNDS):
        first = assert_one_was_first(await register_at_once(wires, [f"alice{number}"] * AT_ONCE))
        ids.add(first.json()["id"])
        login = await wires[0].request("POST", "/login", {"username": f"alice{number}", "password": PASSWORD})
        assert login.status == 200
    assert len(ids) == ROUNDS


@pytest.mark.slow
async def test_two_processes_on_one_database_do_not_both_give_a_name_away_in_any_spelling(
    start: Start, connect: Connect, database_url: str
) -> None:
    servers = [start(DATABASE_URL=database_url), start(DATABASE_URL=database_url)]
    wires = await connected(connect, *(server.port for server in servers))
    for number in range(ROUNDS_WITH_TWO_PROCESSES):
        assert_one_was_first(await register_at_once(wires, [f"bob{number}"] * AT_ONCE))
    names = [SPELLINGS[number % len(SPELLINGS)] for number in range(AT_ONCE)]
    first = assert_one_was_first(await register_at_once(wires, names))
    assert first.json()["username"] in SPELLINGS
    for spelling in SPELLINGS:
        login = await wires[0].request("POST", "/login", {"username": spelling, "password": PASSWORD})
        assert login.status == 200
