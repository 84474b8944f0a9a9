"""An operator and a person act on one account at the same moment, and accounts come in pages."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from sqlalchemy import text

from coatcheck.accounts import Account, Accounts
from coatcheck.admin import Users
from coatcheck.coatcheck import Coatcheck, application
from coatcheck.problems import Conflict, Invalid
from coatcheck.settings import Settings
from tests.support.app import CHEAP

LOOKS_FOR_THE_NAME = 1  # before the hash: the password must not be the username
WITHOUT_PASSWORD = text("UPDATE coatcheck_accounts SET password_hash = NULL")


@pytest.fixture
async def coatcheck(tmp_path: Path, database_url: str) -> AsyncIterator[Coatcheck]:
    coatcheck: Coatcheck = application(Settings.read(tmp_path, database_url=database_url, **CHEAP)).state.coatcheck
    await coatcheck.open()
    yield coatcheck
    await coatcheck.close()


async def names(users: Users, search: str | None = None, rows: int = 2) -> list[list[str]]:
    return [[account.username for account in page] async for page in users.pages(search, rows=rows)]


async def test_accounts_come_in_pages_oldest_first(coatcheck: Coatcheck) -> None:
    assert await names(coatcheck.users) == []
    for name in ("alice", "Bob", "carol", "dave", "erin"):
        await coatcheck.create_account(name, "secret123")
    assert await names(coatcheck.users) == [["alice", "Bob"], ["carol", "dave"], ["erin"]]
    assert await names(coatcheck.users, rows=5) == [["alice", "Bob", "carol", "dave", "erin"]]


async def test_a_page_goes_on_where_the_last_one_ended_whatever_was_deleted_meanwhile(coatcheck: Coatcheck) -> None:
    made = [await coatcheck.create_account(name, "secret123") for name in ("alice", "bob", "carol", "dave", "erin")]
    await coatcheck.users.delete(made[0].id)
    pages = coatcheck.users.pages(rows=2)
    assert [account.username for account in await anext(pages)] == ["bob", "carol"]
    await coatcheck.users.delete(made[1].id)
    assert [account.username for account in await anext(pages)] == ["dave", "erin"]
    await pages.aclose()


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("LI", ["alice"]),
        ("a_b", ["a_b"]),
        ("_", ["a_b"]),
        ("%", []),
        ("Ä", ["Ärger"]),
        ("A\u0308r", ["Ärger"]),
        ("\\", []),
        ("nobody", []),
        ("", ["alice", "a_b", "axb", "Ärger"]),
    ],
)
async def test_a_search_takes_each_sign_as_itself_and_any_case(
    coatcheck: Coatcheck, search: str, found: list[str]
) -> None:
    for name in ("alice", "a_b", "axb", "Ärger"):
        await coatcheck.create_account(name, "secret123")
    assert [name for page in await names(coatcheck.users, search) for name in page] == found


class Interrupted(Accounts):
    """Accounts of which somebody changes the password each time that it was looked at."""

    then: Callable[[Account], Awaitable[bool]]
    times: int

    async def get(self, account_id: int) -> Account | None:
        account = await super().get(account_id)
        if account is not None and self.times:
            self.times -= 1
            await self.then(account)
        return account


def interrupted(coatcheck: Coatcheck, times: int) -> Users:
    accounts = Interrupted(
        coatcheck.database, coatcheck.passwords, coatcheck.throttle, clock=lambda: 0.0, open_to_all=True
    )
    accounts.times = times

    async def owner_changes_it(account: Account) -> bool:
        new_hash = await coatcheck.passwords.hash(f"the owner's {accounts.times}")
        async with coatcheck.database.transaction() as tx:
            return await coatcheck.accounts.replace_hash(tx, account, new_hash)

    accounts.then = owner_changes_it
    return Users(coatcheck.database, accounts, coatcheck.passwords, coatcheck.sessions, coatcheck.throttle)


async def is_password(coatcheck: Coatcheck, account_id: int, password: str) -> bool:
    account = await coatcheck.accounts.get(account_id)
    assert account is not None
    return (await coatcheck.passwords.verify(password, account.password_hash)).right


async def test_a_change_that_came_first_is_seen_and_the_operators_is_made_after_it(coatcheck: Coatcheck) -> None:
    alice = await coatcheck.create_account("alice", "secret123")
    assert await interrupted(coatcheck, times=1 + LOOKS_FOR_THE_NAME).set_password(alice.id, "the operator's")
    assert await is_password(coatcheck, alice.id, "the operator's")


async def test_a_change_that_always_comes_first_is_not_overwritten_unseen(coatcheck: Coatcheck) -> None:
    alice = await coatcheck.create_account("alice", "secret123")
    with pytest.raises(Conflict, match="nothing was changed"):
        await interrupted(coatcheck, times=2 + LOOKS_FOR_THE_NAME).set_password(alice.id, "the operator's")
    assert await is_password(coatcheck, alice.id, "the owner's 0")


async def test_an_account_without_a_password_may_be_given_one(coatcheck: Coatcheck) -> None:
    alice = await coatcheck.create_account("alice", "secret123")
    await coatcheck.database.execute(WITHOUT_PASSWORD)
    assert await coatcheck.users.set_password(alice.id, "the operator's")
    assert await is_password(coatcheck, alice.id, "the operator's")


async def test_what_is_refused_or_gone_changes_nothing(coatcheck: Coatcheck) -> None:
    alice = await coatcheck.create_account("alice", "secret123")
    with pytest.raises(Invalid):
        await coatcheck.users.set_password(alice.id, "short")
    assert await is_password(coatcheck, alice.id, "secret123")
    assert not await coatcheck.users.set_password(alice.id + 1, "the operator's")
    assert not await coatcheck.users.disable(alice.id + 1)
    assert not await coatcheck.users.enable(alice.id + 1)
    assert not await coatcheck.users.delete(alice.id + 1)


@pytest.mark.parametrize("nobodys", [2**63 - 1, 2**63, 2**70, -(2**63) - 1, -1, 0])
async def test_an_id_that_nobody_can_have_is_nobodys(coatcheck: Coatcheck, nobodys: int) -> None:
    await coatcheck.create_account("alice", "secret123")
    assert await coatcheck.disable_account(nobodys) is False
    assert await coatcheck.enable_account(nobodys) is False
    await coatcheck.end_sessions(nobodys)
    account = await coatcheck.find_account("alice")
    assert account is not None
    assert account.enabled


@pytest.mark.parametrize("name", ["", "\0", "\ud800", "a\udfff", "a b", "\u0378", "x" * 1_000_000])
async def test_a_name_that_nobody_can_have_is_nobodys(coatcheck: Coatcheck, name: str) -> None:
    assert await coatcheck.find_account(name) is None
    with pytest.raises(Invalid) as refusal:
        await coatcheck.create_account(name, "secret123")
    assert [pointer for pointer, _ in refusal.value.errors] == ["#/username"]


@pytest.mark.parametrize("password", ["\ud800longpassword", "long password \udfff", "long \udc00\ud800 password"])
async def test_half_a_character_makes_no_password(coatcheck: Coatcheck, password: str) -> None:
    with pytest.raises(Invalid) as refusal:
        await coatcheck.create_account("alice", password)
    assert refusal.value.errors == (("#/password", "Type it again: it has half a character in it."),)
    assert await coatcheck.find_account("alice") is None
    alice = await coatcheck.create_account("alice", "secret123")
    with pytest.raises(Invalid):
        await coatcheck.users.set_password(alice.id, password)
