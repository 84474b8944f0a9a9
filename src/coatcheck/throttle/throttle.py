"""`Throttle`: who may try a password now."""

import asyncio
import hmac
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from contextlib import ExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

from coatcheck.database import Alarm, Database, DatabaseUnavailable, ForeignKeyViolation, Transaction
from coatcheck.passwords import HashingBusy, Turn
from coatcheck.throttle.budgets import Budgets, Keyed
from coatcheck.throttle.counts import Count, Counts
from coatcheck.throttle.gate import Gate
from coatcheck.throttle.limits import GUESSES, REFRESHES, REGISTRATIONS, UNFINISHED_AT_ONCE, Budget
from coatcheck.throttle.networks import Network, networks_of
from coatcheck.throttle.problems import TooManyAttempts, TooManyRefreshes, TooManyRegistrations
from coatcheck.web import Client

PRUNING_SECONDS = 3_600
LAST_BITE_SECONDS = 0.15  # a server that is stopped has a second for everything
OTHERS = "others"
OWN = "own"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One password that is about to be checked.

    turn: its place in the hashing queue. failed: it is wrong, for this account if there is one; committed when this
    returns. succeeded: it is right, and the transaction lets the owner of this account in.
    """

    turn: Turn
    failed: Callable[[int | None], Awaitable[None]]
    succeeded: Callable[[Transaction, int], Awaitable[None]]


class Throttle:
    """The guessing limits of one database, shared by all of its processes.

    newest_key: gives its id and 32 bytes. Names and networks are kept as their HMAC under it, so a new one begins
    every count anew.
    clock: seconds since 1970, UTC. on: False limits nothing, and reads and writes nothing.
    """

    def __init__(
        self,
        database: Database,
        *,
        newest_key: Callable[[], Awaitable[tuple[str, bytes]]],
        clock: Callable[[], float],
        on: bool = True,
    ) -> None:
        self._database = database
        self._newest_key = newest_key
        self._clock = clock
        self._on = on
        self._counts = Counts(database)
        self._budgets = Budgets(database, clock=clock)
        self._gate = Gate()
        self._pruning = Alarm(self._prune)

    @asynccontextmanager
    async def attempt(self, name: str, client: Client) -> AsyncGenerator[Attempt, None]:
        """Let a password be checked in the block, which says how that ends; it says so before it answers.

        name: the mapped username, or what was typed where nobody can have that. Raises TooManyAttempts.
        """
        if not self._on:
            yield Attempt(self.turn(client), _nothing, _nothing)
            return
        key = await self._key()
        networks = _keyed(key, GUESSES, networks_of(client))
        home = networks[0][1].name
        others, own = _row(key, OTHERS, name), _row(key, OWN, home, name)
        with ExitStack() as inside:
            count = await self._enter(inside, others, own)
            if not count.known:
                within = inside.enter_context(ExitStack())
                if seconds := await self._budgets.enter(within, GUESSES, networks):
                    raise TooManyAttempts(seconds)
            admitted = await self._admit(count, networks) if count.failures else count
            try:
                yield Attempt(
                    Turn(home, known=count.known, shared=client.shared),
                    failed=partial(self._failed, count, networks, admitted is not count),
                    succeeded=partial(self._succeed, admitted),
                )
            except HashingBusy:
                if admitted is not count:
                    await self._counts.give_back(count, admitted)
                raise

    async def registration(self, client: Client) -> None:
        """Count a registration. Raises TooManyRegistrations."""
        if self._on and (seconds := await self._use(REGISTRATIONS, client)):
            raise TooManyRegistrations(seconds)

    async def refused_refresh(self, client: Client) -> None:
        """Count a refresh token that nobody has issued. Raises TooManyRefreshes."""
        if self._on and (seconds := await self._use(REFRESHES, client)):
            raise TooManyRefreshes(seconds)

    async def forgetting(self, *names: str) -> Callable[[Transaction, int | None], Awaitable[None]]:
        """What begins every count of these names anew, within the transaction that gives an account another password.

        It takes the account, if it was there before. Asked for before that begins: the key may have to be read.
        """
        if not self._on:
            return _nothing
        key = await self._key()
        return partial(self._counts.forget, [_row(key, OTHERS, name) for name in names])

    def turn(self, client: Client) -> Turn:
        """A stranger's place in the hashing queue."""
        return Turn(networks_of(client)[0].name, shared=client.shared)

    def start(self) -> None:
        """Begin to tidy up, also what a process has left that was killed."""
        if self._on:
            self._pruning.within(0)

    async def close(self) -> None:
        """Tidy up no longer."""
        self._pruning.off()
        if (under_way := self._pruning.running) is not None:
            # Not cancelled: psycopg answers that by waiting up to 10 s for a silent server.
            await asyncio.wait({under_way}, timeout=LAST_BITE_SECONDS)

    async def prune(self) -> None:
        """Forget what has served its time."""
        await self._counts.prune(self._now())
        await self._budgets.prune()

    async def _prune(self) -> None:
        with suppress(DatabaseUnavailable):
            await self.prune()
        self._pruning.within(PRUNING_SECONDS)

    async def _enter(self, inside: ExitStack, others: bytes, own: bytes) -> Count:
        """The count as it is when this attempt may go on. Raises TooManyAttempts.

        Those that run while nothing is on record may all turn out wrong, so they are few at once; and once something
        is, one goes on alone: let in on top of them it would be one too many.
        """
        while True:
            out_before = self._gate.left
            count = await self._read(others, own)
            await self._gate.enter(inside, count.key, 1 if count.failures else UNFINISHED_AT_ONCE)
            if self._gate.left == out_before:
                return count
            again = await self._read(others, own)  # one may have failed since
            if again.key == count.key and (again.failures > 0) == (count.failures > 0):
                return again
            inside.close()

    async def _read(self, others: bytes, own: bytes) -> Count:
        """The count as it is now. Raises TooManyAttempts."""
        now = self._now()
        count = await self._counts.read(others, own, now)
        if seconds := count.seconds_left(now):
            raise TooManyAttempts(seconds, closed=count.closed)
        return count

    async def _admit(self, count: Count, networks: list[Keyed]) -> Count:
        """Count it before the password is looked at, and use the budget: whoever leaves has had it.

        Raises TooManyAttempts: others were first.
        """
        async with self._database.transaction() as tx:
            admitted = await self._counts.admit(tx, count, self._now())
            if admitted is not None:
                await self._budgets.spend(tx, GUESSES, networks)
        if admitted is None:
            await self._read(count.others, count.own)
            raise TooManyAttempts(1)  # forgotten, or forgiven, in this moment
        return admitted

    async def _failed(self, count: Count, networks: list[Keyed], on_record: bool, account_id: int | None) -> None:
        if not on_record:
            # In a task of its own: whoever leaves in this moment is counted like any other.
            await asyncio.shield(asyncio.create_task(self._record(count, networks, account_id)))
        self._pruning.within(PRUNING_SECONDS)

    async def _record(self, count: Count, networks: list[Keyed], account_id: int | None) -> None:
        try:
            async with self._database.transaction() as tx:
                await self._counts.add(tx, count, account_id, self._now())
                await self._budgets.spend(tx, GUESSES, networks)
        except ForeignKeyViolation:  # the account was deleted meanwhile
            await self._record(count, networks, None)

    async def _succeed(self, count: Count, tx: Transaction, account_id: int) -> None:
        await self._counts.succeeded(tx, count, account_id, self._now())

    async def _key(self) -> bytes:
        _, key = await self._newest_key()
        return key

    async def _use(self, budget: Budget, client: Client) -> int:
        """Use one of a budget; or how many seconds are left until that is possible, and nothing is written."""
        networks = _keyed(await self._key(), budget, networks_of(client))
        with ExitStack() as inside:
            if seconds := await self._budgets.enter(inside, budget, networks):
                return seconds
            async with self._database.transaction() as tx:
                await self._budgets.spend(tx, budget, networks)
        self._pruning.within(PRUNING_SECONDS)
        return 0

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock(), UTC)


def _keyed(key: bytes, budget: Budget, networks: Iterable[Network]) -> list[Keyed]:
    return [(_row(key, budget.name, network.name), network) for network in networks]


def _row(key: bytes, *parts: str) -> bytes:
    """The key of a row. A name comes last: people type anything there, passwords too."""
    return hmac.digest(key, "\0".join(parts).encode(errors="surrogatepass"), "sha256")


async def _nothing(*_: Any) -> None:
    """Where nothing is counted."""
