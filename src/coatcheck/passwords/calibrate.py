"""What a hash may cost on this machine.

As RFC 9106 section 4 advises: first as much memory as is affordable, because that is what a guesser's hardware
lacks, then as many passes as the time allows. Never below OWASP's minimum.
"""

import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from statistics import median

from argon2.low_level import Type, hash_secret_raw

from coatcheck.passwords.cost import OWASP_ARGON2ID, Cost
from coatcheck.passwords.passwords import HASH_BYTES, SALT_BYTES

ROUNDS = 3
STEP_KIB = 1_024


@dataclass(frozen=True, slots=True)
class Measured:
    """A cost and what it takes here. seconds: one hash alone. busy_seconds: while every thread hashes."""

    cost: Cost
    seconds: float
    busy_seconds: float
    threads: int

    @property
    def hashes_a_second(self) -> float:
        """How many the machine does."""
        return self.threads / self.busy_seconds

    @property
    def memory_mib(self) -> float:
        """What all threads together need while they hash."""
        return self.threads * self.cost.memory_kib / 1_024


def calibrate(
    wanted_seconds: float, most_memory_kib: int, threads: int, tried: Callable[[Cost, float], None]
) -> Measured:
    """The dearest cost that takes no more than this long for one hash, with every thread at work.

    tried: told of each cost and the seconds that it took. OWASP's minimum, where nothing dearer is fast enough.
    """

    def seconds(cost: Cost) -> float:
        taken = _seconds(cost, threads)
        tried(cost, taken)
        return taken

    cost, taken = OWASP_ARGON2ID, seconds(OWASP_ARGON2ID)
    while taken < wanted_seconds:
        dearer = _dearer(cost, wanted_seconds / taken, most_memory_kib)
        if dearer == cost or (its := seconds(dearer)) > wanted_seconds:
            break
        cost, taken = dearer, its
    return Measured(cost, _seconds(cost, 1), taken, threads)


def _dearer(cost: Cost, times: float, most_memory_kib: int) -> Cost:
    """The next to try: what would take so many times as long, if time grew with memory, then with passes."""
    most = max(most_memory_kib, OWASP_ARGON2ID.memory_kib)
    if cost.memory_kib + STEP_KIB <= most and times > 1 + STEP_KIB / cost.memory_kib:
        # Three quarters of the way: what no longer fits into a cache takes longer than in proportion.
        more = int(cost.memory_kib * (1 + (times - 1) * 0.75))
        return replace(cost, memory_kib=min(most, max(more - more % STEP_KIB, cost.memory_kib + STEP_KIB)))
    return replace(cost, iterations=max(cost.iterations + 1, int(cost.iterations * times)))


def _seconds(cost: Cost, threads: int) -> float:
    """How long one hash takes while so many threads hash."""

    def hash_once(_: int) -> float:
        began = time.perf_counter()
        hash_secret_raw(
            os.urandom(SALT_BYTES),
            os.urandom(SALT_BYTES),
            cost.iterations,
            cost.memory_kib,
            cost.lanes,
            HASH_BYTES,
            Type.ID,
        )
        return time.perf_counter() - began

    with ThreadPoolExecutor(threads) as executor:
        return median(executor.map(hash_once, range(threads * ROUNDS)))
