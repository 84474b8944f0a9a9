"""Somebody floods the login: with names that nobody has, from one network or from many, or leaves before the
answer. Whoever logs in from home gets a turn all the same, and whoever is logged in already is served first."""

import asyncio
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coatcheck.passwords import HashingBusy, Turn
from coatcheck.passwords.fair_queue import FairQueue
from coatcheck.passwords.pool import MANY_PER_THREAD, NICER, TOLD_TOGETHER, HashingPool

HOME = Turn("home", known=True)


@pytest.fixture
def pool() -> Iterator[HashingPool]:
    """One thread, so that the order can be told."""
    pool = HashingPool(threads=1)
    yield pool
    pool.close()


class Held:
    """The one thread of a pool, held until `go`; what was asked for meanwhile comes in its order."""

    def __init__(self, pool: HashingPool) -> None:
        self.pool = pool
        self.order: list[str] = []
        self._go = threading.Event()
        self._tasks: list[asyncio.Task[Any]] = []

    async def hold(self) -> None:
        began = asyncio.Event()
        loop = asyncio.get_running_loop()

        def wait() -> None:
            loop.call_soon_threadsafe(began.set)
            self._go.wait(10)

        self._tasks.append(asyncio.create_task(self.pool.run(wait, Turn())))
        await began.wait()

    async def ask(self, name: str, turn: Turn) -> asyncio.Task[None]:
        task = asyncio.create_task(self.pool.run(lambda: self.order.append(name), turn))
        self._tasks.append(task)
        await asyncio.sleep(0)
        return task

    def release(self) -> None:
        self._go.set()

    async def go(self) -> list[str]:
        self.release()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        return self.order


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


class OneByOne:
    """Work that ends when it is told to, in the order in which it was asked for."""

    def __init__(self, pool: HashingPool, number: int) -> None:
        self.ends = [threading.Event() for _ in range(number)]
        self.begun = [threading.Event() for _ in range(number)]
        self.tasks = [asyncio.create_task(pool.run(partial(self._work, one), Turn())) for one in range(number)]

    def _work(self, one: int) -> int:
        self.begun[one].set()
        self.ends[one].wait(10)
        return one

    async def end(self, one: int) -> None:
        """Let one end, and the next begin."""
        self.ends[one].set()
        if one + 1 < len(self.begun):
            assert await asyncio.to_thread(self.begun[one + 1].wait, 10)

    @property
    def told(self) -> int:
        return sum(task.done() for task in self.tasks)


async def test_where_many_wait_results_are_told_a_few_at_a_time(pool: HashingPool) -> None:
    work = OneByOne(pool, MANY_PER_THREAD + 3 * TOLD_TOGETHER)
    await asyncio.sleep(0)
    for one in range(2 * TOLD_TOGETHER):
        await work.end(one)
        for _ in range(5):  # what was told before the next one began has come by then
            await asyncio.sleep(0)
        assert work.told == (one + 1) // TOLD_TOGETHER * TOLD_TOGETHER
    for end in work.ends:
        end.set()
    assert await asyncio.wait_for(asyncio.gather(*work.tasks), 10) == list(range(len(work.tasks)))


async def test_where_few_wait_each_result_is_told_at_once(pool: HashingPool) -> None:
    work = OneByOne(pool, MANY_PER_THREAD - 1)
    await asyncio.sleep(0)
    for one, task in enumerate(work.tasks):
        await work.end(one)
        assert await asyncio.wait_for(task, 10) == one


async def test_what_is_given_up_leaves_nothing_with_the_threads(pool: HashingPool) -> None:
    """While the queue is never empty, one entry for each that left would stay for as long."""
    held = Held(pool)
    await held.hold()
    for _ in range(20):
        leaving = [await held.ask("left", Turn("flooder")) for _ in range(50)]
        for task in leaving:
            task.cancel()
        await asyncio.gather(*leaving, return_exceptions=True)
    assert pool._executor is not None
    assert pool._executor._work_queue.qsize() == 0
    await held.go()


async def test_who_leaves_frees_the_place_at_once_and_leaves_no_work_behind(pool: HashingPool) -> None:
    held = Held(pool)
    await held.hold()
    leaving = [await held.ask("left", Turn("flooder")) for _ in range(pool.most // 4)]
    for task in leaving:
        task.cancel()
    await asyncio.gather(*leaving, return_exceptions=True)
    staying = [await held.ask("stayed", Turn("flooder")) for _ in range(pool.most // 4)]
    assert not any(task.done() for task in staying)
    assert await held.go() == ["stayed"] * (pool.most // 4)


async def test_who_leaves_once_it_has_begun_hears_of_it_all_the_same(pool: HashingPool) -> None:
    """A guess that nobody would count, since whoever sent it was gone before its end."""
    began, end = threading.Event(), threading.Event()

    def work() -> str:
        began.set()
        end.wait(10)
        return "looked at"

    async def guess() -> str:
        return await pool.run(work, Turn("flooder"))

    task = asyncio.create_task(guess())
    await asyncio.to_thread(began.wait, 10)
    for _ in range(2):  # by the one who waits for it, and by the server that stops
        task.cancel()
        await asyncio.sleep(0)
    end.set()
    assert await task == "looked at"
    assert not task.cancelling()


class Interrupted:
    """A lock; when it has been let go for the first time, something else happens at once."""

    def __init__(self, then: Callable[[], None]) -> None:
        self._lock = threading.Lock()
        self._then: Callable[[], None] | None = then

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()
        then, self._then = self._then, None
        if then is not None:
            then()


async def test_what_is_taken_back_is_not_begun_in_the_same_moment(pool: HashingPool) -> None:
    """It would be a guess that is looked at and that nobody counts."""
    held = Held(pool)
    await held.hold()
    leaving = await held.ask("left", HOME)

    def let_the_thread_go_on() -> None:
        held.release()
        until = time.monotonic() + 10
        while pool._working and time.monotonic() < until:
            time.sleep(0.001)

    pool._lock = Interrupted(let_the_thread_go_on)  # type: ignore[assignment]
    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    assert await held.go() == []


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


async def test_what_goes_wrong_in_the_work_comes_to_who_asked(pool: HashingPool) -> None:
    def fail() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await pool.run(fail, Turn())
    assert await pool.run(lambda: 1, Turn()) == 1


async def test_closed_while_somebody_waits_it_gives_up_and_can_begin_again(pool: HashingPool) -> None:
    held = Held(pool)
    await held.hold()
    waiting = await held.ask("given up", HOME)
    pool.close()
    with pytest.raises(HashingBusy):
        await waiting
    await held.go()
    assert await pool.run(lambda: "again", HOME) == "again"
    assert held.order == []


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


TURNS = st.builds(Turn, st.sampled_from([None, "a", "b", "c"]), st.booleans())


@given(st.lists(st.tuples(TURNS, st.booleans())))
def test_everything_that_waits_comes_once_and_of_one_turn_in_order(asked: list[tuple[Turn, bool]]) -> None:
    queue: FairQueue[tuple[int, Turn]] = FairQueue()
    jobs = [(number, turn) for number, (turn, _) in enumerate(asked)]
    for job in jobs:
        queue.put(job, job[1])
    left = [job for job, (_, leaves) in zip(jobs, asked, strict=True) if leaves]
    for job in left:
        queue.remove(job, job[1])
        queue.remove(job, job[1])
    taken = list(iter(queue.take, None))
    assert sorted(taken, key=lambda job: job[0]) == [job for job in jobs if job not in left]
    for turn in {turn for _, turn in taken}:
        numbers = [number for number, of in taken if of == turn]
        assert numbers == sorted(numbers)


async def _all_told() -> None:
    """What becomes of a job comes to who waits for it over a few steps of the loop."""
    for _ in range(5):
        await asyncio.sleep(0)


async def _refusal(task: "asyncio.Task[None]") -> BaseException | None:
    (result,) = await asyncio.gather(task, return_exceptions=True)
    return result if isinstance(result, BaseException) else None
