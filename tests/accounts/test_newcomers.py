"""Accounts of another system are taken in many at a time: each name once, and no id twice."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime

import pytest
from sqlalchemy import delete

from coatcheck.accounts import MOST_AT_ONCE, Accounts, Newcomer
from coatcheck.accounts.tables import accounts as table
from coatcheck.database import Database
from coatcheck.database.counters import reserve_ids
from coatcheck.passwords import CHEAPEST, Passwords
from tests.support.clock import Clock
from tests.support.keys import HeldKeys
from tests.support.passwords import passwords_with
from tests.support.throttle import client_at, throttle_of

FOREIGN = "$2b$04$FedEQRQ/h2c81hrbo2HcAeMVQs/Hcaq4OJmrCUANASbZvi3SavDk2"  # secret123
THEN = datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)


def newcomer(name: str, *, mapped: str | None = None, foreign_hash: str | None = None) -> Newcomer:
    return Newcomer(name, mapped or name.lower(), foreign_hash, created_at=None, disabled_at=None)


@pytest.fixture
def passwords() -> Passwords:
    return passwords_with()


@pytest.fixture
def accounts(database: Database, clock: Clock, passwords: Passwords) -> Accounts:
    return Accounts(database, passwords, throttle_of(database, clock), clock=clock, open_to_all=True)


async def test_what_came_along_is_kept_and_what_did_not_is_of_now(accounts: Accounts, clock: Clock) -> None:
    assert await accounts.take_in([Newcomer("Alice", "alice", None, THEN, THEN), newcomer("bob")]) == 2
    alice, bob = await accounts.find("ALICE"), await accounts.find("bob")
    assert alice is not None
    assert (alice.username, alice.password_hash, alice.created_at, alice.disabled_at) == ("Alice", None, THEN, THEN)
    assert bob is not None
    assert (bob.created_at.timestamp(), bob.disabled_at) == (clock.now, None)


async def test_a_hash_is_kept_encrypted_and_lets_its_account_in(accounts: Accounts, passwords: Passwords) -> None:
    await accounts.take_in([newcomer("alice", foreign_hash=FOREIGN), newcomer("bob", foreign_hash=FOREIGN)])
    alice, bob = await accounts.find("alice"), await accounts.find("bob")
    assert alice is not None
    assert bob is not None
    assert alice.password_hash is not None
    assert alice.password_hash.startswith("$aes-256-gcm$")
    assert (await passwords.verify("secret123", alice.password_hash, account_id=alice.id)).right
    assert not (await passwords.verify("secret124", alice.password_hash, account_id=alice.id)).right
    assert not (await passwords.verify("secret123", alice.password_hash, account_id=bob.id)).right


async def test_a_name_that_is_taken_is_passed_over_and_one_that_comes_twice_is_taken_in_once(
    accounts: Accounts,
) -> None:
    made = await accounts.register("Alice", "secret123", client_at())
    some = [newcomer("ALICE", foreign_hash=FOREIGN), newcomer("Bob"), newcomer("BOB", foreign_hash=FOREIGN)]
    assert [one.username for one in await accounts.free(some)] == ["Bob"]
    assert await accounts.take_in(some) == 1
    assert await accounts.take_in(some) == 0
    assert await accounts.find("alice") == made
    bob = await accounts.find("bob")
    assert bob is not None
    assert (bob.username, bob.password_hash) == ("Bob", None)


async def test_as_many_as_go_at_once_and_none_at_all(accounts: Accounts) -> None:
    some = [newcomer(f"name{number}") for number in range(MOST_AT_ONCE)]
    assert await accounts.take_in([]) == 0
    assert await accounts.take_in(some) == MOST_AT_ONCE
    assert await accounts.free(some) == []


async def test_ids_go_on_after_them_and_are_never_given_twice(accounts: Accounts, database: Database) -> None:
    first = await accounts.register("first", "secret123", client_at())
    await accounts.take_in([newcomer(f"name{number}") for number in range(50)])
    ids = [one.id for number in range(50) if (one := await accounts.find(f"name{number}"))]
    assert ids == list(range(first.id + 1, first.id + 51))
    await database.execute(delete(table))
    assert (await accounts.register("next", "secret123", client_at())).id > max(ids)
    await database.execute(delete(table))
    await accounts.take_in([newcomer("again")])
    again = await accounts.find("again")
    assert again is not None
    assert again.id > max(ids) + 1


async def test_reserved_ids_are_nobody_elses(accounts: Accounts, database: Database) -> None:
    """Reserved and never written: whoever came off in between, in this process or in another."""
    reserved = await reserve_ids(database, table.name, 10)
    some = await asyncio.gather(*(reserve_ids(database, table.name, 7) for _ in range(20)))
    given = [*reserved, *(id for ids in some for id in ids)]
    assert len(set(given)) == len(given) == 150
    assert all(ids == sorted(ids) for ids in some)
    assert (await accounts.register("alice", "secret123", client_at())).id not in given


class Meanwhile(Passwords):
    """Somebody registers a name between the look for it and the write."""

    accounts: Accounts
    names: list[str]

    async def seal_all(self, foreign_hashes: Mapping[int, str]) -> dict[int, str]:
        """Let somebody come first."""
        if self.names:
            await self.accounts.register(self.names.pop(), "secret123", client_at())
        return await super().seal_all(foreign_hashes)


async def test_who_registers_in_that_moment_keeps_the_name_and_all_others_come_in(
    database: Database, clock: Clock
) -> None:
    passwords = Meanwhile(CHEAPEST, peppers=HeldKeys(), seals=HeldKeys())
    accounts = Accounts(database, passwords, throttle_of(database, clock), clock=clock, open_to_all=True)
    passwords.accounts, passwords.names = accounts, ["Bob", "Carol"]
    some = [newcomer(name, foreign_hash=FOREIGN) for name in ("alice", "bob", "carol", "dora")]
    assert await accounts.take_in(some) == 2
    for name, kind in (("alice", "aes-256-gcm"), ("bob", "hmac-sha256"), ("carol", "hmac-sha256")):
        one = await accounts.find(name)
        assert one is not None
        assert one.password_hash is not None
        assert one.password_hash.split("$")[1] == kind
