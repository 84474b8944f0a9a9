"""A thief who knows the old password, or holds a refresh token, logs in and refreshes at one server as fast as he can
while the owner ends it all at another one. Whatever the order: once the end is acknowledged, nothing that he got
before is accepted, anywhere, and he gets nothing more."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Sequence
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.faults.two_processes import OLD, Process, bearer, claims, process

ROUNDS = 50
AT_ONCE = 4
BOUND_SECONDS = 1.0

pytestmark = pytest.mark.slow
Twins = tuple[Process, Process]


@pytest.fixture
async def twins(tmp_path: Path, database_url: str) -> AsyncGenerator[Twins, None]:
    async with process(tmp_path, database_url) as here, process(tmp_path, database_url) as there:
        yield here, there


async def log_in(at: Process, password: str) -> httpx2.Response:
    return await at.client.post("/login", json={"username": "alice", "password": password, "refresh": True})


async def status(at: Process, token: str) -> int:
    """What a request with this token gets. Not GET /me, which reads the account and sees a disabled one by itself."""
    return (await at.client.get("/todos", headers=bearer(token))).status_code


async def refresh(at: Process, token: str) -> httpx2.Response:
    return await at.client.post("/token/refresh", json={"refresh_token": token})


async def tokens_of(answer: Awaitable[httpx2.Response]) -> dict[str, Any]:
    given = await answer
    assert given.status_code == 200, given.text
    tokens: dict[str, Any] = given.json()
    return tokens


def given(answers: list[httpx2.Response]) -> list[dict[str, Any]]:
    """What was handed out; who got nothing was refused as he should be."""
    assert {answer.status_code for answer in answers} <= {200, 401}, [answer.text for answer in answers]
    return [answer.json() for answer in answers if answer.status_code == 200]


async def race(
    end: Awaitable[Any], attempts: Sequence[Awaitable[httpx2.Response]], turns: int
) -> tuple[Any, list[httpx2.Response]]:
    """The end among the attempts, each time so many turns of the loop later. What it gave, what they got."""

    async def later() -> Any:
        for _ in range(turns):
            await asyncio.sleep(0)
        return await end

    ended, *others = await asyncio.gather(later(), *attempts)
    return ended, others


async def refused_everywhere(ended_at: Process, other: Process, tokens: list[dict[str, Any]]) -> None:
    """At once where it was ended; within the bound by the other one, which has to hear of it."""
    for one in tokens:
        assert await status(ended_at, one["access_token"]) == 401
    async with asyncio.timeout(BOUND_SECONDS):
        for one in tokens:
            while await status(other, one["access_token"]) != 401:
                pass
    for one in tokens:
        for at in (ended_at, other):
            assert (await refresh(at, one["refresh_token"])).status_code == 401


async def test_a_disabled_account_stays_shut_and_what_was_got_before_stays_worthless(twins: Twins) -> None:
    here, there = twins
    account_id = await here.register()
    got = 0
    for number in range(ROUNDS):
        before = await tokens_of(log_in(there, OLD))
        attempts = [log_in(there, OLD) for _ in range(AT_ONCE)]
        attempts += [refresh(there, before["refresh_token"]) for _ in range(AT_ONCE)]
        done, answers = await race(here.coatcheck.disable_account(account_id), attempts, number)
        assert done
        worthless = [before, *given(answers)]
        got += len(worthless)
        await refused_everywhere(here, there, worthless)
        assert (await log_in(there, OLD)).status_code == 401
        assert await here.coatcheck.enable_account(account_id)
        await refused_everywhere(here, there, worthless)
    print(f"\n{got} pairs of tokens, each refused")
    assert got > ROUNDS


async def test_an_account_that_is_enabled_again_among_logins_gives_nothing_back(twins: Twins) -> None:
    """Disabled and enabled at once: some logins come between, and are good only if they came after the end."""
    here, there = twins
    account_id = await here.register()

    async def disable_and_enable() -> None:
        await here.coatcheck.disable_account(account_id)
        await refused_everywhere(here, there, [before])
        await here.coatcheck.enable_account(account_id)

    for number in range(ROUNDS):
        before = await tokens_of(log_in(there, OLD))
        attempts = [log_in(there, OLD) for _ in range(AT_ONCE)]
        _, answers = await race(disable_and_enable(), attempts, number)
        alive = await here.session_ids(account_id)
        between = given(answers)
        gone = [tokens for tokens in between if claims(tokens["access_token"])["sid"] not in alive]
        await refused_everywhere(here, there, gone)
        for tokens in between:
            if tokens not in gone:
                assert {await status(at, tokens["access_token"]) for at in twins} == {200}
        await here.coatcheck.end_sessions(account_id)


async def test_a_changed_password_ends_what_the_old_one_gets_meanwhile(twins: Twins) -> None:
    here, there = twins
    await here.register()
    old, got = OLD, 0
    for number in range(ROUNDS):
        owner = await tokens_of(log_in(here, old))
        stolen = await tokens_of(log_in(there, old))
        new = f"correct horse battery {number}"
        attempts = [log_in(there, old) for _ in range(AT_ONCE)]
        attempts += [refresh(there, stolen["refresh_token"]) for _ in range(AT_ONCE)]
        changed, answers = await race(here.change_password(owner["access_token"], old, new), attempts, number)
        assert changed.status_code == 204, changed.text
        worthless = [stolen, *given(answers)]
        got += len(worthless)
        await refused_everywhere(here, there, worthless)
        assert (await log_in(there, old)).status_code == 401
        # The owner's own session goes on, but a copy of its refresh token is good for nothing.
        assert {await status(at, owner["access_token"]) for at in twins} == {200}
        assert (await refresh(there, owner["refresh_token"])).status_code == 401
        old = new
    print(f"\n{got} pairs of tokens, each refused")
    assert got > ROUNDS


async def test_a_logout_ends_what_is_refreshed_meanwhile_and_nothing_else(twins: Twins) -> None:
    here, there = twins
    await here.register()
    other = await tokens_of(log_in(there, OLD))
    got = 0
    for number in range(ROUNDS):
        mine = await tokens_of(log_in(here, OLD))
        attempts = [refresh(there, mine["refresh_token"]) for _ in range(AT_ONCE)]
        logins = [log_in(there, OLD) for _ in range(AT_ONCE)]
        done, answers = await race(
            here.client.post("/logout", headers=bearer(mine["access_token"])), [*attempts, *logins], number
        )
        assert done.status_code == 204, done.text
        ended = [mine, *given(answers[:AT_ONCE])]
        got += len(ended)
        await refused_everywhere(here, there, ended)
        for tokens in (other, *given(answers[AT_ONCE:])):
            assert {await status(at, tokens["access_token"]) for at in twins} == {200}
    print(f"\n{got} pairs of tokens, each refused")
    assert got > ROUNDS
