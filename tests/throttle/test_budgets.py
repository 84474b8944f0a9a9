"""A guesser tries the most common password at a thousand accounts, one guess each; or floods the service with
registrations or made-up refresh tokens. Each network has a budget over all accounts, and whoever can change its
address within a network counts as one."""

import pytest

from coatcheck.database import Database
from coatcheck.throttle import Throttle, TooManyAttempts, TooManyRefreshes, TooManyRegistrations
from coatcheck.web import Client
from tests.support.clock import Clock
from tests.support.sql import run_sql
from tests.support.throttle import client_at
from tests.throttle.conftest import HOME, Guesser


async def spray(nobody: Guesser, client: Client, times: int, begin: int = 0) -> int:
    """How many names were tried before the first refusal."""
    for number in range(times):
        if await nobody.wrong(f"{client.address} {begin + number}", client):
            return number
    return times


async def test_v6_3_1_a_network_may_guess_wrong_a_hundred_times_and_a_hundred_an_hour(
    nobody: Guesser, clock: Clock
) -> None:
    client = client_at()
    assert await spray(nobody, client, 200) == 100
    assert await nobody.wrong("another", client) == 36
    assert await nobody.wrong("another", client_at("203.0.113.8")) == 0
    clock.forward(36)
    assert await spray(nobody, client, 10, 1_000) == 1
    clock.forward(3_600)
    assert await spray(nobody, client, 200, 2_000) == 100


async def test_it_does_not_save_up_more_than_a_hundred(nobody: Guesser, clock: Clock) -> None:
    clock.forward(30 * 86_400)
    assert await spray(nobody, client_at(), 200) == 100


async def test_a_known_network_is_not_refused_by_it(alice: Guesser, nobody: Guesser) -> None:
    await alice.right()
    assert await spray(nobody, HOME, 200) == 100
    assert await alice.right() == 0
    assert await alice.wrong(client=HOME) == 0


async def test_a_success_gives_nothing_of_it_back(alice: Guesser, nobody: Guesser) -> None:
    """Else one would log in to an account of one's own in between."""
    assert await spray(nobody, HOME, 99) == 99
    await alice.right()
    assert await spray(nobody, HOME, 10, 500) == 1


SIXTY_FOUR = "2001:db8:1:1::{:x}"
FORTY_EIGHT = "2001:db8:1:{:x}::1"


async def test_the_addresses_of_a_64_are_one_network(nobody: Guesser) -> None:
    refused = 0
    for number in range(120):
        refused += await nobody.wrong(f"name {number}", client_at(SIXTY_FOUR.format(number + 1))) > 0
    assert refused == 20


async def test_the_networks_of_a_48_have_sixteen_budgets_together(nobody: Guesser) -> None:
    checked = 0
    for network in range(20):
        checked += await spray(nobody, client_at(FORTY_EIGHT.format(network)), 101)
    assert checked == 1_600


@pytest.mark.parametrize("address", ["64:ff9b::203.0.113.7", "203.0.113.7"])
async def test_a_translated_ipv4_address_is_that_address(nobody: Guesser, address: str) -> None:
    await spray(nobody, client_at("203.0.113.7"), 100)
    assert await nobody.wrong("another", client_at(address)) > 0
    assert await nobody.wrong("another", client_at("64:ff9b::203.0.113.8")) == 0


async def test_no_address_is_one_network_and_no_free_pass(nobody: Guesser) -> None:
    assert await spray(nobody, client_at(None), 200) == 100


async def test_what_may_be_everybody_behind_a_proxy_has_sixteen_times_as_much(nobody: Guesser) -> None:
    assert await spray(nobody, client_at("10.0.0.1", shared=True), 1_700) == 1_600


async def test_attempts_under_way_count_until_it_is_known_how_they_end(throttle: Throttle, nobody: Guesser) -> None:
    await spray(nobody, client_at(), 99)
    async with throttle.attempt("one", client_at()):
        with pytest.raises(TooManyAttempts):
            async with throttle.attempt("another", client_at()):
                raise AssertionError
    assert await nobody.wrong("another") == 0


async def test_registrations_have_one_of_their_own(throttle: Throttle, clock: Clock, nobody: Guesser) -> None:
    for _ in range(200):
        await throttle.registration(client_at())
    with pytest.raises(TooManyRegistrations) as refusal:
        await throttle.registration(client_at())
    assert refusal.value.retry_after == 3
    await throttle.registration(client_at("203.0.113.8"))
    assert await nobody.wrong() == 0
    clock.forward(3)
    await throttle.registration(client_at())


async def test_made_up_refresh_tokens_have_one_too_and_beyond_it_nothing_is_written(
    throttle: Throttle, database: Database
) -> None:
    for _ in range(200):
        await throttle.refused_refresh(client_at())
    before = run_sql(database.url, "SELECT * FROM coatcheck_budgets")
    for _ in range(10):
        with pytest.raises(TooManyRefreshes):
            await throttle.refused_refresh(client_at())
    assert run_sql(database.url, "SELECT * FROM coatcheck_budgets") == before
    await throttle.registration(client_at())
