"""What is written beside the requests: when a session was last seen, and that nothing is left of what made a
successor. Also when no other request ever comes, and when two processes write."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import text

from coatcheck.sessions import upkeep
from tests.faults.two_processes import OLD, Process, bearer, process
from tests.support.clock import Clock

SALTS = text("SELECT refresh_salt FROM coatcheck_sessions WHERE refresh_salt IS NOT NULL")
SEEN = text("SELECT last_seen_at FROM coatcheck_sessions WHERE last_seen_at IS NOT NULL")
SECOND = 10.0  # how long a test waits for what takes a second


@pytest_asyncio.fixture
async def one(tmp_path: Path, database_url: str) -> AsyncIterator[Process]:
    async with process(tmp_path, database_url) as running:
        await running.register()
        yield running


async def exchanged(at: Process) -> None:
    body = {"username": "alice", "password": OLD, "refresh": True}
    login = (await at.client.post("/login", json=body)).json()
    answer = await at.client.post("/token/refresh", json={"refresh_token": login["refresh_token"]})
    assert answer.status_code == 200


async def until(at: Process, statement: Any, number: int) -> None:
    """Wait until the statement gives so many rows."""
    async with asyncio.timeout(SECOND):
        while len(await at.coatcheck.database.all(statement)) != number:  # noqa: ASYNC110  another task writes
            await asyncio.sleep(0.02)


async def test_of_two_exchanges_in_ten_seconds_both_are_erased_without_another_request(
    one: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upkeep, "WINDOW_SECONDS", 0.6)  # the ten seconds
    monkeypatch.setattr(upkeep, "ERASING_SECONDS", 0.1)
    await exchanged(one)
    await asyncio.sleep(0.4)
    await exchanged(one)
    assert len(await one.coatcheck.database.all(SALTS)) > 0
    await until(one, SALTS, 0)


async def test_what_a_killed_process_has_left_is_erased_by_the_next_one(
    one: Process, tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await exchanged(one)
    monkeypatch.setattr(upkeep, "WINDOW_SECONDS", 0.2)
    async with process(tmp_path, database_url) as another:
        await until(another, SALTS, 0)


async def test_a_session_that_was_seen_is_noted_without_another_request(
    one: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upkeep, "ROUND_SECONDS", 0.2)
    assert await one.who(await one.token()) == 200
    await until(one, SEEN, 1)


async def test_last_seen_never_goes_back(tmp_path: Path, database_url: str) -> None:
    """One process saw it at noon and writes that an hour later, after the other one has seen it again."""
    clock = Clock()
    async with (
        process(tmp_path, database_url, clock=clock, access_token_seconds=86_400) as early,
        process(tmp_path, database_url, clock=clock, access_token_seconds=86_400) as late,
    ):
        await early.register()
        token = await early.token()
        clock.forward(60)
        assert await early.who(token) == 200
        clock.forward(3_600)
        assert await late.who(token) == 200
        await late.coatcheck.sessions.upkeep.round()
        user = await late.coatcheck.sessions.user(token)

        async def told(by: Process) -> Any:
            return [session.last_seen_at for session in await by.coatcheck.sessions.all_of(user)]

        latest = await told(late)
        assert await told(early) == latest  # though this one has noted an earlier moment
        await early.coatcheck.sessions.upkeep.round()
        assert await told(early) == await told(late) == latest
        assert (await early.client.get("/sessions", headers=bearer(token))).status_code == 200
