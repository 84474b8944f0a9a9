"""Guessers, and the limits of one or several processes on one database."""

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from coatcheck.database import Database
from coatcheck.throttle import Throttle, TooManyAttempts
from coatcheck.web import Client
from tests.support.clock import Clock
from tests.support.keys import HeldKeys
from tests.support.sql import run_sql
from tests.support.throttle import client_at, throttle_of

HOME = client_at("198.51.100.1")
ALICE = "alice"


@dataclass
class Guesser:
    """Tries passwords under these limits, as a login does."""

    throttle: Throttle
    database: Database
    account_id: int | None = None
    checked: int = field(default=0)

    async def wrong(self, name: str = ALICE, client: Client | None = None) -> int:
        """A wrong password: 0, or the seconds after which it may be tried."""
        try:
            async with self.throttle.attempt(name, client or client_at()) as attempt:
                self.checked += 1
                await attempt.failed(self.account_id)
        except TooManyAttempts as refusal:
            return refusal.retry_after
        return 0

    async def right(self, name: str = ALICE, client: Client = HOME) -> int:
        """The right one: 0, or the seconds after which it may be tried."""
        assert self.account_id is not None
        try:
            async with self.throttle.attempt(name, client) as attempt, self.database.transaction() as tx:
                await attempt.succeeded(tx, self.account_id)
        except TooManyAttempts as refusal:
            return refusal.retry_after
        return 0

    async def known(self, client: Client, name: str = ALICE) -> bool:
        """Whether the network is known to be the owner's."""
        async with self.throttle.attempt(name, client) as attempt:
            return attempt.turn.known


@pytest.fixture
def keys() -> HeldKeys:
    return HeldKeys()


@pytest.fixture
def throttle(database: Database, clock: Clock, keys: HeldKeys) -> Throttle:
    return throttle_of(database, clock, keys)


@pytest.fixture
def add_account(database: Database) -> Callable[[str], int]:
    """Puts an account into the table; gives its id."""

    def add(name: str) -> int:
        run_sql(
            database.url,
            "INSERT INTO coatcheck_accounts (username, mapped_username, created_at) "
            f"VALUES ('{name}', '{name}', '2026-11-28 00:00:00+00:00')",
        )
        ((account_id,),) = run_sql(database.url, f"SELECT id FROM coatcheck_accounts WHERE username = '{name}'")
        return int(account_id)

    return add


@pytest.fixture
def alice(throttle: Throttle, database: Database, add_account: Callable[[str], int]) -> Guesser:
    """Guesses at alice, who has an account."""
    return Guesser(throttle, database, add_account(ALICE))


@pytest.fixture
def nobody(throttle: Throttle, database: Database) -> Guesser:
    """Guesses at names that nobody has."""
    return Guesser(throttle, database)
