"""A guesser tries the most common password at a thousand accounts, one guess each; or floods the service with
registrations or made-up refresh tokens. Each network has a budget over all accounts, and whoever can change its
address within a network counts as one."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import ExitStack, suppress

import pytest

from coatcheck.database import Database
from coatcheck.throttle import Throttle, TooManyRefreshes, TooManyRegistrations
from coatcheck.throttle.budgets import Budgets, Keyed
from coatcheck.throttle.limits import GUESSES, Budget
from coatcheck.throttle.networks import Network
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


async def test_of_many_at_once_no_more_are_let_in_than_may_be_wrong(nobody: Guesser, alice: Guesser) -> None:
    """Also at names that have failures on record, whose attempts are written down first."""
    for number in range(40):
        await nobody.wrong(f"name {number}", client_at("192.0.2.9"))
    await spray(nobody, client_at(), 97)
    before = nobody.checked
    await asyncio.gather(*(nobody.wrong(f"name {number}", client_at()) for number in range(40)))
    assert nobody.checked - before == 3
    assert await nobody.wrong("one more", client_at()) > 0


class Interrupted(Budgets):
    """After each look somebody does something, before whoever has looked goes on."""

    def __init__(self, database: Database, clock: Clock) -> None:
        super().__init__(database, clock=clock)
        self.meanwhile: list[Callable[[], Awaitable[None]]] = []

    async def _look(self, budget: Budget, networks: Sequence[Keyed]) -> tuple[list[int], int]:
        seen = await super()._look(budget, networks)
        if self.meanwhile:
            await self.meanwhile.pop(0)()
        return seen


async def test_who_looks_again_may_be_overtaken_then_too(database: Database, clock: Clock) -> None:
    """Three are left and three inside. One of them uses one during the first look of a fourth, and one during the
    second: two inside may use what is left, so the fourth is one too many."""
    budgets, networks = Interrupted(database, clock), [(b"key", Network("192.0.2.7"))]

    async def use_one() -> None:
        async with database.transaction() as tx:
            await budgets.spend(tx, GUESSES, networks)

    for _ in range(GUESSES.at_once - 3):
        await use_one()
    inside = [ExitStack() for _ in range(4)]
    for stack in inside[:3]:
        assert await budgets.enter(stack, GUESSES, networks) == 0

    async def use_one_and_leave() -> None:
        await use_one()
        inside.pop(0).close()

    refused = asyncio.Event()

    async def nothing() -> None:
        refused.set()

    # The third look finds one left for two; after the fourth it waits at the gate.
    budgets.meanwhile = [use_one_and_leave, use_one_and_leave, nothing]
    entering = asyncio.create_task(budgets.enter(inside[3], GUESSES, networks))
    looking = asyncio.create_task(refused.wait())
    await asyncio.wait({entering, looking}, return_when=asyncio.FIRST_COMPLETED)
    assert not entering.done()
    inside.pop(0).close()  # without using one
    assert await asyncio.wait_for(entering, 10) == 0
    inside.pop(0).close()


async def test_a_crowd_with_the_right_passwords_waits_for_its_turn_and_is_not_refused(
    alice: Guesser, add_account: Callable[[str], int], database: Database
) -> None:
    """A lecture begins, and a hundred and fifty people log in from one address for the first time."""
    crowd = [Guesser(alice.throttle, database, add_account(f"student{number}")) for number in range(150)]
    waits = await asyncio.gather(*(one.right(f"student{number}", HOME) for number, one in enumerate(crowd)))
    assert set(waits) == {0}


async def test_who_leaves_a_counted_attempt_has_used_one(nobody: Guesser) -> None:
    """Else one would make a hundred names wait for the price of one guess each."""
    for number in range(30):
        await nobody.wrong(f"name {number}")
    for _ in range(2):
        for number in range(30):
            with suppress(asyncio.CancelledError):
                async with nobody.throttle.attempt(f"name {number}", client_at()):
                    raise asyncio.CancelledError
    assert await spray(nobody, client_at(), 20, 1_000) == 10


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
