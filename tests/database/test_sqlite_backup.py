"""A backup is a consistent copy, made while the database is in use."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from coatcheck.database import Database, DatabaseUnavailable
from tests.database.address import Address
from tests.database.contract_transactions import add_with_child
from tests.database.test_sqlite_lost_batches import no_larger_files_than
from tests.database.things import ADD_KIND, NAMES, kind
from tests.support.postgresql import Cluster


async def test_it_is_consistent_while_others_write(database: Database, tmp_path: Path) -> None:
    going = True

    async def write(number: int) -> None:
        turn = 0
        while going:
            await add_with_child(database, f"{number} {turn}")
            turn += 1

    writing = [asyncio.create_task(write(number)) for number in range(8)]
    counts = []
    for number in range(4):
        acknowledged = len(await database.all(NAMES))
        await database.backup(tmp_path / f"copy{number}.db")
        with closing(sqlite3.connect(tmp_path / f"copy{number}.db")) as copy:
            assert copy.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            ((parents,),) = copy.execute("SELECT count(*) FROM parents").fetchall()
            assert copy.execute("SELECT count(*) FROM children").fetchall() == [(parents,)]
        assert parents >= acknowledged
        counts.append(parents)
        await asyncio.sleep(0.01)
    going = False
    await asyncio.gather(*writing)
    assert counts[-1] > counts[0]


async def test_it_is_a_database_that_can_be_opened(database: Database, tmp_path: Path) -> None:
    await add_with_child(database, "alice")
    await database.backup(tmp_path / "copy of 100%?.db")
    copy = Database(f"sqlite:///{tmp_path}/copy of 100%25%3F.db")
    await copy.open()
    assert await copy.all(NAMES) == [("alice",)]
    assert await add_with_child(copy, "bob") == 2  # the ids go on
    await copy.close()


async def test_it_never_overwrites(database: Database, tmp_path: Path, file: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_text("not to be lost")
    dangling = tmp_path / "link"
    dangling.symlink_to(tmp_path / "nowhere")
    for target in (precious, file, dangling):
        with pytest.raises(FileExistsError):
            await database.backup(target)
    assert precious.read_text() == "not to be lost"
    assert not (tmp_path / "nowhere").exists()


async def test_what_failed_half_way_leaves_nothing_that_looks_like_a_backup(
    database: Database, tmp_path: Path
) -> None:
    await database.one(ADD_KIND, kind(raw=bytes(2_000_000)))
    target = tmp_path / "copy.db"
    with no_larger_files_than(1_000_000), pytest.raises(DatabaseUnavailable):
        await database.backup(target)
    assert not target.exists()
    await database.backup(target)


async def test_where_the_folder_is_missing_nothing_is_made(database: Database, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        await database.backup(tmp_path / "missing" / "copy.db")


async def test_a_closed_database_is_unavailable(address: Address, tmp_path: Path) -> None:
    database = address.database()
    with pytest.raises(DatabaseUnavailable):
        await database.backup(tmp_path / "copy.db")


@pytest.mark.postgresql
async def test_postgresql_has_a_tool_of_its_own(cluster: Cluster, tmp_path: Path) -> None:
    with pytest.raises(NotImplementedError, match=r"pg_dump --format=custom --file="):
        await Database(cluster.url("postgres")).backup(tmp_path / "copy.dump")
