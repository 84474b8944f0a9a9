"""The database restarts, fails over, is locked by somebody's backup script or has no room, under load. Callers are
told to come again (503, Retry-After) and what was acknowledged stays; nobody restarts the server
afterwards, and nobody gets a 500."""

import asyncio
import resource
import sqlite3
import sys
import time
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from typing import Literal

import pytest

from tests.faults.breakable import BreakableCluster
from tests.faults.conftest import Connect, Start
from tests.faults.ledger import Writer, assert_all_there
from tests.faults.wire import Answer, Wire
from tests.support.person import Person
from tests.support.server import Server

WRITERS = 16
HEALED_WITHIN_SECONDS = 5
# What SQLite's busy handling waits before it gives up, see sqlite_files.BUSY_SECONDS, and some more.
LOCKED_SECONDS = 6
SOME_PAGES = 20_000  # bytes


@pytest.fixture
def postgresql_url(breakable_cluster: BreakableCluster) -> Iterator[str]:
    """A new database on the server that may be stopped."""
    name = breakable_cluster.new_database()
    yield breakable_cluster.url(name)
    breakable_cluster.drop_database(name)


def assert_try_again(answer: Answer) -> None:
    assert answer.status == 503, answer
    assert answer.headers["content-type"] == "application/problem+json"
    assert int(answer.headers["retry-after"]) >= 1
    assert answer.json()["type"] == "urn:coatcheck:problem:database-unavailable"


async def healed(wire: Wire, token: str) -> None:
    """Wait until everything is answered again, several times in a row: no dead connection is left over."""
    deadline = time.monotonic() + HEALED_WITHIN_SECONDS
    in_a_row = 0
    while in_a_row < 30:
        answers = [
            await wire.request("GET", "/ready"),
            await wire.request("GET", "/todos", token=token),
            await wire.request("POST", "/todos", {"title": "Learn JWT"}, token=token),
        ]
        in_a_row = in_a_row + 1 if all(answer.status < 400 for answer in answers) else 0
        assert {answer.status for answer in answers} <= {200, 201, 503}
        assert time.monotonic() < deadline, answers


@pytest.mark.postgresql
@pytest.mark.parametrize("how", ["fast", "immediate"])
async def test_postgresql_stops_and_starts_under_load(
    start: Start,
    connect: Connect,
    breakable_cluster: BreakableCluster,
    postgresql_url: str,
    how: Literal["fast", "immediate"],
) -> None:
    server = start(DATABASE_URL=postgresql_url)
    with server.client() as client:
        person = Person(client)
    wire = connect(server.port)
    writers = [Writer(server.port, f"{how}-{number}") for number in range(WRITERS)]
    lives = [asyncio.create_task(writer.live()) for writer in writers]
    await asyncio.sleep(0.3)
    await asyncio.to_thread(breakable_cluster.go_down, how)
    try:
        assert_try_again(await wire.request("GET", "/todos", token=person.token))
        assert_try_again(await wire.request("GET", "/ready"))
        assert (await wire.request("GET", "/health")).status == 200
        assert_try_again(await wire.request("POST", "/login", person.credentials))
        assert_try_again(await wire.request("POST", "/todos", {"title": "Learn JWT"}, token=person.token))
    finally:
        await asyncio.to_thread(breakable_cluster.come_back)
    await healed(wire, person.token)
    for writer in writers:
        writer.stopped = True
    await asyncio.gather(*lives)
    for answer in [answer for writer in writers for answer in writer.refused]:
        assert_try_again(answer)
    await assert_all_there(server.port, [account for writer in writers for account in writer.accounts])


async def test_a_locked_sqlite_file_is_read_and_written_again_when_it_is_free(start: Start, connect: Connect) -> None:
    server = start()
    with server.client() as client:
        person = Person(client)
    wire, other = connect(server.port), connect(server.port)
    with closing(sqlite3.connect(server.folder / "data" / "coatcheck.db", isolation_level=None)) as script:
        script.execute("BEGIN IMMEDIATE")
        adding = asyncio.create_task(wire.request("POST", "/todos", {"title": "Learn JWT"}, token=person.token))
        await asyncio.sleep(0.1)
        begun = time.monotonic()
        assert (await other.request("GET", "/todos", token=person.token)).json() == []
        assert (await other.request("GET", "/ready")).status == 200
        assert time.monotonic() - begun < 1
        async with asyncio.timeout(LOCKED_SECONDS):
            assert_try_again(await adding)
        script.execute("ROLLBACK")
    await healed(wire, person.token)


@pytest.mark.skipif(sys.platform != "linux", reason="a limit on another process's files is Linux's")
async def test_a_full_disk_is_written_again_when_there_is_room(start: Start) -> None:
    """What shared a commit with the write that found no room is lost with it, and told so."""
    server = start()
    writers = [Writer(server.port, f"full-{number}") for number in range(WRITERS)]
    lives = [asyncio.create_task(writer.live()) for writer in writers]
    await asyncio.sleep(0.3)
    size = max(file.stat().st_size for file in (server.folder / "data").iterdir())
    with room_for(server, size + SOME_PAGES):
        await asyncio.sleep(0.5)
    refused = [answer for writer in writers for answer in writer.refused]
    assert refused
    for answer in refused:
        assert_try_again(answer)
    for writer in writers:
        writer.refused.clear()
    await asyncio.sleep(0.5)
    for writer in writers:
        writer.stopped = True
    await asyncio.gather(*lives)
    assert {answer.status for writer in writers for answer in writer.refused} <= {503}
    assert len([writer for writer in writers if writer.accounts[-1].registered]) > WRITERS / 2
    known = [account for writer in writers for account in writer.accounts]
    await assert_all_there(server.port, known)
    server.stop()
    await assert_all_there(start().port, known)


@contextmanager
def room_for(server: Server, size: int) -> Generator[None]:
    """No file of the server's may grow beyond this size, as on a full disk."""
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
    yield
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
