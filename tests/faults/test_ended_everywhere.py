"""A thief holds a copied access token. Its owner logs out at one server; the thief goes to another one, which
has not been asked anything by the owner. There, too, the token must be refused, at once."""

import asyncio
import time
from contextlib import suppress

import pytest

from tests.faults.conftest import Connect, Start
from tests.faults.wire import Wire

TRIALS = 1_000
ROUNDS = 3  # the best of them: the processors may have other work
USERS = 4
BUSY_CLIENTS = 8
P99_SECONDS = 0.050
NEVER_LATER_SECONDS = 1.0
PASSWORD = "secret123"


async def token_of(wire: Wire, username: str) -> str:
    answer = await wire.request("POST", "/login", {"username": username, "password": PASSWORD})
    assert answer.status == 200, answer.body
    return str(answer.json()["access_token"])


async def register(wire: Wire, username: str) -> None:
    answer = await wire.request("POST", "/register", {"username": username, "password": PASSWORD})
    assert answer.status == 201


async def is_accepted(wire: Wire, token: str) -> bool:
    answer = await wire.request("GET", "/me", token=token)
    assert answer.status in {200, 401}, answer.body
    return answer.status == 200


async def seconds_accepted(there: Wire, token: str) -> float:
    """How long after the logout's acknowledgement, which was just read, the other server still accepts."""
    acknowledged = time.monotonic()
    last = 0.0
    while await is_accepted(there, token):
        last = time.monotonic() - acknowledged
        assert last < NEVER_LATER_SECONDS
    return last


async def keep_busy(wire: Wire, token: str) -> None:
    with suppress(ConnectionError):
        while True:
            answer = await wire.request("GET", "/todos", token=token)
            assert answer.status == 200


@pytest.mark.slow
@pytest.mark.postgresql
async def test_on_postgresql_within_50_ms_for_99_of_100_under_load(
    start: Start, connect: Connect, postgresql_url: str
) -> None:
    here, there = start(DATABASE_URL=postgresql_url), start(DATABASE_URL=postgresql_url)
    for number in range(USERS):
        await register(connect(here.port), f"user{number}")
    load = [
        asyncio.create_task(keep_busy(connect(server.port), await token_of(connect(here.port), "user0")))
        for server in (here, there)
        for _ in range(BUSY_CLIENTS // 2)
    ]
    delays: list[float] = []
    p99 = float("inf")

    async def trials(number: int) -> None:
        ours, theirs = connect(here.port), connect(there.port)
        for _ in range(TRIALS // USERS):
            token = await token_of(ours, f"user{number}")
            assert await is_accepted(theirs, token)  # warm: it is in the other server's cache
            answer = await ours.request("POST", "/logout", token=token)
            assert answer.status == 204
            assert not await is_accepted(ours, token)
            delays.append(await seconds_accepted(theirs, token))

    for _ in range(ROUNDS):
        delays.clear()
        await asyncio.gather(*(trials(number) for number in range(USERS)))
        delays.sort()
        assert len(delays) == TRIALS
        p99 = delays[TRIALS * 99 // 100]
        print(f"p50 {delays[TRIALS // 2] * 1000:.1f} ms, p99 {p99 * 1000:.1f} ms, most {delays[-1] * 1000:.1f} ms")
        if p99 < P99_SECONDS:
            break
    for task in load:
        task.cancel()
    assert not [task.exception() for task in load if task.done() and not task.cancelled()]
    assert p99 < P99_SECONDS


async def test_on_sqlite_from_the_next_request_on(start: Start, connect: Connect) -> None:
    here, there = start(), start()
    ours, theirs = connect(here.port), connect(there.port)
    await register(ours, "alice")
    for _ in range(200):
        token = await token_of(ours, "alice")
        assert await is_accepted(theirs, token)
        assert (await ours.request("POST", "/logout", token=token)).status == 204
        assert not await is_accepted(theirs, token)
