"""The price of a guess rises with the cost of a hash, so a raised setting must reach old accounts: at
their next login, the only moment when the password is known. It may not half happen."""

import asyncio
import itertools
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from coatcheck.passwords import Cost, Verdict
from tests.faults.two_processes import DEARER, NEW, OLD, GatedPasswords, process

REFUSE_SESSIONS = {
    "sqlite": ["CREATE TRIGGER refuse BEFORE INSERT ON coatcheck_sessions BEGIN SELECT RAISE(ABORT, 'refused'); END"],
    "postgresql": [
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'refused'; END $$",
        "CREATE TRIGGER refuse BEFORE INSERT ON coatcheck_sessions EXECUTE FUNCTION refuse()",
    ],
}


async def test_a_raised_cost_reaches_the_hash_at_the_next_login(tmp_path: Path, database_url: str) -> None:
    async with process(tmp_path, database_url) as before:
        alice = await before.register()
        first = await before.stored_hash(alice)
    async with process(tmp_path, database_url, argon2_memory_kib=64, argon2_time_cost=3) as after:
        assert (await after.log_in(NEW)).status_code == 401
        assert await after.stored_hash(alice) == first
        token = await after.token(OLD)
        renewed = await after.stored_hash(alice)
        assert renewed is not None
        assert "$argon2id$v=19$m=64,t=3,p=1$" in renewed
        assert await after.who(token) == 200
        await after.token(OLD)
        assert await after.stored_hash(alice) == renewed


async def test_a_rehash_is_stored_together_with_its_session_or_not_at_all(tmp_path: Path, database_url: str) -> None:
    async with process(tmp_path, database_url) as before:
        alice = await before.register()
        stored = await before.stored_hash(alice)
    async with process(tmp_path, database_url, argon2_time_cost=2) as after:
        database = after.coatcheck.database
        for statement in REFUSE_SESSIONS[database.dialect]:
            await database.execute(text(statement))
        assert (await after.log_in(OLD)).status_code >= 400
        assert await after.stored_hash(alice) == stored


@pytest.mark.parametrize("raised", [1, 2], ids=["as-it-is", "rehash-due"])
async def test_ten_logins_at_once_all_get_in(tmp_path: Path, database_url: str, raised: int) -> None:
    async with process(tmp_path, database_url) as before:
        alice = await before.register()
    async with process(tmp_path, database_url, argon2_time_cost=raised) as after:
        answers = await asyncio.gather(*(after.log_in(OLD) for _ in range(10)))
        assert [answer.status_code for answer in answers] == [200] * 10
        assert len(await after.session_ids(alice)) == 10


async def test_while_two_processes_want_different_costs_nobody_is_told_that_a_right_password_is_wrong(
    tmp_path: Path, database_url: str
) -> None:
    async with (
        process(tmp_path, database_url) as one,
        process(tmp_path, database_url, argon2_time_cost=2) as other,
    ):
        await one.register()
        for _ in range(10):
            logins = (process.log_in(OLD) for process in [one, other] * 4)
            answers = await asyncio.gather(*logins)
            assert [answer.status_code for answer in answers] == [200] * 8


class Overtaken(GatedPasswords):
    """Each time somebody else stores another hash of the same password first."""

    overtake: Any = None

    async def verify(self, *args: Any, **kwargs: Any) -> Verdict:
        verdict = await super().verify(*args, **kwargs)
        await self.overtake()
        return verdict


async def test_who_is_overtaken_again_and_again_is_told_to_come_back(tmp_path: Path, database_url: str) -> None:
    async with (
        process(tmp_path, database_url, throttle=True) as one,
        process(tmp_path, database_url, throttle=True) as other,
    ):
        alice = await one.register()
        token = await one.token()
        one.gate(DEARER).open.set()
        passwords = one.coatcheck.login._passwords
        assert isinstance(passwords, GatedPasswords)
        passwords.__class__ = Overtaken
        assert isinstance(passwords, Overtaken)
        costs = itertools.count(3)

        async def overtake() -> None:
            other.gate(Cost(memory_kib=8, iterations=next(costs), lanes=1)).open.set()
            assert (await other.log_in(OLD)).status_code == 200

        passwords.overtake = overtake
        for answer in (await one.log_in(OLD), await one.change_password(token, OLD, NEW)):
            assert answer.status_code == 503, answer.text
            assert answer.headers["retry-after"] == "1"
        assert (await one.log_in(NEW)).status_code == 401
        passwords.overtake = passwords.open.wait  # no more
        assert await one.who(token) == 200
        assert (await one.log_in(OLD)).status_code == 200
        assert await one.stored_hash(alice)
