"""A server that is stopped has a second, whatever its database does, and leaves nothing open."""

import asyncio
import gc
import sqlite3
import sys
import threading
import time
import weakref
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import text

from coatcheck.database import Database, DatabaseUnavailable, StatementRefused, sqlite_changes
from coatcheck.problems import NotStarted
from tests.database.proxy import Cut, Proxy
from tests.faults.two_processes import process
from tests.support.app import make_app
from tests.support.postgresql import Cluster

SECONDS = 1.5  # measured: 0.8; it was 10


@pytest.mark.postgresql
@pytest.mark.parametrize("how", ["closed", "black-holed"])
async def test_it_ends_in_a_second_while_the_database_is_away(
    cluster: Cluster, postgresql_url: str, tmp_path: Path, how: Cut
) -> None:
    with Proxy(cluster) as proxy:
        ending = process(tmp_path, proxy.url(postgresql_url.partition("?")[0].rpartition("/")[2]))
        one = await ending.__aenter__()
        await one.register()
        assert await one.who(await one.token()) == 200
        proxy.cut(how)
        began = time.monotonic()
        await ending.__aexit__(None, None, None)
        assert time.monotonic() - began < SECONDS


@pytest.mark.postgresql
async def test_whoever_waits_for_a_silent_database_is_told_so_when_it_is_closed(
    cluster: Cluster, postgresql_url: str
) -> None:
    with Proxy(cluster) as proxy:
        database = Database(proxy.url(postgresql_url.partition("?")[0].rpartition("/")[2]))
        await database.open()
        await database.all(text("SELECT 1"))
        proxy.cut("black-holed")
        asking = asyncio.create_task(database.all(text("SELECT 2")))
        await asyncio.sleep(0.05)
        began = time.monotonic()
        await database.close()
        with pytest.raises(DatabaseUnavailable):
            await asking
        assert time.monotonic() - began < SECONDS


@pytest.mark.postgresql
async def test_whoever_gives_up_when_just_connected_leaves_no_connection(
    postgresql_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the event loop is busy, psycopg lets it go on between any two steps."""
    database = Database(postgresql_url)
    await database.open()
    asking: asyncio.Task[Any] | None = None
    real = psycopg.AsyncConnection.set_isolation_level

    async def busy(connection: psycopg.AsyncConnection[Any], value: Any) -> None:
        assert asking is not None
        asking.cancel()
        await asyncio.sleep(0)
        await real(connection, value)

    monkeypatch.setattr(psycopg.AsyncConnection, "set_isolation_level", busy)
    asking = asyncio.create_task(database.all(text("SELECT 1")))
    with pytest.raises(asyncio.CancelledError):
        await asking
    monkeypatch.undo()
    asking = None
    gc.collect()  # psycopg warns of one that is left, and a warning is an error here
    await database.close()


@pytest.mark.postgresql
async def test_a_database_that_nobody_closed_is_forgotten_without_a_word(
    postgresql_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", said.append)
    database = Database(postgresql_url)
    await database.open()
    await database.all(text("SELECT 1"))
    known = weakref.ref(database)
    del database
    gc.collect()
    assert known() is None
    assert said == []


def threads_of_ours() -> set[threading.Thread]:
    """Of whatever this process has run so far."""
    return {thread for thread in threading.enumerate() if thread.name.startswith("coatcheck")}


async def is_closed(database: Database, before: set[threading.Thread]) -> bool:
    try:
        await database.all(text("SELECT 1"))
    except DatabaseUnavailable:
        return threads_of_ours() <= before
    return False


async def test_nothing_stays_open_when_the_last_round_fails(tmp_path: Path, database_url: str) -> None:
    before = threads_of_ours()
    app = make_app(tmp_path, database_url)
    database: Database = app.state.coatcheck.database
    with pytest.raises(StatementRefused):
        async with app.router.lifespan_context(app):
            await database.execute(text("DROP TABLE coatcheck_revocations"))
    assert await is_closed(database, before)


async def test_a_process_that_gets_no_more_is_told_so_in_a_sentence_and_leaves_nothing_open(
    tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, real = threads_of_ours(), threading.Thread.start

    def refuse(thread: threading.Thread) -> None:
        """As the system does; not yet to the threads of asyncio and of the engine, which came before."""
        if thread.name == "coatcheck-changes":
            raise RuntimeError("can't start new thread")
        real(thread)

    def no_file(*_: object) -> None:
        raise sqlite3.OperationalError("unable to open database file")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    monkeypatch.setattr(sqlite_changes, "open_reader", no_file)
    app = make_app(tmp_path, database_url)
    with pytest.raises(NotStarted, match="no more threads or open files"):
        async with app.router.lifespan_context(app):
            pass
    monkeypatch.undo()
    assert await is_closed(app.state.coatcheck.database, before)
