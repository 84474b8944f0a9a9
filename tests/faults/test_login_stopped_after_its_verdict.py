"""A thief knows alice's password. He logs in; while his password is being checked, which takes a
while, alice changes hers (or deletes her account, or is disabled) and is told that it is done. His
login was checked against what no longer holds: it may not open a session, and may not put the old
password's hash back by renewing it."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest
import pytest_asyncio

from tests.faults.two_processes import (
    CHEAP,
    DEARER,
    NEW,
    OLD,
    GatedPasswords,
    Process,
    claims,
    process,
)


@pytest_asyncio.fixture
async def alices(tmp_path: Path, database_url: str) -> AsyncIterator[Process]:
    """The process that alice talks to."""
    async with process(tmp_path, database_url) as running:
        yield running


@pytest_asyncio.fixture
async def thiefs(tmp_path: Path, database_url: str, alices: Process) -> AsyncIterator[Process]:
    """The process that the thief talks to: it stops after each verdict."""
    async with process(tmp_path, database_url) as running:
        yield running


@pytest.fixture(params=[False, True], ids=["as-it-is", "rehash-due"])
def gate(thiefs: Process, request: pytest.FixtureRequest) -> GatedPasswords:
    """Where the login stops; with and without a rehash that it would write."""
    return thiefs.gate(DEARER if request.param else CHEAP)


async def stopped_login(thiefs: Process, gate: GatedPasswords) -> "asyncio.Task[httpx2.Response]":
    """A login with the old password that has been found right and has written nothing."""
    login = asyncio.create_task(thiefs.log_in(OLD))
    await gate.arrived()
    assert not login.done()
    return login


async def finished(login: "asyncio.Task[httpx2.Response]", gate: GatedPasswords) -> httpx2.Response:
    gate.open.set()
    return await asyncio.wait_for(login, 10)


async def test_nothing_meanwhile_and_it_succeeds(alices: Process, thiefs: Process, gate: GatedPasswords) -> None:
    await alices.register()
    answer = await finished(await stopped_login(thiefs, gate), gate)
    assert answer.status_code == 200
    assert await alices.who(answer.json()["access_token"]) == 200


async def test_a_password_change_meanwhile_wins(alices: Process, thiefs: Process, gate: GatedPasswords) -> None:
    alice = await alices.register()
    token = await alices.token()
    login = await stopped_login(thiefs, gate)
    assert (await alices.change_password(token, OLD, NEW)).status_code == 204
    changed = await alices.stored_hash(alice)
    assert (await finished(login, gate)).status_code == 401
    assert await alices.stored_hash(alice) == changed
    assert await alices.session_ids(alice) == {claims(token)["sid"]}
    assert (await alices.log_in(OLD)).status_code == 401
    assert (await alices.log_in(NEW)).status_code == 200


async def test_disabling_the_account_meanwhile_wins(alices: Process, thiefs: Process, gate: GatedPasswords) -> None:
    alice = await alices.register()
    before = await alices.stored_hash(alice)
    login = await stopped_login(thiefs, gate)
    assert await alices.coatcheck.disable_account(alice)
    assert (await finished(login, gate)).status_code == 401
    assert await alices.stored_hash(alice) == before
    assert await alices.session_ids(alice) == set()


async def test_deleting_the_account_meanwhile_wins(alices: Process, thiefs: Process, gate: GatedPasswords) -> None:
    alice = await alices.register()
    token = await alices.token()
    login = await stopped_login(thiefs, gate)
    assert (await alices.delete(token)).status_code == 204
    assert (await finished(login, gate)).status_code == 401
    assert await alices.stored_hash(alice) is None
    assert await alices.session_ids(alice) == set()


async def test_a_new_owner_of_the_name_is_not_the_one_who_was_verified(
    alices: Process, thiefs: Process, gate: GatedPasswords
) -> None:
    await alices.register()
    token = await alices.token()
    login = await stopped_login(thiefs, gate)
    assert (await alices.delete(token)).status_code == 204
    newcomer = await alices.register(NEW)
    assert (await finished(login, gate)).status_code == 401
    assert await alices.session_ids(newcomer) == set()


async def test_a_change_back_to_the_same_password_is_found_by_looking_again(
    alices: Process, thiefs: Process, gate: GatedPasswords
) -> None:
    """The hash is another one, so the verdict is void; the second look finds the password right."""
    alice = await alices.register()
    token = await alices.token()
    login = await stopped_login(thiefs, gate)
    assert (await alices.change_password(token, OLD, OLD)).status_code == 204
    answer = await finished(login, gate)
    assert answer.status_code == 200
    opened = answer.json()["access_token"]
    assert await alices.session_ids(alice) == {claims(token)["sid"], claims(opened)["sid"]}


async def test_a_rehash_meanwhile_does_not_turn_the_owner_away(
    alices: Process, thiefs: Process, gate: GatedPasswords
) -> None:
    await alices.register()
    logins = [asyncio.create_task(thiefs.log_in(OLD)) for _ in range(5)]
    await gate.arrived(len(logins))
    gate.open.set()
    assert [(await login).status_code for login in logins] == [200] * len(logins)
