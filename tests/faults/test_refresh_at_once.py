"""A phone comes out of a tunnel and sends what it has: the same refresh token, many times at once, or again
because the answer was lost. Nobody is logged out for that, and nobody gets a second chain of tokens."""

import asyncio
from collections import Counter
from typing import Any

import pytest

from tests.faults.conftest import Connect, Start
from tests.faults.wire import Answer, Wire, written

AT_ONCE = 100
ROUNDS = 50
DROPPED = 1_000
LINES = 20
PASSWORD = "secret123"


async def logged_in(wire: Wire, username: str) -> dict[str, Any]:
    body = {"username": username, "password": PASSWORD}
    assert (await wire.request("POST", "/register", body)).status == 201
    answer = await wire.request("POST", "/login", {**body, "refresh": True})
    assert answer.status == 200
    tokens: dict[str, Any] = answer.json()
    return tokens


def refresh(token: str) -> bytes:
    return written("POST", "/token/refresh", {"refresh_token": token})


async def all_at_once(wires: list[Wire], token: str) -> list[Answer]:
    """All requests leave before any answer is read."""
    for wire in wires:
        await wire.send(refresh(token))
    return await asyncio.gather(*(wire.answer() for wire in wires))


@pytest.mark.slow
@pytest.mark.parametrize("processes", [1, 2])
async def test_of_a_hundred_at_once_all_get_the_one_successor(
    start: Start, connect: Connect, database_url: str, processes: int
) -> None:
    servers = [start(DATABASE_URL=database_url) for _ in range(processes)]
    wires = [connect(servers[number % processes].port) for number in range(AT_ONCE)]
    await asyncio.gather(*(wire.connect() for wire in wires))
    token = (await logged_in(wires[0], "alice"))["refresh_token"]
    seen = {token}
    answers: list[Answer] = []
    for _ in range(ROUNDS // processes):
        answers = await all_at_once(wires, token)
        assert Counter(answer.status for answer in answers) == {200: AT_ONCE}
        (token,) = {answer.json()["refresh_token"] for answer in answers}
        assert token not in seen
        seen.add(token)
    access = [answer.json()["access_token"] for answer in answers]
    assert len(set(access)) == AT_ONCE
    for one in access[:5]:
        assert (await wires[0].request("GET", "/me", token=one)).status == 200


@pytest.mark.slow
async def test_a_thousand_answers_that_are_lost_log_nobody_out(
    start: Start, connect: Connect, database_url: str
) -> None:
    port = start(DATABASE_URL=database_url).port

    async def lose_and_repeat(number: int) -> int:
        wire = connect(port)
        token = (await logged_in(wire, f"user{number}"))["refresh_token"]
        logged_out = 0
        for _ in range(DROPPED // LINES):
            lost = await connect(port).connect()
            await lost.send(refresh(token))
            if number % 2:
                await asyncio.sleep(0)  # some of the requests have arrived by then, some have not
            lost.vanish()
            answer = await wire.request("POST", "/token/refresh", {"refresh_token": token})
            logged_out += answer.status != 200
            if answer.status == 200:
                token = answer.json()["refresh_token"]
        return logged_out

    assert sum(await asyncio.gather(*(lose_and_repeat(number) for number in range(LINES)))) == 0


async def test_a_replay_by_many_at_once_ends_the_family_once_and_nobody_waits_for_another(
    start: Start, connect: Connect, database_url: str
) -> None:
    server = start(DATABASE_URL=database_url)
    wires = [connect(server.port) for _ in range(AT_ONCE)]
    await asyncio.gather(*(wire.connect() for wire in wires))
    stolen = (await logged_in(wires[0], "alice"))["refresh_token"]
    second = (await wires[0].request("POST", "/token/refresh", {"refresh_token": stolen})).json()
    third = (await wires[0].request("POST", "/token/refresh", {"refresh_token": second["refresh_token"]})).json()
    answers = await all_at_once(wires, stolen)
    assert Counter(answer.status for answer in answers) == {401: AT_ONCE}
    assert (await wires[0].request("GET", "/me", token=third["access_token"])).status == 401
    told = (server.folder / "stderr.log").read_text().count("was used a second time")
    assert told == 1


async def test_a_logout_among_refreshes_wins(start: Start, connect: Connect, database_url: str) -> None:
    """Whatever the order: once the logout is acknowledged, no token that any answer carried is accepted."""
    server = start(DATABASE_URL=database_url)
    wires = [connect(server.port) for _ in range(20)]
    await asyncio.gather(*(wire.connect() for wire in wires))
    for number in range(10):
        tokens = await logged_in(wires[0], f"user{number}")
        for place, wire in enumerate(wires):
            if place == number:
                await wire.send(written("POST", "/logout", token=tokens["access_token"]))
            else:
                await wire.send(refresh(tokens["refresh_token"]))
        answers = await asyncio.gather(*(wire.answer() for wire in wires))
        assert answers[number].status == 204
        given = [answer.json() for answer in answers if answer.status == 200]
        for one in (tokens, *given):
            assert (await wires[0].request("GET", "/me", token=one["access_token"])).status == 401
            again = await wires[0].request("POST", "/token/refresh", {"refresh_token": one["refresh_token"]})
            assert again.status == 401
