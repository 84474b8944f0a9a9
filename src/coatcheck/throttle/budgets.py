"""What one network may do in a time: guess at whatever accounts, register, send refresh tokens of its own making.

Each budget is one moment in a row: when it is empty again. Using it moves that further; how far it lies ahead
tells how much is used (the generic cell rate algorithm, ITU-T I.371).
"""

import math
from collections import Counter
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager

from coatcheck.database import Database, Transaction
from coatcheck.throttle import statements
from coatcheck.throttle.limits import Budget
from coatcheck.throttle.networks import Network

MILLISECONDS = 1_000
Keyed = tuple[bytes, Network]


class Budgets:
    """The rows of budgets. clock: seconds since 1970, UTC, of this process: one that is off by an hour gives a
    network what it would have in an hour more or less."""

    def __init__(self, database: Database, *, clock: Callable[[], float]) -> None:
        self._database = database
        self._clock = clock
        self._unfinished: Counter[bytes] = Counter()

    async def seconds_left(self, budget: Budget, networks: Sequence[Keyed]) -> int:
        """How long until one more is allowed; 0: now."""
        keys = [key for key, _ in networks]
        rows = await self._database.all(statements.BUDGETS, {"first": keys[0], "second": keys[-1]})
        empty_at = {row.key: row.empty_at for row in rows}
        now, interval = self._now(), budget.seconds * MILLISECONDS
        left = 0
        for key, network in networks:
            used_until = max(empty_at.get(key, now), now) + self._unfinished[key] * interval
            left = max(left, used_until + interval - now - budget.at_once * network.times * interval)
        return math.ceil(left / MILLISECONDS)

    @contextmanager
    def unfinished(self, networks: Sequence[Keyed]) -> Generator[None]:
        """Until it is known how an attempt ends, it counts as used for the others of this process."""
        for key, _ in networks:
            self._unfinished[key] += 1
        try:
            yield
        finally:
            for key, _ in networks:
                self._unfinished[key] -= 1
                if not self._unfinished[key]:
                    del self._unfinished[key]

    async def spend(self, tx: Transaction, budget: Budget, networks: Sequence[Keyed]) -> None:
        """Use one. The smaller network's row comes first, everywhere: another order could deadlock."""
        values = {"at": self._now(), "interval": budget.seconds * MILLISECONDS}
        for key, _ in networks:
            await tx.execute(statements.SPEND, {"row": key, **values})

    async def prune(self) -> None:
        """Forget what is empty."""
        values = {"at": self._now()}
        while await self._database.one(statements.ANY_BUDGET_EMPTY, values):
            await self._database.execute(statements.PRUNE_BUDGETS, values)

    def _now(self) -> int:
        return int(self._clock() * MILLISECONDS)
