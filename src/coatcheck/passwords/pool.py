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
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
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


class HashingBusy(Unavailable):
    """More passwords wait to be checked than can be in time."""

    name = "too-busy"
    detail = "Too many people are logging in at this moment. Nothing has changed; try again in a moment."


@dataclass(eq=False, slots=True)
class Job:
    """Something to be computed for somebody who waits."""

    work: Callable[[], Any]
    turn: Turn
    done: "Future[Any]" = field(default_factory=Future[Any])
    holds_a_place: bool = False


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
        if made_room is not None and made_room.done.set_running_or_notify_cancel():
            made_room.done.set_exception(self._busy())
        try:
            result: Result = await _unless_begun(job)
            return result
        finally:
            with self._lock:
                self._queue.remove(job, turn)
                self._release(job)

    def close(self) -> None:
        """Let the threads go; what waits is given up. The next work starts them again."""
        with self._lock:
            executor, self._executor = self._executor, None
            waiting = list(iter(self._queue.take, None))
        for job in waiting:
            job.done.cancel()
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
        while (job := self._next()) is not None:
            if job.done.set_running_or_notify_cancel():
                began = time.perf_counter()
                try:
                    job.done.set_result(job.work())
                except BaseException as error:
                    job.done.set_exception(error)
                taken = time.perf_counter() - began
                self._seconds += (taken - self._seconds) * (WEIGHT_OF_THE_LAST if self._seconds else 1)

    def _next(self) -> Job | None:
        with self._lock:
            job = self._queue.take()
            if job is None:
                self._working -= 1
            return job


async def _unless_begun(job: Job) -> Any:
    """What the job gives, also to somebody who is told to give up once a thread has begun it, however often.

    A guess whose client leaves while it is looked at would else be one that nobody counts.
    """
    result = asyncio.wrap_future(job.done)
    while True:
        try:
            return await asyncio.shield(result)
        except asyncio.CancelledError:
            caller = asyncio.current_task()
            if job.done.cancel() or caller is None:
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
