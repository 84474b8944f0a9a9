"""Whoever holds a stolen session and the old password changes it at the moment its owner does. Both
were found right; one wins, the other is told so and has changed nothing."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.faults.two_processes import NEW, OLD, GatedPasswords, Process, claims, process

OTHER = "a third password"


@pytest_asyncio.fixture
async def free(tmp_path: Path, database_url: str) -> AsyncIterator[Process]:
    """A process that stops nowhere."""
    async with process(tmp_path, database_url) as running:
        yield running


@pytest_asyncio.fixture
async def gated(tmp_path: Path, database_url: str, free: Process) -> AsyncIterator[Process]:
    """A process that stops after each verdict."""
    async with process(tmp_path, database_url) as running:
        yield running


@pytest.fixture
def gate(gated: Process) -> GatedPasswords:
    return gated.gate()


async def test_of_two_changes_with_the_same_old_password_one_wins(
    free: Process, gated: Process, gate: GatedPasswords
) -> None:
    alice = await free.register()
    tokens = {NEW: await free.token(), OTHER: await free.token()}
    changes = {new: asyncio.create_task(gated.change_password(token, OLD, new)) for new, token in tokens.items()}
    await gate.arrived(len(changes))
    gate.open.set()
    statuses = {new: (await change).status_code for new, change in changes.items()}
    assert sorted(statuses.values()) == [204, 400]
    (winner,) = [new for new, status in statuses.items() if status == 204]
    (loser,) = set(tokens) - {winner}
    assert (await free.log_in(loser)).status_code == 401
    assert (await free.log_in(OLD)).status_code == 401
    assert await free.refuses(tokens[loser])
    assert await free.session_ids(alice) == {claims(tokens[winner])["sid"]}
    assert (await free.log_in(winner)).status_code == 200


async def test_a_change_of_another_process_wins(free: Process, gated: Process, gate: GatedPasswords) -> None:
    await free.register()
    first, second = await free.token(), await free.token()
    change = asyncio.create_task(gated.change_password(second, OLD, OTHER))
    await gate.arrived()
    assert (await free.change_password(first, OLD, NEW)).status_code == 204
    gate.open.set()
    assert (await change).status_code in {400, 401}
    assert (await free.log_in(OTHER)).status_code == 401
    assert (await free.log_in(NEW)).status_code == 200


async def test_disabling_meanwhile_wins_against_a_change(free: Process, gated: Process, gate: GatedPasswords) -> None:
    alice = await free.register()
    token = await free.token()
    before = await free.stored_hash(alice)
    change = asyncio.create_task(gated.change_password(token, OLD, NEW))
    await gate.arrived()
    assert await free.coatcheck.disable_account(alice)
    gate.open.set()
    assert (await change).status_code == 401
    assert await free.stored_hash(alice) == before


async def test_deleting_meanwhile_wins_against_a_change(free: Process, gated: Process, gate: GatedPasswords) -> None:
    alice = await free.register()
    token = await free.token()
    change = asyncio.create_task(gated.change_password(token, OLD, NEW))
    await gate.arrived()
    assert (await free.delete(token)).status_code == 204
    gate.open.set()
    assert (await change).status_code == 401
    assert await free.stored_hash(alice) is None


async def test_a_login_meanwhile_does_not_survive_the_change(
    free: Process, gated: Process, gate: GatedPasswords
) -> None:
    alice = await free.register()
    token = await free.token()
    change = asyncio.create_task(gated.change_password(token, OLD, NEW))
    await gate.arrived()
    opened_meanwhile = await free.token(OLD)
    gate.open.set()
    assert (await change).status_code == 204
    assert await free.refuses(opened_meanwhile)
    assert await free.session_ids(alice) == {claims(token)["sid"]}
