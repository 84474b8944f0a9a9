"""The feed is cut off. A revoked session must not go on because its end could not be heard.

A cut is a closed connection, a black hole (traffic is swallowed, the connection stays open and reports itself so), a
process that stood still. From one second after the cut on the feed says that it is not current; whenever it says that
it is, it knows everything that was committed longer than a second before. And it heals by itself.
"""

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from coatcheck.database import Database
from tests.database.address import Address
from tests.database.heard import BOUND_SECONDS, Heard, add, becomes, loaded, threads
from tests.database.onlooker import is_ready, start
from tests.database.proxy import Cut, Proxy
from tests.support.postgresql import Cluster

pytestmark = [pytest.mark.postgresql, pytest.mark.slow]

CUT_SECONDS = 2.5
HEALED_SECONDS = 6.0
END_ALL = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
)


@pytest.fixture
def address(postgresql_address: Address) -> Address:
    return postgresql_address


@pytest.fixture
def proxies(cluster: Cluster) -> Iterator[dict[str, Proxy]]:
    """One in front of each connection of the feed."""
    with ExitStack() as open_:
        yield {which: open_.enter_context(Proxy(cluster)) for which in ("listening", "heartbeat")}


@pytest.fixture
async def heard(address: Address, proxies: dict[str, Proxy]) -> AsyncIterator[Heard]:
    """A feed whose two connections go through the proxies, current."""
    database = Database(proxies["heartbeat"].url(address.name), listen_url=proxies["listening"].url(address.name))
    await database.open()
    heard = Heard(database)
    assert await heard.is_current()
    yield heard
    began = time.monotonic()
    await database.close()
    assert time.monotonic() - began < loaded(0.5)


class Ledger:
    """What was committed, and when that was known."""

    def __init__(self, database: Database, heard: Heard) -> None:
        self._database = database
        self._heard = heard
        self.committed: dict[str, float] = {}
        self.current = 0

    async def step(self) -> bool:
        """Commit one more, and ask; whoever is told "current" must know what is older than the bound."""
        name = f"name{len(self.committed)}"
        await add(self._database, name)
        self.committed[name] = time.monotonic()
        asked_at = time.monotonic()
        current = await self._heard.changes.current()
        if current:
            self.current += 1
            due = {name for name, at in self.committed.items() if at < asked_at - BOUND_SECONDS}
            assert due <= self._heard.names, due - self._heard.names
        await asyncio.sleep(0.005)
        return current

    async def until_current(self) -> float:
        """How many seconds that takes; afterwards it knows everything."""
        began = time.monotonic()
        while not await self.step():
            assert time.monotonic() - began < HEALED_SECONDS
        took = time.monotonic() - began
        assert await self._heard.hears(*self.committed)
        return took


@pytest.mark.parametrize("which", ["listening", "heartbeat"])
@pytest.mark.parametrize("how", ["closed", "black-holed"])
async def test_a_cut_feed_is_not_current_after_a_second_and_heals(
    database: Database, heard: Heard, proxies: dict[str, Proxy], which: str, how: Cut
) -> None:
    ledger = Ledger(database, heard)
    for _ in range(2):
        await ledger.until_current()
        proxies[which].cut(how)
        cut_at = time.monotonic()
        while time.monotonic() < cut_at + CUT_SECONDS:
            asked_at = time.monotonic()
            assert not await ledger.step() or asked_at < cut_at + BOUND_SECONDS
        proxies[which].heal()
        print(f"\n{which} {how}: current again after {await ledger.until_current():.2f} s")


@pytest.mark.parametrize("which", ["listening", "heartbeat"])
async def test_a_black_hole_in_the_middle_of_connecting_heals_too(
    database: Database, heard: Heard, proxies: dict[str, Proxy], which: str
) -> None:
    """Closed first, so that the next attempt to connect falls into the hole."""
    ledger = Ledger(database, heard)
    proxies[which].cut("closed")
    proxies[which].cut("black-holed")
    cut_at = time.monotonic()
    while time.monotonic() < cut_at + CUT_SECONDS:
        await ledger.step()
    proxies[which].heal()
    await ledger.until_current()


async def test_news_that_arrive_late_are_not_taken_for_new(
    database: Database, heard: Heard, proxies: dict[str, Proxy]
) -> None:
    """What comes back is as old as its sending: on a line that holds everything up for longer than the bound,
    nothing is ever current."""
    ledger = Ledger(database, heard)
    proxies["listening"].delay_seconds = BOUND_SECONDS + 0.2
    slow_since = time.monotonic()
    while time.monotonic() < slow_since + CUT_SECONDS:
        asked_at = time.monotonic()
        assert not await ledger.step() or asked_at < slow_since + BOUND_SECONDS
    assert len(heard.announced) > 10
    proxies["listening"].delay_seconds = 0
    await ledger.until_current()


async def test_connections_that_an_administrator_ends_come_back_at_once(
    heard: Heard, database: Database, cluster: Cluster, address: Address
) -> None:
    for number in range(5):
        assert cluster.run(END_ALL, address.name)
        await add(database, f"name{number}")
        assert await heard.hears(f"name{number}")
        assert await heard.is_current(1.5)


async def test_a_process_that_stood_still_does_not_take_what_it_knew_for_new(
    database: Database, address: Address
) -> None:
    """10 s of SIGSTOP: its connections are open, and the news waits in them."""
    watcher = start(sys.executable, "-m", "tests.database.watcher", address.url, address.url)
    assert is_ready(watcher)
    assert watcher.stdin is not None
    assert watcher.stdout is not None
    os.kill(watcher.pid, signal.SIGSTOP)
    try:
        await add(database, "revoked meanwhile")
        watcher.stdin.write("\n".join(["look"] * 300) + "\n")
        watcher.stdin.flush()
        await asyncio.sleep(10)
        continued_at = time.monotonic()
    finally:
        os.kill(watcher.pid, signal.SIGCONT)
    answers: list[dict[str, Any]] = []
    while not answers or not answers[-1]["current"]:
        answers.append(json.loads(await asyncio.to_thread(watcher.stdout.readline)))
        watcher.stdin.write("look\n")
        watcher.stdin.flush()
    assert answers[-1]["names"] == ["revoked meanwhile"]
    assert time.monotonic() - continued_at < 2
    watcher.kill()
    watcher.communicate()


@pytest.mark.parametrize("which", ["listening", "heartbeat"])
@pytest.mark.parametrize("how", ["closed", "black-holed"])
async def test_a_cut_does_not_hold_up_the_end(heard: Heard, proxies: dict[str, Proxy], which: str, how: Cut) -> None:
    """First while a statement waits for its answer, then at the steps of connecting anew."""
    proxies[which].cut(how)
    for pause in (0.4, *(0.13,) * 8):
        await asyncio.sleep(pause)
        began = time.monotonic()
        await heard.changes.close()
        assert time.monotonic() - began < loaded(0.3)
        assert await becomes(0, threads)
        await heard.changes.current()
