"""A feed in a test: what it was told, and when a test has waited long enough."""

import asyncio
import os
import threading
import time
from collections.abc import Callable
from typing import Any

from sqlalchemy import bindparam, select

from coatcheck.database import Changes, Database
from tests.database.things import ADD, parents

CHANNEL = "coatcheck_test"
LOG = select(parents.c.id, parents.c.name).where(parents.c.id > bindparam("after")).order_by(parents.c.id)
LONGEST_SECONDS = 5.0
# What the feed promises: whoever is told "current" knows what was committed longer ago than this.
BOUND_SECONDS = 1.0
A_LOOK = 0.002


class Heard:
    """The names it was told of: rows of the log, or announcements."""

    def __init__(self, database: Database, channel: str = CHANNEL) -> None:
        self.read: list[str] = []
        self.announced: list[str] = []
        self.changes: Changes = database.changes(channel, log=LOG, rows=self._take, message=self.announced.append)

    def _take(self, rows: list[Any]) -> int:
        self.read += [row.name for row in rows]
        return int(rows[-1].id)

    @property
    def names(self) -> set[str]:
        """Each of them."""
        return {*self.read, *self.announced}

    async def is_current(self, seconds: float = LONGEST_SECONDS) -> bool:
        """Whether it is, or becomes so in that time."""
        deadline = time.monotonic() + seconds
        while not await self.changes.current():
            if time.monotonic() > deadline:
                return False
            await asyncio.sleep(A_LOOK)
        return True

    async def hears(self, *names: str, seconds: float = BOUND_SECONDS) -> bool:
        """Whether it is told of them in that time; somebody looks at it all the while, as requests do."""
        deadline = time.monotonic() + seconds
        while True:
            await self.changes.current()
            if self.names >= set(names):
                return True
            if time.monotonic() > deadline:
                return False
            await asyncio.sleep(A_LOOK)


async def add(database: Database, name: str, channel: str = CHANNEL) -> None:
    """Write and announce."""
    async with database.transaction() as tx:
        await tx.one(ADD, {"name": name})
        await tx.announce(channel, name)


def threads() -> int:
    """How many feeds listen in this process."""
    return sum(thread.name == "coatcheck-changes" for thread in threading.enumerate())


async def becomes(value: int, of: Callable[[], object]) -> bool:
    """Whether that is what it comes to."""
    for _ in range(200):
        if of() == value:
            return True
        await asyncio.sleep(0.01)
    return False


def loaded(seconds: float) -> float:
    """So long, or longer while more processes want to run than there are processors for."""
    return seconds * max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))
