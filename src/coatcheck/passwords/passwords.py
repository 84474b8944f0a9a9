"""Hashing and verifying, off the event loop."""

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError

from coatcheck.passwords import policy
from coatcheck.passwords.cost import Cost
from coatcheck.problems import Unavailable

Result = TypeVar("Result")

HASH_BYTES = 32
SALT_BYTES = 16  # RFC 9106 section 3.1
# At 25 ms a hash and two cores the last in the queue waits some six seconds.
MOST_WAITING = 512


class HashingBusy(Unavailable):
    """More passwords wait to be checked than can be in time."""

    name = "too-busy"
    detail = "Too many people are logging in at this moment. Nothing has changed; try again in a moment."


@dataclass(frozen=True, slots=True)
class Verdict:
    """right: it is the password. rehash_due: the stored hash costs less than we ask today."""

    right: bool
    rehash_due: bool


class Passwords:
    """The passwords of one application: its policy, its cost, its threads.

    argon2-cffi releases the GIL, so threads are enough; memory is threads × cost.memory_kib.
    """

    def __init__(self, cost: Cost, rules: policy.Policy = policy.DEFAULT) -> None:
        self._rules = rules
        self._hasher = PasswordHasher(
            time_cost=cost.iterations,
            memory_cost=cost.memory_kib,
            parallelism=cost.lanes,
            hash_len=HASH_BYTES,
            salt_len=SALT_BYTES,
            type=Type.ID,
        )
        # Verified against when there is no account or no password, so that both cost the same.
        self._nobodys = self._hasher.hash(os.urandom(SALT_BYTES))
        self._threads: ThreadPoolExecutor | None = None
        self._waiting = 0

    def refusal(self, password: str, username: str | None = None) -> str | None:
        """Why a new password is refused and what would do, or None. username: whose it is to be, if known."""
        return self._rules.refusal(password, username)

    async def hash(self, password: str) -> str:
        """The PHC string to store. Raises HashingBusy."""
        return await self._in_thread(lambda: self._hasher.hash(policy.normalised(password)))

    async def verify(self, password: str, stored: str | None) -> Verdict:
        """Whether it is the password behind the stored hash; None costs the same and is never right.

        Raises HashingBusy.
        """
        if len(password) > 4 * policy.MAX_LENGTH:
            password, stored = "", None
        return await self._in_thread(lambda: self._verify(policy.normalised(password), stored))

    def close(self) -> None:
        """Let the threads go; what waits is given up. The next password starts them again."""
        if self._threads is not None:
            self._threads.shutdown(wait=False, cancel_futures=True)
            self._threads = None

    def _verify(self, password: str, stored: str | None) -> Verdict:
        try:
            self._hasher.verify(stored or self._nobodys, password)
        except (VerificationError, InvalidHashError):
            return Verdict(right=False, rehash_due=False)
        if stored is None:
            return Verdict(right=False, rehash_due=False)
        return Verdict(right=True, rehash_due=self._hasher.check_needs_rehash(stored))

    async def _in_thread(self, work: Callable[[], Result]) -> Result:
        if self._waiting >= MOST_WAITING:
            raise HashingBusy
        if self._threads is None:
            self._threads = ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="coatcheck-hash")
        self._waiting += 1
        try:
            # A caller that gives up takes its work back, if no thread has begun it.
            return await asyncio.wrap_future(self._threads.submit(work))
        finally:
            self._waiting -= 1
