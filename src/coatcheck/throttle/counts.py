"""The failures in a row for one name: of strangers together, and of each network that its owner comes from."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from coatcheck.database import Database, Transaction
from coatcheck.throttle import statements
from coatcheck.throttle.limits import (
    CLOSED_AT,
    FORGIVEN_SECONDS,
    KNOWN_SECONDS,
    KNOWN_WRITTEN_SECONDS,
    LAST_STEP,
    LONGEST_WAIT_SECONDS,
    WAITS_FROM,
    wait_seconds,
)


@dataclass(frozen=True, slots=True)
class Count:
    """The count that an attempt falls under, as it was read.

    key: of its row, which may not be there. own: of the row of name and network, under which it falls once the
    network is known.
    """

    key: bytes
    own: bytes
    failures: int = 0
    admit_at: datetime | None = None
    known_at: datetime | None = None

    @property
    def known(self) -> bool:
        """Whether the owner of the account comes from this network."""
        return self.known_at is not None

    @property
    def closed(self) -> bool:
        """Whether there were too many in a row."""
        return self.failures >= CLOSED_AT

    def seconds_left(self, now: datetime) -> int:
        """How long to wait before the next attempt."""
        if self.closed:
            return LONGEST_WAIT_SECONDS
        return 0 if self.admit_at is None else max(0, math.ceil((self.admit_at - now).total_seconds()))


class Counts:
    """The rows of counts. `now` is by the clock of this process: one that is ahead shortens the waits by as much,
    and one that is behind makes them longer; the count of failures knows no clock."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def read(self, others: bytes, own: bytes, now: datetime) -> Count:
        """The count that holds for the network of `own`: its own if it is known, else that of all strangers."""
        rows = {row.key: row for row in await self._database.all(statements.COUNTS, {"others": others, "own": own})}
        for key in (own, others):
            row = rows.get(key)
            if row is not None and (key == others or row.known_at > now - timedelta(seconds=KNOWN_SECONDS)):
                return Count(key, own, row.failures, row.admit_at, row.known_at)
        return Count(others, own)

    async def admit(self, count: Count, now: datetime) -> Count | None:
        """The count with this attempt in it, as if it had failed; None if it has to wait by now."""
        counted = await self._database.one(statements.ADMIT, {"row": count.key, **_moments(now)})
        return None if counted is None else replace(count, failures=counted.failures)

    async def give_back(self, count: Count, admitted: Count) -> None:
        """Take an attempt out again whose password nobody has looked at."""
        values = {"row": count.key, "counted": admitted.failures, "was": count.admit_at}
        await self._database.execute(statements.GIVE_BACK, values)

    async def add(self, tx: Transaction, count: Count, account_id: int | None, now: datetime) -> None:
        """Count a failure. Raises ForeignKeyViolation: the account is gone."""
        await tx.execute(statements.ADD_FAILURE, {"row": count.key, "account_id": account_id, **_moments(now)})

    async def succeeded(self, tx: Transaction, count: Count, account_id: int, now: datetime) -> None:
        """Begin the count anew, and remember the network as known: nothing is written where neither is due."""
        if count.failures:
            await tx.execute(statements.RESET, {"row": count.key})
        if count.known_at is None or count.known_at < now - timedelta(seconds=KNOWN_WRITTEN_SECONDS):
            await tx.execute(statements.REMEMBER, {"row": count.own, "account_id": account_id, "now": now})
        if count.known_at is None:
            await tx.execute(statements.KEEP_NEWEST, {"account_id": account_id})

    async def forget(self, others: Sequence[bytes], tx: Transaction, account_id: int | None) -> None:
        """Every count of some names begins anew; the networks that are known stay so."""
        await tx.execute_many(statements.FORGET_STRANGERS, [{"row": row} for row in others])
        if account_id is not None:
            await tx.execute(statements.FORGET_KNOWN, {"account_id": account_id})

    async def prune(self, now: datetime) -> None:
        """Forget names that nobody has, a day after the last failure, and networks that are no longer known."""
        values = {
            "forgiven": now - timedelta(seconds=FORGIVEN_SECONDS),
            "unknown_again": now - timedelta(seconds=KNOWN_SECONDS),
        }
        # Looked for first: on SQLite a write for nothing would keep others waiting.
        while await self._database.one(statements.ANY_COUNT_OVER, values):
            await self._database.execute(statements.PRUNE_COUNTS, values)


def _moments(now: datetime) -> Mapping[str, datetime]:
    """What the statements choose from: when the next attempt is let in, after so many failures."""
    after = {
        f"after_{step}": now + timedelta(seconds=wait_seconds(step)) for step in range(WAITS_FROM, LAST_STEP + 1)
    }
    return {"now": now, "forgiven": now - timedelta(seconds=FORGIVEN_SECONDS), **after}
