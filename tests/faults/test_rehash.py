"""The price of a guess rises with the cost of a hash, so a raised setting must reach old accounts: at
their next login, the only moment when the password is known. It may not half happen."""

import asyncio
from pathlib import Path

import pytest
from sqlalchemy import text

from tests.faults.two_processes import NEW, OLD, process

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
