"""Two programs on one database are one service: they have one issuer, or neither takes the other's tokens."""

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from coatcheck import Coatcheck, Settings
from coatcheck.database import Database
from coatcheck.database.migrate import Migrations
from coatcheck.keys import Secret, adopt_issuer, check_issuer, keep_issuer
from coatcheck.problems import NotStarted, StartRefused
from tests.support.app import CHEAP
from tests.support.command import run
from tests.support.person import Person

ONE, OTHER = "https://one.example", "https://other.example"


@pytest.fixture
async def database(database_url: str) -> AsyncGenerator[Database, None]:
    database = Database(database_url)
    await database.open()
    yield database
    await database.close()


async def test_the_first_issuer_stays(database: Database, database_url: str) -> None:
    await check_issuer(database, ONE)  # nothing there yet, not even the table
    await asyncio.to_thread(Migrations(database_url, ["coatcheck.migrations"]).upgrade)
    await check_issuer(database, ONE)
    await keep_issuer(database, ONE)
    await keep_issuer(database, ONE)
    await check_issuer(database, ONE)
    with pytest.raises(StartRefused, match=f"signs tokens as {ONE}, and COATCHECK_ISSUER is {OTHER} here"):
        await check_issuer(database, OTHER)


async def may_start(database: Database, issuer: str) -> bool:
    try:
        await keep_issuer(database, issuer)
    except StartRefused:  # which a task may not raise: it is a SystemExit
        return False
    return True


async def test_of_two_that_start_at_once_one_is_refused(database: Database, database_url: str) -> None:
    await asyncio.to_thread(Migrations(database_url, ["coatcheck.migrations"]).upgrade)
    second = Database(database_url)
    await second.open()
    assert sorted(await asyncio.gather(may_start(database, ONE), may_start(second, OTHER))) == [False, True]
    await second.close()


async def test_a_service_that_has_moved_adopts_its_new_issuer(database: Database, database_url: str) -> None:
    await asyncio.to_thread(Migrations(database_url, ["coatcheck.migrations"]).upgrade)
    await adopt_issuer(database, ONE)
    await adopt_issuer(database, OTHER)
    await check_issuer(database, OTHER)
    with pytest.raises(StartRefused):
        await check_issuer(database, ONE)


def test_two_apps_share_a_database_and_its_accounts(tmp_path: Path, database_url: str) -> None:
    settings = Settings.read(tmp_path, **CHEAP, database_url=database_url)
    one, other = FastAPI(), FastAPI()
    Coatcheck(one, settings, prefix="")
    Coatcheck(other, settings, prefix="")
    with TestClient(one) as first, TestClient(other) as second:
        person = Person(first)
        assert second.get("/me", headers={"Authorization": f"Bearer {person.token}"}).json()["id"] == person.id


def test_a_second_app_with_another_issuer_is_refused(tmp_path: Path, database_url: str) -> None:
    one, other = FastAPI(), FastAPI()
    Coatcheck(one, Settings.read(tmp_path, **CHEAP, database_url=database_url), prefix="")
    Coatcheck(other, Settings.read(tmp_path, **CHEAP, database_url=database_url, issuer=OTHER), prefix="")
    with TestClient(one), pytest.raises(NotStarted, match="coatcheck adopt-issuer"), TestClient(other):
        pass


def test_the_command_line_adopts_one(tmp_path: Path, database_url: str) -> None:
    url = {"COATCHECK_DATABASE_URL": database_url}
    assert run(tmp_path, "users", "list", **url).returncode == 0
    refused = run(tmp_path, "users", "list", **url, COATCHECK_ISSUER=OTHER)
    assert refused.returncode == 1
    assert refused.stderr.endswith("if the service has moved, run: coatcheck adopt-issuer\n")
    asked = run(tmp_path, "adopt-issuer", **url, COATCHECK_ISSUER=OTHER)
    assert (asked.returncode, "takes --yes" in asked.stderr) == (1, True)
    adopted = run(tmp_path, "adopt-issuer", "--yes", **url, COATCHECK_ISSUER=OTHER)
    assert adopted.stdout == f"The issuer is {OTHER} now. Restart the servers that are running.\n"
    assert adopted.stderr.startswith("Database: ")
    assert run(tmp_path, "users", "list", **url, COATCHECK_ISSUER=OTHER).returncode == 0
    assert run(tmp_path, "users", "list", **url).returncode == 1


def test_in_production_it_makes_no_database(tmp_path: Path) -> None:
    settings = {
        "COATCHECK_ENVIRONMENT": "production",
        "COATCHECK_ISSUER": ONE,
        "COATCHECK_SECRET": Secret.new_text(),
    }
    refused = run(tmp_path, "adopt-issuer", "--yes", **settings)
    assert refused.returncode == 1
    assert "There is no database" in refused.stderr
    assert list(tmp_path.iterdir()) == []
