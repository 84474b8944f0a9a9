"""Somebody floods the login: with names that nobody has, from one network or from many, or leaves before the
answer. Whoever logs in from home gets a turn all the same, and whoever is logged in already is served first."""

import asyncio
import os
import sys
import threading
import time
from functools import partial

import pytest

from coatcheck.passwords import HashingBusy, Turn
from coatcheck.passwords.pool import NICER, HashingPool
from tests.passwords.held import Held

HOME = Turn("home", known=True)


async def test_the_owner_at_home_and_strangers_take_turns(pool: HashingPool) -> None:
    held = Held(pool)
    await held.hold()
    for number in range(4):
        await held.ask(f"stranger {number}", Turn("elsewhere"))
    await held.ask("owner", HOME)
    assert (await held.go()).index("owner") <= 1


async def test_a_network_that_floods_delays_others_by_one_of_its_own_each(pool: HashingPool) -> None:
    held = Held(pool)
    await held.hold()
    for number in range(5):
        await held.ask(f"flood {number}", Turn("flooder"))
    await held.ask("one", Turn("a"))
    await held.ask("two", Turn("b"))
    assert await held.go() == ["flood 0", "one", "two", "flood 1", "flood 2", "flood 3", "flood 4"]


async def test_one_network_holds_a_quarter_of_the_queue(pool: HashingPool) -> None:
    held = Held(pool)
    await held.hold()
    asked = [await held.ask(str(number), Turn("flooder")) for number in range(pool.most // 4 + 1)]
    assert isinstance(await _refusal(asked[-1]), HashingBusy)
    await held.ask("another", Turn("b"))
    assert len(await held.go()) == pool.most // 4 + 1


async def test_a_quarter_is_kept_for_known_networks(pool: HashingPool) -> None:
    held = Held(pool)
    await held.hold()  # an operator's own: of no network, and no owner's
    strangers = [await held.ask("stranger", Turn(str(number))) for number in range(pool.most * 3 // 4)]
    refusal = await _refusal(strangers[-1])
    assert isinstance(refusal, HashingBusy)
    assert refusal.retry_after >= 1
    asked = [await held.ask("owner", Turn(f"home {number}", known=True)) for number in range(pool.most // 4)]
    assert not any(task.done() for task in asked)
    one_more = await held.ask("owner", Turn("another home", known=True))
    assert isinstance(await _refusal(one_more), HashingBusy)
    assert (await held.go()).count("owner") == pool.most // 4
    assert await pool.run(lambda: "goes on", Turn("elsewhere")) == "goes on"


async def test_a_full_queue_makes_room_at_the_cost_of_whoever_has_most_waiting(pool: HashingPool) -> None:
    """Four networks with accounts of their own that are known there fill it, what is kept for owners too."""
    held = Held(pool)
    await held.hold()
    flood = [await held.ask("flood", Turn(f"flooder {number % 4}", known=True)) for number in range(pool.most - 1)]
    assert not any(task.done() for task in flood)
    asked = [await held.ask("owner", HOME), await held.ask("stranger", Turn("elsewhere"))]
    await _all_told()
    refused = [task for task in flood if task.done()]
    assert [type(await _refusal(task)) for task in refused] == [HashingBusy] * 2
    assert not any(task.done() for task in asked)
    order = await held.go()
    assert {name: order.count(name) for name in set(order)} == {"flood": pool.most - 3, "owner": 1, "stranger": 1}
    assert max(order.index("owner"), order.index("stranger")) <= 5, "each network has its turn"


async def test_nobody_is_displaced_for_one_who_would_then_have_more(pool: HashingPool) -> None:
    held = Held(pool)
    await held.hold()
    each = pool.most // 8
    flood = [await held.ask("x", Turn(f"{number % 8}", known=True)) for number in range(each * 8 - 1)]
    late = [await held.ask("late", HOME) for _ in range(each + 1)]
    await _all_told()
    stayed = sum(not task.done() for task in late)
    assert abs(stayed - pool.most // 9) <= 1, "all nine have as many by now"
    assert sum(not task.done() for task in flood) + stayed == pool.most - 1
    await held.go()


async def test_strangers_make_room_for_strangers_and_not_at_the_owners_cost(pool: HashingPool) -> None:
    held = Held(pool)
    await held.hold()
    owners = [await held.ask("owner", HOME) for _ in range(pool.most // 5)]
    flood = [await held.ask("flood", Turn(f"flooder {number % 8}")) for number in range(pool.most * 3 // 4 - 1)]
    late = [await held.ask("late", Turn("elsewhere")) for _ in range(10)]
    await _all_told()
    assert not any(task.done() for task in owners + late)
    assert sum(task.done() for task in flood) == 10
    await held.go()


@pytest.mark.parametrize("before", range(4))
async def test_as_many_are_at_work_as_there_are_threads(before: int) -> None:
    """However many came one by one before, and while the threads never come to rest."""
    pool = HashingPool(threads=3)
    for number in range(before):
        assert await pool.run(lambda number=number: number, Turn()) == number  # type: ignore[misc]
    for _ in range(20):
        together = threading.Barrier(3)
        await asyncio.gather(*(pool.run(partial(together.wait, 10), Turn()) for _ in range(3)))
    pool.close()


async def test_what_may_be_everybody_behind_a_proxy_holds_half_of_it(pool: HashingPool) -> None:
    held = Held(pool)
    await held.hold()
    everybody = Turn("proxy", known=True, shared=True)
    asked = [await held.ask("behind it", everybody) for _ in range(pool.most // 2 + 1)]
    assert isinstance(await _refusal(asked[-1]), HashingBusy)
    assert not any(task.done() for task in asked[:-1])
    await held.ask("owner", HOME)
    assert (await held.go()).count("behind it") == pool.most // 2


async def test_a_refusal_says_how_long_the_queue_is(pool: HashingPool) -> None:
    held = Held(pool)
    pool._seconds = 0.1  # what a hash has taken of late
    await held.hold()
    asked = [await held.ask("x", Turn("flooder")) for _ in range(pool.most // 4 + 1)]
    refusal = await _refusal(asked[-1])
    assert isinstance(refusal, HashingBusy)
    assert refusal.retry_after == 13  # 129 that wait or are at work, a tenth of a second each
    await held.go()


async def test_the_first_hash_of_a_process_says_how_long_one_takes(pool: HashingPool) -> None:
    await pool.run(lambda: time.sleep(0.05), HOME)
    held = Held(pool)
    await held.hold()
    asked = [await held.ask("x", Turn("flooder")) for _ in range(pool.most // 4 + 1)]
    refusal = await _refusal(asked[-1])
    assert isinstance(refusal, HashingBusy)
    assert refusal.retry_after >= 7  # 129 that wait or are at work
    await held.go()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has a nice value for a thread by itself")
async def test_its_threads_yield_to_all_others() -> None:
    pool = HashingPool(threads=1)
    own = os.getpriority(os.PRIO_PROCESS, 0)
    theirs = await pool.run(lambda: os.getpriority(os.PRIO_PROCESS, threading.get_native_id()), Turn())
    pool.close()
    assert theirs == min(own + NICER, 19)
    assert os.getpriority(os.PRIO_PROCESS, 0) == own


def test_there_are_as_many_threads_as_the_process_may_use_processors() -> None:
    assert HashingPool().threads == (len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count())


async def _all_told() -> None:
    """What becomes of a job comes to who waits for it over a few steps of the loop."""
    for _ in range(5):
        await asyncio.sleep(0)


async def _refusal(task: "asyncio.Task[None]") -> BaseException | None:
    (result,) = await asyncio.gather(task, return_exceptions=True)
    return result if isinstance(result, BaseException) else None
