"""Accounts: one name, one account; what was verified must still hold when it is written."""

import asyncio
import time

import pytest

from coatcheck.accounts import Accounts, RegistrationClosed, UsernameTaken
from coatcheck.database import Database
from coatcheck.problems import Invalid
from tests.support.clock import Clock
from tests.support.passwords import passwords_with
from tests.support.throttle import client_at, throttle_of


@pytest.fixture
def accounts(database: Database, clock: Clock) -> Accounts:
    return Accounts(database, passwords_with(), throttle_of(database, clock), clock=clock, open_to_all=True)


async def test_an_account_is_found_by_any_spelling_and_shown_as_typed(accounts: Accounts, clock: Clock) -> None:
    made = await accounts.register("Alice", "secret123", client_at())
    assert made.created_at.timestamp() == clock.now
    for spelling in ("Alice", "alice", "ＡＬＩＣＥ"):
        assert await accounts.find(spelling) == made
    assert made.username == "Alice"
    assert await accounts.get(made.id) == made


async def test_a_name_that_is_taken_in_another_spelling_is_refused(accounts: Accounts) -> None:
    await accounts.register("Alice", "secret123", client_at())
    with pytest.raises(UsernameTaken):
        await accounts.register("aLICE", "another password", client_at())


async def test_of_many_at_once_one_gets_the_name(accounts: Accounts) -> None:
    tries = (accounts.register("alice", "secret123", client_at()) for _ in range(50))
    results = await asyncio.gather(*tries, return_exceptions=True)
    assert sum(isinstance(result, UsernameTaken) for result in results) == 49


async def test_every_mistake_is_told_at_once(accounts: Accounts) -> None:
    with pytest.raises(Invalid) as refusal:
        await accounts.register("two words", "short", client_at())
    assert [pointer for pointer, _ in refusal.value.errors] == ["#/username", "#/password"]
    assert await accounts.find("two words") is None


async def test_closed_registration_is_refused_before_any_look(database: Database, clock: Clock) -> None:
    closed = Accounts(database, passwords_with(), throttle_of(database, clock), clock=clock, open_to_all=False)
    with pytest.raises(RegistrationClosed):
        await closed.register("two words", "short", client_at())
    assert (await closed.create("alice", "secret123")).username == "alice"


async def test_a_hash_is_replaced_only_if_it_is_the_one_that_was_verified(
    accounts: Accounts, database: Database
) -> None:
    account = await accounts.register("alice", "secret123", client_at())
    async with database.transaction() as tx:
        assert await accounts.replace_hash(tx, account, "new")
    async with database.transaction() as tx:
        assert not await accounts.replace_hash(tx, account, "newer")
    changed = await accounts.get(account.id)
    assert changed is not None
    assert changed.password_hash == "new"


async def test_a_disabled_account_keeps_its_hash(accounts: Accounts, database: Database) -> None:
    account = await accounts.register("alice", "secret123", client_at())
    async with database.transaction() as tx:
        assert await accounts.disable(tx, account.id)
        assert not await accounts.replace_hash(tx, account, "new")
        assert await accounts.enable(tx, account.id)
    assert await accounts.get(account.id) == account


async def test_disabling_nobody_says_so(accounts: Accounts, database: Database) -> None:
    async with database.transaction() as tx:
        assert not await accounts.disable(tx, 12345)


async def test_a_name_that_nobody_can_have_does_not_hold_the_loop(accounts: Accounts) -> None:
    """Normalising it takes time that grows with the square of its combining marks: one request stopped the server."""
    started = time.thread_time()
    with pytest.raises(Invalid) as refusal:
        await accounts.register("\u0301\u0323" * 16_000, "correct horse battery", client_at())
    assert [pointer for pointer, _ in refusal.value.errors] == ["#/username"]
    assert time.thread_time() - started < 0.3
