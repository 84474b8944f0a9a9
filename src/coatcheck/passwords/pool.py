"""The threads that hash, and the queue before them.

argon2-cffi lets go of the GIL, so threads are enough, as many as the process has processors; memory is threads ×
the memory of one hash. On Linux they have a nice value of their own: while hundreds log in at once, whoever is
logged in already is served first.
"""

import asyncio
import math
import os
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, TypeVar

from coatcheck.passwords.fair_queue import FairQueue, Turn
from coatcheck.problems import Unavailable

Result = TypeVar("Result")

# At 25 ms a hash the last of a full queue waits some 13 seconds.
WAITING_PER_THREAD = 512
ONE_NETWORKS_SHARE = 1 / 4
SHARED_NETWORKS_SHARE = 1 / 2  # of one that may stand for everybody behind a proxy
STRANGERS_SHARE = 3 / 4  # what is left is kept for networks that the account's owner has logged in from
NICER = 10
WEIGHT_OF_THE_LAST = 0.1  # in the mean time of a hash
# While there are so many that the last one waits for as many hashes, results are told a few at a time: the event loop
# wakes up once for all of them, and they share a commit. Each comes later by what three more hashes take at most.
MANY_PER_THREAD = 64
TOLD_TOGETHER = 4


class HashingBusy(Unavailable):
    """More passwords wait to be checked than can be in time."""

    name = "too-busy"
    detail = "Too many people are logging in at this moment. Nothing has changed; try again in a moment."


class Job:
    """Something to be computed for somebody who waits in an event loop.

    begun and holds_a_place are for whoever holds the pool's lock, what became of it for that loop alone.
    """

    __slots__ = ("begun", "error", "holds_a_place", "loop", "over", "result", "turn", "woken", "work")

    def __init__(self, work: Callable[[], Any], turn: Turn) -> None:
        self.work = work
        self.turn = turn
        self.loop = asyncio.get_running_loop()
        self.woken = self.loop.create_future()
        self.holds_a_place = False
        self.begun = False
        self.over = False
        self.result: Any = None
        self.error: BaseException | None = None

    def end(self, result: Any, error: BaseException | None) -> None:
        """In its own loop: what became of it."""
        self.over, self.result, self.error = True, result, error
        if not self.woken.done():
            self.woken.set_result(None)


Ended = tuple[Job, Any, BaseException | None]


def _tell(ended: Iterable[Ended]) -> None:
    """Tell whoever waits; from any thread, once for each event loop."""
    by_loop: dict[asyncio.AbstractEventLoop, list[Ended]] = {}
    for one in ended:
        by_loop.setdefault(one[0].loop, []).append(one)
    for loop, its in by_loop.items():
        with suppress(RuntimeError):  # it was closed meanwhile: nobody waits any more
            loop.call_soon_threadsafe(_end_all, its)


def _end_all(ended: list[Ended]) -> None:
    for job, result, error in ended:
        job.end(result, error)


class HashingPool:
    """Runs work in a few threads, in a fair order, and refuses what would wait too long.

    threads: as many as the process may use processors, unless given.
    """

    def __init__(self, threads: int | None = None) -> None:
        self.threads = threads or processors()
        self.most = self.threads * WAITING_PER_THREAD
        self._executor: ThreadPoolExecutor | None = None
        self._lock = threading.Lock()
        self._queue: FairQueue[Job] = FairQueue()
        self._by_network: Counter[str] = Counter()
        self._strangers = 0
        self._held = 0
        self._working = 0
        self._ended: list[Ended] = []  # and not told yet
        self._seconds = 0.0

    async def run(self, work: Callable[[], Result], turn: Turn) -> Result:
        """What the work gives. A caller that gives up takes it back, if no thread has begun it; else it goes on.

        Raises HashingBusy.
        """
        job = Job(work, turn)
        with self._lock:
            made_room = self._admit(job)
            self._queue.put(job, turn)
            if self._working < self.threads:
                self._working += 1
                self._executor = self._executor or ThreadPoolExecutor(self.threads, "coatcheck-hash", _be_nice)
                self._executor.submit(self._work)
        if made_room is not None:
            _tell([(made_room, None, self._busy())])
        try:
            while not job.over:
                await self._woken(job)
        finally:
            self._take_back(job)
            with self._lock:
                self._release(job)
        try:
            if job.error is not None:
                raise job.error
        finally:
            job.error = None  # else it would hold itself, by its trace
        result: Result = job.result
        return result

    def close(self) -> None:
        """Let the threads go; what waits is given up. The next work starts them again."""
        with self._lock:
            executor, self._executor = self._executor, None
            waiting = list(iter(self._queue.take, None))
        _tell((job, None, self._busy()) for job in waiting)
        if executor is not None:
            executor.shutdown(wait=False)

    def _admit(self, job: Job) -> Job | None:
        """Give it a place, if need be that of another, which is given. Raises HashingBusy."""
        turn, other = job.turn, None
        share = self.most * (SHARED_NETWORKS_SHARE if turn.shared else ONE_NETWORKS_SHARE)
        if turn.network is not None and self._by_network[turn.network] >= share:
            raise self._busy()
        full = self._held >= self.most
        if full or (not turn.known and self._strangers >= self.most * STRANGERS_SHARE):
            other = self._queue.make_room(turn, among_all=full)
            if other is None:
                raise self._busy()
            self._release(other)
        job.holds_a_place = True
        self._count(turn, 1)
        return other

    def _release(self, job: Job) -> None:
        if job.holds_a_place:
            job.holds_a_place = False
            self._count(job.turn, -1)

    def _count(self, turn: Turn, by: int) -> None:
        self._held += by
        self._strangers += 0 if turn.known else by
        if turn.network is not None:
            self._by_network[turn.network] += by
            if not self._by_network[turn.network]:
                del self._by_network[turn.network]

    def _busy(self) -> HashingBusy:
        return HashingBusy(retry_after=max(1, math.ceil(self._held * self._seconds / self.threads)))

    def _work(self) -> None:
        """In a thread: one job after the other, until none waits."""
        job = self._next()
        while job is not None:
            began = time.perf_counter()
            try:
                ended: Ended = (job, job.work(), None)
            except BaseException as error:
                ended = (job, None, error)
            taken = time.perf_counter() - began
            self._seconds += (taken - self._seconds) * (WEIGHT_OF_THE_LAST if self._seconds else 1)
            job = self._next(ended)

    def _next(self, ended: Ended | None = None) -> Job | None:
        """The next job, after the one that has ended; tells how that ended, or leaves it to the next one."""
        with self._lock:
            if ended is not None:
                self._ended.append(ended)
            job = self._queue.take()
            if job is None:
                self._working -= 1
            else:
                job.begun = True
            told: list[Ended] = []
            if job is None or len(self._ended) >= TOLD_TOGETHER or self._held < self.threads * MANY_PER_THREAD:
                told, self._ended = self._ended, told
        _tell(told)
        return job

    def _take_back(self, job: Job) -> bool:
        """Whether it was in time: then no thread will begin it."""
        with self._lock:
            if not job.begun:
                self._queue.remove(job, job.turn)
            return not job.begun

    async def _woken(self, job: Job) -> None:
        """Wait until the job is over, also for somebody who is told to give up once a thread has begun it.

        A guess whose client leaves while it is looked at would else be one that nobody counts.
        """
        job.woken = job.woken if not job.woken.cancelled() else job.loop.create_future()
        try:
            await job.woken
        except asyncio.CancelledError:
            caller = asyncio.current_task()
            if self._take_back(job) or caller is None:
                raise
            while caller.uncancel():
                pass


def processors() -> int:
    """How many this process may use: a container may have fewer than the machine."""
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _be_nice() -> None:
    """Let other threads of the machine go first. Only Linux has a nice value for a thread by itself."""
    if sys.platform == "linux":
        with suppress(OSError):
            own = threading.get_native_id()
            os.setpriority(os.PRIO_PROCESS, own, os.getpriority(os.PRIO_PROCESS, own) + NICER)
