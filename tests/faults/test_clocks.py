"""A machine's clock is an hour ahead, and is put right. Whoever is logged out stays so, though the fast process has
tidied up by its own clock; and nobody is thrown out who did nothing but have tokens of both."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.faults.two_processes import OLD, Process, claims, process
from tests.support.clock import Clock

HOUR, DAY = 3_600, 86_400
LIVED_SECONDS = 5_400  # longer than the clocks differ, so that what the slow one issues is good at both
DEFAULT_SECONDS = 1_800
KEY_DAYS = 30
BOUND_SECONDS = 1


class Twins:
    """Two processes on one database, each with a clock of its own."""

    def __init__(self, right: Process, fast: Process, right_clock: Clock, fast_clock: Clock) -> None:
        self.right, self.fast = right, fast
        self.right_clock, self.fast_clock = right_clock, fast_clock

    @property
    def both(self) -> tuple[Process, Process]:
        """The right one first."""
        return self.right, self.fast

    def an_hour_ahead(self) -> None:
        self.fast_clock.now = self.right_clock.now + HOUR

    def put_right(self) -> None:
        self.fast_clock.now = self.right_clock.now

    async def tidy_up(self) -> None:
        """Each does what it does every half minute."""
        for one in self.both:
            await one.coatcheck.sessions.upkeep.round()


@pytest.fixture
async def make(tmp_path: Path, database_url: str) -> AsyncGenerator[Any, None]:
    async with AsyncExitStack() as stack:

        async def made(seconds: int = LIVED_SECONDS) -> Twins:
            clocks = Clock(), Clock()
            right, fast = [
                await stack.enter_async_context(
                    process(tmp_path, database_url, clock=clock, access_token_seconds=seconds)
                )
                for clock in clocks
            ]
            await right.register()
            return Twins(right, fast, *clocks)

        yield made


async def logged_in(at: Process) -> dict[str, Any]:
    answer = await at.client.post("/login", json={"username": "alice", "password": OLD, "refresh": True})
    assert answer.status_code == 200, answer.text
    tokens: dict[str, Any] = answer.json()
    return tokens


async def refreshed(at: Process, tokens: dict[str, Any]) -> httpx2.Response:
    return await at.client.post("/token/refresh", json={"refresh_token": tokens["refresh_token"]})


async def log_out(twins: Twins, at: Process, token: str) -> None:
    answer = await at.client.post("/logout", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 204, answer.text
    async with asyncio.timeout(BOUND_SECONDS):
        while await who_anywhere(twins, token) != {401}:
            pass


async def who_anywhere(twins: Twins, token: str) -> set[int]:
    """What the two say to this token."""
    return {await one.who(token) for one in twins.both}


async def refused_everywhere(twins: Twins, ended: list[dict[str, Any]]) -> None:
    for tokens in ended:
        for one in twins.both:
            assert await one.who(tokens["access_token"]) == 401
            assert (await refreshed(one, tokens)).status_code == 401


async def test_no_ended_session_lives_again(make: Any) -> None:
    twins = await make()
    ended = []

    async def end_one_of_each() -> None:
        for opened_at in twins.both:
            for ended_at in twins.both:
                tokens = await logged_in(opened_at)
                assert await who_anywhere(twins, tokens["access_token"]) == {200}
                await log_out(twins, ended_at, tokens["access_token"])
                ended.append(tokens)

    await end_one_of_each()
    await refused_everywhere(twins, ended)
    twins.an_hour_ahead()
    await twins.tidy_up()
    await refused_everywhere(twins, ended)
    await end_one_of_each()
    await twins.tidy_up()
    await refused_everywhere(twins, ended)
    twins.put_right()
    await refused_everywhere(twins, ended)
    await twins.tidy_up()
    await logged_in(twins.fast)
    await refused_everywhere(twins, ended)


async def test_what_ended_before_the_jump_is_refused_by_a_process_that_starts_afterwards(
    make: Any, tmp_path: Path, database_url: str
) -> None:
    """It knows only what the table has kept, and the fast process has forgotten there by its own clock."""
    twins = await make()
    tokens = await logged_in(twins.right)
    await log_out(twins, twins.right, tokens["access_token"])
    twins.an_hour_ahead()
    twins.fast_clock.forward(LIVED_SECONDS + HOUR - 60)  # as far as two hours from the token's end reach
    await twins.tidy_up()
    twins.put_right()
    async with process(tmp_path, database_url, clock=twins.right_clock) as third:
        assert await third.who(tokens["access_token"]) == 401


async def test_nobody_is_refused_who_should_not_be(make: Any) -> None:
    twins = await make()
    before = await logged_in(twins.right)
    twins.an_hour_ahead()
    during = await logged_in(twins.fast)  # this forgets what is expired by the fast clock
    await twins.tidy_up()
    assert claims(during["access_token"])["iat"] == int(twins.right_clock.now) + HOUR
    for tokens in (before, during):
        assert await who_anywhere(twins, tokens["access_token"]) == {200}
    twins.put_right()
    await twins.tidy_up()
    for tokens in (before, during):
        assert await who_anywhere(twins, tokens["access_token"]) == {200}
        for one in twins.both:
            answer = await refreshed(one, tokens)
            assert answer.status_code == 200, answer.text
            tokens.update(answer.json())
            assert await who_anywhere(twins, tokens["access_token"]) == {200}
    await log_out(twins, twins.right, during["access_token"])
    await refused_everywhere(twins, [during])
    assert await who_anywhere(twins, before["access_token"]) == {200}


async def test_what_the_fast_clock_took_for_expired_is_good_again_when_it_is_right(make: Any) -> None:
    twins = await make(DEFAULT_SECONDS)
    tokens = await logged_in(twins.right)
    twins.an_hour_ahead()
    assert await twins.fast.who(tokens["access_token"]) == 401
    await logged_in(twins.fast)
    await twins.tidy_up()
    assert await twins.right.who(tokens["access_token"]) == 200
    twins.put_right()
    assert await who_anywhere(twins, tokens["access_token"]) == {200}
    assert (await refreshed(twins.right, tokens)).status_code == 200


async def test_a_refresh_at_the_fast_process_ends_with_its_session(make: Any) -> None:
    """Its tokens expire an hour later than the others'; the end must reach as far."""
    twins = await make()
    first = await logged_in(twins.right)
    twins.an_hour_ahead()
    second = (await refreshed(twins.fast, first)).json()
    assert await who_anywhere(twins, second["access_token"]) == {200}
    await log_out(twins, twins.right, first["access_token"])
    await refused_everywhere(twins, [second])
    twins.put_right()
    for clock in (twins.right_clock, twins.fast_clock):
        clock.forward(LIVED_SECONDS + HOUR - 60)  # to the last minute of the fast one's token
    await twins.tidy_up()
    await refused_everywhere(twins, [second])


async def test_keys_that_rotate_early_harm_nobody(make: Any) -> None:
    twins = await make()
    for clock in (twins.right_clock, twins.fast_clock):
        clock.forward(KEY_DAYS * DAY - HOUR // 2)
    before = await logged_in(twins.right)
    twins.an_hour_ahead()
    during = await logged_in(twins.fast)
    assert claims(during["access_token"], 0)["kid"] != claims(before["access_token"], 0)["kid"]
    for tokens in (before, during):
        assert await who_anywhere(twins, tokens["access_token"]) == {200}
    twins.put_right()
    after = await logged_in(twins.right)
    assert claims(after["access_token"], 0)["kid"] == claims(during["access_token"], 0)["kid"]
    for tokens in (before, during, after):
        assert await who_anywhere(twins, tokens["access_token"]) == {200}
        assert (await refreshed(twins.fast, tokens)).status_code == 200
    keys = (await twins.right.client.get("/.well-known/jwks.json")).json()["keys"]
    assert {claims(tokens["access_token"], 0)["kid"] for tokens in (before, during)} <= {key["kid"] for key in keys}
