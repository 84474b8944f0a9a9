"""Reads run in the event loop, on a connection that nothing may freeze.

A single half-read cursor freezes what every later read on that connection sees, revocations included,
and lets the write-ahead log grow without end.
"""

import asyncio
import sqlite3
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from coatcheck.database import Database, DatabaseUnavailable, ReadTooLong
from tests.database.address import Address
from tests.database.heard import Heard
from tests.database.inside import log_size, read_connection
from tests.database.onlooker import Onlooker, is_ready, start
from tests.database.things import ADD_QUIETLY, COUNT, GET, KIND, NAMES

ENDLESS = text(
    "WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 1000000000) "
    "SELECT count(*) FROM numbers"
)


async def test_the_reading_connection_cannot_write(database: Database) -> None:
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        read_connection(database).execute("DELETE FROM parents")
    with pytest.raises(DatabaseUnavailable):
        await database.scan(text("DELETE FROM parents"))


async def test_after_one_and_all_later_reads_see_what_others_commit(database: Database, address: Address) -> None:
    with Onlooker(address.plain) as other:
        other.rows("INSERT INTO parents (name) VALUES ('alice'), ('bob'), ('carol')")
        for number in range(3, 6):
            assert await database.one(NAMES) == ("alice",)  # of several
            assert len(await database.all(NAMES)) == number
            other.rows(f"INSERT INTO parents (name) VALUES ('name{number}')")
            assert (await database.one(COUNT)).number == number + 1


async def test_after_reads_nothing_holds_back_the_checkpoint(
    database: Database, address: Address, file: Path
) -> None:
    with Onlooker(address.plain) as other:
        other.rows("INSERT INTO parents (name) VALUES ('alice'), ('bob'), ('carol')")
        heard = Heard(database)
        await heard.changes.current()
        await database.one(NAMES)
        await database.all(NAMES)
        await database.scan(NAMES)
        other.rows("INSERT INTO parents (name) VALUES ('dave')")
        await heard.changes.current()
        assert other.rows("PRAGMA wal_checkpoint(TRUNCATE)") == [[0, 0, 0]]
    assert log_size(file) == 0


async def test_the_log_does_not_grow_without_end(database: Database, file: Path) -> None:
    async def reader() -> None:
        for _ in range(300):
            await database.all(NAMES)
            await asyncio.sleep(0)

    async def writer(number: int) -> None:
        for turn in range(150):
            await database.execute(ADD_QUIETLY, {"name": f"{number} {turn} {'x' * 30}"})

    await asyncio.gather(reader(), *(writer(number) for number in range(20)))
    assert log_size(file) < 2 * 1_000 * 4_096


RECOVERING = """
import fcntl, struct, sys
with open(sys.argv[1], "r+b", buffering=0) as shared:
    fcntl.lockf(shared, fcntl.LOCK_EX, 3, 120)
    shared.write(bytes(96))
    print("recovering", flush=True)
    sys.stdin.readline()
"""


async def test_while_another_process_recovers_the_database_reads_wait_off_the_loop(
    database: Database, file: Path
) -> None:
    """Another process holds the locks of a recovery on the shared memory, and has voided the index in it
    (https://www.sqlite.org/walformat.html#recovery): SQLITE_BUSY_RECOVERY, for real."""
    await database.execute(ADD_QUIETLY, {"name": "alice"})
    other = start(sys.executable, "-c", RECOVERING, f"{file}-shm")
    assert is_ready(other)
    with pytest.raises(sqlite3.OperationalError, match="locked") as busy:
        read_connection(database).execute("SELECT 1 FROM parents").fetchall()
    assert busy.value.sqlite_errorcode == sqlite3.SQLITE_BUSY_RECOVERY
    reads = [asyncio.create_task(database.one(GET, {"wanted": "alice"})) for _ in range(3)]
    began = time.monotonic()
    for _ in range(10):
        await asyncio.sleep(0.001)
    assert time.monotonic() - began < 1  # the event loop goes on
    assert not any(read.done() for read in reads)
    other.communicate("\n", timeout=5)
    assert [row.name for row in await asyncio.gather(*reads)] == ["alice"] * 3
    assert (await database.one(GET, {"wanted": "alice"})).name == "alice"


async def test_a_moment_that_somebody_else_wrote_comes_back_in_utc(database: Database, address: Address) -> None:
    """SQLAlchemy writes no offset, and neither does a column's default: a host's own tables have such rows."""
    when = datetime(2026, 7, 14, 9, 30, 15, tzinfo=UTC)
    with Onlooker(address.plain) as other:
        for written in ("2026-07-14 09:30:15.000000", "2026-07-14 09:30:15"):
            (wanted,) = other.rows(f"INSERT INTO kinds (moment) VALUES ('{written}') RETURNING id")[0]
            assert (await database.one(KIND, {"wanted": wanted})).moment == when
        (wanted,) = other.rows("INSERT INTO kinds (moment) VALUES (CURRENT_TIMESTAMP) RETURNING id")[0]
    assert abs((await database.one(KIND, {"wanted": wanted})).moment - datetime.now(UTC)) < timedelta(minutes=1)


async def test_a_scan_leaves_the_loop_and_the_other_reads_alone(database: Database) -> None:
    scan = asyncio.create_task(database.scan(ENDLESS, seconds=0.3))
    reads = 0
    while not scan.done():
        await database.execute(ADD_QUIETLY, {"name": f"name{reads}"})
        reads += 1
        assert (await database.one(COUNT)).number == reads
        await asyncio.sleep(0)
    with pytest.raises(ReadTooLong):
        await scan
    assert reads >= 10


async def test_several_scans_run_at_once(database: Database) -> None:
    began = time.monotonic()
    answers = await asyncio.gather(*(database.scan(ENDLESS, seconds=0.2) for _ in range(3)), return_exceptions=True)
    assert {type(answer) for answer in answers} == {ReadTooLong}
    assert time.monotonic() - began < 0.6 * 3


async def test_a_scan_that_ends_in_time_is_whole(database: Database) -> None:
    for number in range(50):
        await database.execute(ADD_QUIETLY, {"name": f"name{number:02}"})
    assert await database.scan(NAMES, seconds=1) == [(f"name{number:02}",) for number in range(50)]
