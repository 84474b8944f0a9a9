"""Signing keys are rows, wrapped; whoever starts first makes the first one."""

import asyncio
from collections.abc import AsyncGenerator
from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from coatcheck.database import Database
from coatcheck.database.migrate import Migrations
from coatcheck.keys import Secret, check, exist, load_signing_keys
from coatcheck.problems import StartRefused

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
async def database(database_url: str) -> AsyncGenerator[Database, None]:
    await asyncio.to_thread(Migrations(database_url, ["coatcheck.migrations"]).upgrade)
    database = Database(database_url)
    await database.open()
    yield database
    await database.close()


async def test_the_first_key_is_made_once(database: Database) -> None:
    secret = Secret(Secret.new_text())
    first = await load_signing_keys(database, secret, NOW)
    assert len(first) == 1
    assert await load_signing_keys(database, secret, NOW) == first


async def test_processes_that_start_at_once_agree_on_one_key(database: Database, database_url: str) -> None:
    secret = Secret(Secret.new_text())
    others = [Database(database_url) for _ in range(5)]
    for other in others:
        await other.open()
    loaded = await asyncio.gather(*(load_signing_keys(other, secret, NOW) for other in others))
    for other in others:
        await other.close()
    assert len({key_id for keys in loaded for key_id in keys}) == 1


async def test_a_dump_holds_no_usable_key(database: Database) -> None:
    keys = await load_signing_keys(database, Secret(Secret.new_text()), NOW)
    (key,) = keys.values()
    (row,) = await database.all(text("SELECT wrapped FROM coatcheck_keys"))
    assert key.seed not in bytes(row[0])


async def test_a_secret_that_does_not_belong_is_told_so(database: Database) -> None:
    right, wrong = Secret(Secret.new_text()), Secret(Secret.new_text())
    assert not await exist(database)
    await check(database, wrong)  # nothing there yet: any will do
    await load_signing_keys(database, right, NOW)
    assert await exist(database)
    await check(database, right)
    with pytest.raises(StartRefused, match=r"does not belong to the database .*Set COATCHECK_SECRET"):
        await check(database, wrong)
    with pytest.raises(StartRefused):
        await load_signing_keys(database, wrong, NOW)


async def test_a_database_without_tables_holds_no_keys(tmp_path_factory: pytest.TempPathFactory) -> None:
    database = Database(f"sqlite:///{tmp_path_factory.mktemp('empty') / 'new.db'}")
    await database.open()
    assert not await exist(database)
    await check(database, Secret(Secret.new_text()))
    await database.close()
