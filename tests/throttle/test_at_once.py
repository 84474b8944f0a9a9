"""A hundred guesses at once, in several processes, before any of them is known to be wrong: the limits are not to be
run past."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest

from coatcheck.database import Database
from coatcheck.passwords import HashingBusy
from coatcheck.throttle import Throttle, TooManyAttempts
from tests.support.clock import Clock
from tests.support.keys import HeldKeys
from tests.support.sql import run_sql
from tests.support.throttle import client_at, throttle_of
from tests.throttle.conftest import ALICE, HOME, Guesser

PROCESSES = 4


@pytest.fixture
async def processes(database: Database, clock: Clock, keys: HeldKeys, alice: Guesser) -> AsyncIterator[list[Guesser]]:
    """Four of them on one database."""
    databases = [Database(database.url) for _ in range(PROCESSES)]
    for one in databases:
        await one.open()
    yield [Guesser(throttle_of(one, clock, keys), one, alice.account_id) for one in databases]
    for one in databases:
        await one.close()


async def slowly_wrong(guesser: Guesser, number: int) -> None:
    """Whether it is right is known only after some turns of the event loop."""
    try:
        async with guesser.throttle.attempt(ALICE, client_at(f"203.0.113.{number}")) as attempt:
            guesser.checked += 1
            for _ in range(20):
                await asyncio.sleep(0)
            await attempt.failed(guesser.account_id)
    except TooManyAttempts:
        pass


async def test_of_a_hundred_at_once_five_a_process_are_checked_before_the_first_wait(
    processes: list[Guesser],
) -> None:
    await asyncio.gather(*(slowly_wrong(processes[number % PROCESSES], number) for number in range(100)))
    checked = sum(one.checked for one in processes)
    assert 5 <= checked <= 5 * PROCESSES


async def test_w30_of_many_at_once_again_and_again_a_hundred_are_checked_in_all(
    processes: list[Guesser], clock: Clock
) -> None:
    for _ in range(120):
        await asyncio.gather(*(slowly_wrong(processes[number % PROCESSES], number) for number in range(12)))
        clock.forward(3_600)
    assert sum(one.checked for one in processes) == 100


async def test_once_a_failure_is_on_record_each_is_counted_before_it_is_checked(
    processes: list[Guesser], clock: Clock
) -> None:
    for _ in range(8):
        await asyncio.gather(*(slowly_wrong(processes[number % PROCESSES], number) for number in range(12)))
        clock.forward(3_600)
    before = sum(one.checked for one in processes)
    await asyncio.gather(*(slowly_wrong(processes[number % PROCESSES], number) for number in range(100)))
    assert sum(one.checked for one in processes) == before + 1


async def test_while_no_failure_is_on_record_nothing_is_written(alice: Guesser, database: Database) -> None:
    await alice.right()

    def rows() -> list[tuple[object, ...]]:
        return run_sql(database.url, "SELECT * FROM coatcheck_guess_counts")

    before = rows()
    async with alice.throttle.attempt(ALICE, HOME) as attempt:
        assert rows() == before
        assert run_sql(database.url, "SELECT * FROM coatcheck_budgets") == []
        async with database.transaction() as tx:
            await attempt.succeeded(tx, alice.account_id or 0)
    assert rows() == before


async def test_a_sixth_waits_for_one_of_the_five_and_sees_how_it_ended(alice: Guesser) -> None:
    entered = asyncio.Semaphore(0)
    end = asyncio.Event()

    async def held() -> None:
        async with alice.throttle.attempt(ALICE, HOME) as attempt:
            entered.release()
            await end.wait()
            await attempt.failed(alice.account_id)

    five = [asyncio.create_task(held()) for _ in range(5)]
    for _ in five:
        await entered.acquire()
    sixth = asyncio.create_task(alice.wrong(client=HOME))
    other = asyncio.create_task(alice.wrong("bob", HOME))
    assert await other == 0
    assert not sixth.done()
    end.set()
    await asyncio.gather(*five)
    # It looked when one of the five was out, so it may have been the fifth or come after it.
    assert await sixth in {0, 30}


async def test_who_leaves_while_waiting_or_trying_frees_the_place(alice: Guesser) -> None:
    async def held() -> None:
        async with alice.throttle.attempt(ALICE, HOME):
            await asyncio.Event().wait()

    tasks = [asyncio.create_task(held()) for _ in range(12)]
    await asyncio.sleep(0.01)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    async with asyncio.timeout(1):
        assert await alice.right() == 0


async def test_where_nobody_had_the_time_to_look_nothing_is_counted(alice: Guesser, clock: Clock) -> None:
    for _ in range(5):
        await alice.wrong()
    clock.forward(30)
    for _ in range(10):
        with pytest.raises(HashingBusy):
            async with alice.throttle.attempt(ALICE, client_at()):
                raise HashingBusy
    assert await alice.wrong() == 0
    assert await alice.wrong() == 60


async def test_who_leaves_a_counted_attempt_has_used_it(alice: Guesser, clock: Clock) -> None:
    for _ in range(5):
        await alice.wrong()
    clock.forward(30)
    with pytest.raises(asyncio.CancelledError):
        async with alice.throttle.attempt(ALICE, client_at()):
            raise asyncio.CancelledError
    assert await alice.wrong() == 60


async def test_it_tidies_up_from_its_start_on_and_stops_when_closed(
    nobody: Guesser, throttle: Throttle, clock: Clock, database: Database
) -> None:
    await nobody.wrong("bob")
    clock.forward(86_401)
    throttle.start()
    async with asyncio.timeout(5):
        while run_sql(database.url, "SELECT 1 FROM coatcheck_guess_counts"):  # noqa: ASYNC110
            await asyncio.sleep(0)
    await throttle.close()


async def test_once_one_of_five_is_known_to_be_wrong_nobody_comes_in_on_top_of_the_other_four(alice: Guesser) -> None:
    checked = 0
    first_is_out, go = asyncio.Event(), asyncio.Event()

    async def guess() -> None:
        nonlocal checked
        first = False
        with suppress(TooManyAttempts):
            async with alice.throttle.attempt(ALICE, client_at()) as attempt:
                first = checked == 0  # on PostgreSQL not always the one that was begun first
                checked += 1
                if not first:
                    await go.wait()
                await attempt.failed(alice.account_id)
        if first:
            first_is_out.set()

    guesses = [asyncio.create_task(guess()) for _ in range(25)]
    await first_is_out.wait()
    for _ in range(5):
        # What is on record is read by now: were it believed, four more would be let in.
        await alice.wrong("somebody else")
    go.set()
    await asyncio.gather(*guesses)
    assert checked == 5
