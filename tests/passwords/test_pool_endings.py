"""What becomes of a hash: it comes to who asked for it, is taken back in time, or finished for one who has left."""

import asyncio
import threading
import time
from collections.abc import Callable
from functools import partial

import pytest

from coatcheck.passwords import HashingBusy, Turn
from coatcheck.passwords.pool import MANY_PER_THREAD, TOLD_TOGETHER, HashingPool
from tests.passwords.held import Held

HOME = Turn("home", known=True)


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
