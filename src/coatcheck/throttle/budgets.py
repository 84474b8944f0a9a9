"""What one network may do in a time: guess at whatever accounts, register, send refresh tokens of its own making.

Each budget is one moment in a row: when it is empty again. Using it moves that further; how far it lies ahead
tells how much is used (the generic cell rate algorithm, ITU-T I.371).
"""

import math
from collections.abc import Callable, Sequence
from contextlib import ExitStack

from coatcheck.database import Database, Transaction
from coatcheck.throttle import statements
from coatcheck.throttle.gate import Gate
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
        self._gate = Gate()

    async def enter(self, inside: ExitStack, budget: Budget, networks: Sequence[Keyed]) -> int:
        """How long until one more is allowed; or 0, and this one is inside, which may still use one.

        Those inside may all turn out to use one, so no more are let in than are left; the others wait for them, and
        are not refused: a hundred people with the right passwords use none. Raises HashingBusy.
        """
        while True:
            out_before = self._gate.left
            left, milliseconds = await self._look(budget, networks)
            if milliseconds > 0:
                return math.ceil(milliseconds / MILLISECONDS)
            for (key, _), most in zip(networks, left, strict=True):
                await self._gate.enter(inside, key, most)
            fits = True
            while fits and self._gate.left != out_before:
                out_before = self._gate.left
                left, milliseconds = await self._look(budget, networks)  # one may have used one since
                fits = milliseconds <= 0 and all(
                    self._gate.number(key) <= most for (key, _), most in zip(networks, left, strict=True)
                )
            if fits:
                return 0
            inside.close()

    async def _look(self, budget: Budget, networks: Sequence[Keyed]) -> tuple[list[int], int]:
        """How many are left for each network, and how many milliseconds until all have one."""
        keys = [key for key, _ in networks]
        rows = await self._database.all(statements.BUDGETS, {"first": keys[0], "second": keys[-1]})
        empty_at = {row.key: row.empty_at for row in rows}
        now, interval = self._now(), budget.seconds * MILLISECONDS
        left: list[int] = []
        milliseconds = 0
        for key, network in networks:
            free = budget.at_once * network.times * interval - (max(empty_at.get(key, now), now) - now)
            left.append(free // interval)
            milliseconds = max(milliseconds, interval - free)
        return left, milliseconds

    async def spend(self, tx: Transaction, budget: Budget, networks: Sequence[Keyed]) -> None:
        """Use one. The smaller network's row comes first, everywhere: another order could deadlock."""
        values = {"at": self._now(), "interval": budget.seconds * MILLISECONDS}
        for key, _ in networks:
            await tx.execute(statements.SPEND, {"row": key, **values})

    async def prune(self) -> None:
        """Forget what is empty."""
        values = {"at": self._now()}
        while await self._database.one(statements.ANY_BUDGET_EMPTY, values):
            if not await self._database.execute(statements.PRUNE_BUDGETS, values):
                return  # others hold the rest

    def _now(self) -> int:
        return int(self._clock() * MILLISECONDS)
