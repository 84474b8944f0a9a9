"""The feed on SQLite: a look after another process's commit sees it, whatever else is being read or recovered."""

import asyncio
import sqlite3
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from coatcheck.database import Database, DatabaseUnavailable
from tests.database.address import Address
from tests.database.heard import LOG, Heard
from tests.database.inside import read_connection
from tests.database.onlooker import Onlooker, is_ready, start
from tests.database.test_sqlite_reads import RECOVERING
from tests.database.things import ADD_QUIETLY, NAMES

ADD_MANY = text(
    "WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 2000) "
    "INSERT INTO parents (name) SELECT :prefix || n FROM numbers"
)


async def test_the_first_look_after_a_commit_of_any_process_sees_it(database: Database, address: Address) -> None:
    """Nothing is announced here: the file itself tells, also of a command line and of plain SQL."""
    heard = Heard(database)
    with Onlooker(address.plain) as other:
        for number in range(20):
            other.rows(f"INSERT INTO parents (name) VALUES ('name{number}')")
            assert await heard.changes.current()
            assert len(heard.read) == number + 1  # each once
        other.rows("BEGIN IMMEDIATE")
        other.rows("INSERT INTO parents (name) VALUES ('undone')")
        assert await heard.changes.current()
        other.rows("ROLLBACK")
        assert await heard.changes.current()
        assert len(heard.read) == 20


async def test_while_nothing_is_committed_nothing_is_read(database: Database) -> None:
    """It is asked once for each request."""
    heard = Heard(database)
    await database.execute(ADD_QUIETLY, {"name": "alice"})
    assert await heard.changes.current()
    statements: list[str] = []
    _connection(heard).set_trace_callback(statements.append)
    for _ in range(3):
        assert await heard.changes.current()
    assert statements == ["PRAGMA data_version"] * 3


async def test_half_read_cursors_elsewhere_do_not_hold_it_still(database: Database, address: Address) -> None:
    heard = Heard(database)
    for number in range(3):
        await database.execute(ADD_QUIETLY, {"name": f"name{number}"})
    assert await heard.changes.current()
    half_read = read_connection(database).execute("SELECT name FROM parents")
    assert half_read.fetchone()
    with Onlooker(address.plain) as other:
        other.rows("INSERT INTO parents (name) VALUES ('one more')")
        assert len(await database.all(NAMES)) == 3  # frozen, as feared
        assert await heard.changes.current()
        assert "one more" in heard.names
    half_read.close()


async def test_rows_that_could_not_be_taken_in_come_again(database: Database) -> None:
    heard = Heard(database)
    await database.execute(ADD_QUIETLY, {"name": "alice"})
    take, heard.changes._rows = heard.changes._rows, lambda _: 1 // 0  # type: ignore[attr-defined]
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            await heard.changes.current()
    heard.changes._rows = take  # type: ignore[attr-defined]
    assert await heard.changes.current()
    assert heard.names == {"alice"}


async def test_while_another_process_recovers_the_database_a_look_waits_off_the_loop(
    database: Database, file: Path
) -> None:
    """SQLITE_BUSY_RECOVERY, for real: neither an error nor a wrong "current"."""
    heard = Heard(database)
    await database.execute(ADD_QUIETLY, {"name": "alice"})
    assert await heard.changes.current()
    await database.execute(ADD_QUIETLY, {"name": "bob"})
    other = start(sys.executable, "-c", RECOVERING, f"{file}-shm")
    assert is_ready(other)
    looks = [asyncio.create_task(heard.changes.current()) for _ in range(3)]
    await asyncio.sleep(0.05)
    assert not any(look.done() for look in looks)
    other.communicate("go on\n", timeout=10)
    assert await asyncio.wait_for(asyncio.gather(*looks), 5) == [True] * 3
    assert heard.names == {"alice", "bob"}
    await database.execute(ADD_QUIETLY, {"name": "carol"})
    assert await heard.changes.current()
    assert heard.names == {"alice", "bob", "carol"}


async def test_a_database_that_fails_is_unavailable_and_never_current(database: Database) -> None:
    heard = Heard(database)
    assert await heard.changes.current()
    _connection(heard).close()
    with pytest.raises(Exception, match="closed"):
        await heard.changes.current()
    await database.close()
    with pytest.raises(DatabaseUnavailable):
        await heard.changes.current()


async def test_looks_in_several_threads_see_all_that_was_committed_before_them(database: Database) -> None:
    """While one reads, the version that another sees on the same connection stands still."""
    known: set[str] = set()

    def take(rows: list[Any]) -> int:
        known.update(row.name for row in rows)
        return int(rows[-1].id)

    changes = database.changes("sessions", log=LOG, rows=take, message=known.add)
    committed: list[str] = []
    missed: list[str] = []
    going = True

    async def look() -> None:
        while going:
            last = committed[-1:]
            await changes.current()
            missed.extend(name for name in last if name not in known)

    threads = [threading.Thread(target=lambda: asyncio.run(look())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for number in range(20):
        await database.execute(ADD_MANY, {"prefix": f"many{number} "})
        for few in range(5):
            name = f"one{number} {few}"
            await database.execute(ADD_QUIETLY, {"name": name})
            committed.append(name)
    going = False
    for thread in threads:
        thread.join(10)
    assert missed == []


def _connection(heard: Heard) -> sqlite3.Connection:
    connection: sqlite3.Connection = heard.changes._connection  # type: ignore[attr-defined]
    return connection
