"""A thief's token was ended, but the server that he asks cannot hear of it: its listening connection is closed, or
a firewall swallows it and leaves it open, or the whole process stood still. He may not go on for longer than a
second, the owners of living sessions are not to notice anything, and nobody has to repair it by hand."""

import asyncio
import os
import re
import signal
import time
from collections.abc import Generator
from contextlib import contextmanager
from urllib.parse import urlsplit

import pytest

from tests.database.proxy import Cut, Proxy
from tests.faults.conftest import Connect, Start
from tests.faults.wire import Wire, written
from tests.support.postgresql import Cluster
from tests.support.server import Server

pytestmark = pytest.mark.postgresql

BOUND_SECONDS = 1.0
CUT_SECONDS = 3.0
STOPPED_SECONDS = 10.0
HEALED_SECONDS = 6.0
LIVING = 4
CREDENTIALS = {"username": "alice", "password": "secret123"}
# The heartbeat has a channel of its own; the pool's connections never name it.
HEARTBEAT = re.compile(rb"coatcheck_[0-9a-f]{16}")
END_LISTENING = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() "
    "AND pid <> pg_backend_pid() AND query LIKE '%revocations%' AND query LIKE '%UNION ALL%'"
)


async def token_of(wire: Wire) -> str:
    answer = await wire.request("POST", "/login", CREDENTIALS)
    assert answer.status == 200, answer.body
    return str(answer.json()["access_token"])


async def seconds_until_current(wire: Wire) -> float:
    """How long it takes until a server says that it knows by itself again."""
    began = time.monotonic()
    while (await wire.request("GET", "/ready")).json()["revocations"] != "current":
        assert time.monotonic() - began < HEALED_SECONDS
    return time.monotonic() - began


class Thieves:
    """Sessions that end at one server, and how long the other one still accepts them."""

    def __init__(self, connect: Connect, here: Server, there: Server) -> None:
        self._connect, self._here, self._there = connect, here, there
        self.longest = 0.0
        self.ended: list[str] = []
        self.asked_by_the_living = 0
        self._going_on = True
        self._works: list[asyncio.Task[None]] = []

    async def begin(self) -> None:
        """Register, log in, and go to work."""
        ours = self._connect(self._here.port)
        assert (await ours.request("POST", "/register", CREDENTIALS)).status == 201
        self.living = [await token_of(ours) for _ in range(LIVING)]
        works = [*(self._live(token) for token in self.living), *(self._end_and_try() for _ in range(2))]
        self._works = [asyncio.create_task(work) for work in works]

    async def end(self) -> None:
        """Stop; fails if any of them saw something wrong. No ended session may have come to life again."""
        self._going_on = False
        await asyncio.gather(*self._works)
        theirs = self._connect(self._there.port)
        for token in self.ended:
            assert (await theirs.request("GET", "/me", token=token)).status == 401

    async def work_for(self, seconds: float) -> None:
        """Time passes, and fails at once where one of them fails."""
        done, others = await asyncio.wait(self._works, timeout=seconds, return_when=asyncio.FIRST_EXCEPTION)
        if done:
            for work in others:
                work.cancel()
            await asyncio.gather(*others, return_exceptions=True)
            await asyncio.gather(*done)

    async def until_current(self) -> float:
        """How many seconds it takes until the other server knows by itself again."""
        return await seconds_until_current(self._connect(self._there.port))

    async def _live(self, token: str) -> None:
        wire = self._connect(self._there.port)
        while self._going_on:
            answer = await wire.request("GET", "/me", token=token)
            assert answer.status == 200, answer.body
            self.asked_by_the_living += 1
            await asyncio.sleep(0.005)

    async def _end_and_try(self) -> None:
        ours, theirs = self._connect(self._here.port), self._connect(self._there.port)
        while self._going_on:
            token = await token_of(ours)
            assert (await theirs.request("GET", "/me", token=token)).status == 200
            assert (await ours.request("POST", "/logout", token=token)).status == 204
            acknowledged = time.monotonic()
            self.ended.append(token)
            while True:
                sent = time.monotonic() - acknowledged
                answer = await theirs.request("GET", "/me", token=token)
                assert answer.status in {200, 401}, answer.body
                if answer.status == 401:
                    break
                assert sent < BOUND_SECONDS
                self.longest = max(self.longest, sent)
                await asyncio.sleep(0.002)


@contextmanager
def proxied(cluster: Cluster, url: str, which: str) -> Generator[tuple[Proxy, dict[str, str]]]:
    """A proxy in front of one of the feed's two connections, and the settings of a server behind it."""
    with Proxy(cluster, only=HEARTBEAT if which == "heartbeat" else None) as proxy:
        through = proxy.url(urlsplit(url).path[1:])
        if which == "heartbeat":
            yield proxy, {"DATABASE_URL": through, "DATABASE_LISTEN_URL": url}
        else:
            yield proxy, {"DATABASE_URL": url, "DATABASE_LISTEN_URL": through}


@pytest.mark.slow
@pytest.mark.parametrize("which", ["listening", "heartbeat"])
@pytest.mark.parametrize("how", ["closed", "black-holed"])
async def test_an_ended_session_goes_on_for_a_second_at_most_and_nobody_else_is_refused(
    start: Start, connect: Connect, cluster: Cluster, postgresql_url: str, which: str, how: Cut
) -> None:
    with proxied(cluster, postgresql_url, which) as (proxy, settings):
        here, there = start(DATABASE_URL=postgresql_url), start(**settings)
        thieves = Thieves(connect, here, there)
        await thieves.begin()
        await thieves.until_current()
        await thieves.work_for(0.5)
        proxy.cut(how)
        await thieves.work_for(CUT_SECONDS)
        wire = connect(there.port)
        assert (await wire.request("GET", "/ready")).json()["revocations"] == "asking the database"
        proxy.heal()
        healed = await thieves.until_current()
        await thieves.work_for(0.5)
        await thieves.end()
        there.stop()
    print(
        f"\n{which} {how}: {len(thieves.ended)} ended, accepted for {thieves.longest * 1000:.0f} ms at most; "
        f"{thieves.asked_by_the_living} requests of living sessions; current again after {healed:.2f} s"
    )


async def test_connections_that_an_administrator_ends_let_nobody_go_on(
    start: Start, connect: Connect, cluster: Cluster, postgresql_url: str
) -> None:
    here, there = start(DATABASE_URL=postgresql_url), start(DATABASE_URL=postgresql_url)
    name = urlsplit(postgresql_url).path[1:]
    thieves = Thieves(connect, here, there)
    await thieves.begin()
    await thieves.until_current()
    longest = 0.0
    for _ in range(3):
        await thieves.work_for(0.3)
        assert cluster.run(END_LISTENING, name), "nobody listened"
        longest = max(longest, await thieves.until_current())
    await thieves.end()
    print(
        f"\n{len(thieves.ended)} ended, accepted for {thieves.longest * 1000:.0f} ms at most; healed {longest:.2f} s"
    )


@pytest.mark.slow
async def test_a_process_that_stood_still_refuses_what_ended_meanwhile(
    start: Start, connect: Connect, postgresql_url: str
) -> None:
    """The thief's requests wait in its sockets and are the first thing that it sees. (On new connections: a
    server that wakes up closes those that were idle for 5 s.)"""
    here, there = start(DATABASE_URL=postgresql_url), start(DATABASE_URL=postgresql_url)
    ours, ready = connect(here.port), connect(there.port)
    assert (await ours.request("POST", "/register", CREDENTIALS)).status == 201
    living, ended = [await token_of(ours) for _ in range(10)], [await token_of(ours) for _ in range(10)]
    for token in [*ended, *living]:
        assert (await ready.request("GET", "/me", token=token)).status == 200
    await seconds_until_current(ready)
    os.kill(there.process.pid, signal.SIGSTOP)
    try:
        for token in ended:
            assert (await ours.request("POST", "/logout", token=token)).status == 204
        wires = [connect(there.port) for _ in (*ended, *living)]
        for wire, token in zip(wires, [*ended, *living], strict=True):
            await wire.send(written("GET", "/me", token=token))
        await asyncio.sleep(STOPPED_SECONDS)
    finally:
        os.kill(there.process.pid, signal.SIGCONT)
    continued = time.monotonic()
    statuses = [answer.status for answer in await asyncio.gather(*(wire.answer() for wire in wires))]
    assert statuses == [401] * len(ended) + [200] * len(living)
    ready = connect(there.port)
    await seconds_until_current(ready)
    print(f"\ncurrent again {time.monotonic() - continued:.2f} s after it was continued")
    statuses = [(await ready.request("GET", "/me", token=token)).status for token in [*ended, *living]]
    assert statuses == [401] * len(ended) + [200] * len(living)
