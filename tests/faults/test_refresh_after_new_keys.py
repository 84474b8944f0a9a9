"""All keys were made anew at one server, and another one has not heard of it yet. Somebody whose answer was lost
asks there again: that is no theft, and what the first server gave out goes on."""

import asyncio
import re
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import pytest
import pytest_asyncio

from tests.database.proxy import Proxy
from tests.faults.two_processes import OLD, Process, process
from tests.support.postgresql import Cluster

pytestmark = pytest.mark.postgresql


class TwoServers(NamedTuple):
    """One that makes the keys, and one that believes to hear everything and does not."""

    here: Process
    deaf: Process
    token: str


@pytest_asyncio.fixture
async def servers(cluster: Cluster, postgresql_url: str, tmp_path: Path) -> AsyncIterator[TwoServers]:
    """A family that began under the old keys; then the new ones, not heard of at the deaf server."""
    async with AsyncExitStack() as open_until_then:
        proxy = open_until_then.enter_context(Proxy(cluster, only=re.compile(b"LISTEN")))
        listen = proxy.url(urlsplit(postgresql_url).path.strip("/"))
        here = await open_until_then.enter_async_context(process(tmp_path, postgresql_url))
        deaf = await open_until_then.enter_async_context(
            process(tmp_path, postgresql_url, database_listen_url=listen)
        )
        await here.register()
        body = {"username": "alice", "password": OLD, "refresh": True}
        login = (await here.client.post("/login", json=body)).json()
        began = time.monotonic()
        while not await deaf.coatcheck.sessions.revocations.look():
            assert time.monotonic() - began < 10
            await asyncio.sleep(0.01)
        proxy.cut("black-holed")  # for up to a second it is as if nothing had happened
        await here.coatcheck.keyring.rotate_all()
        yield TwoServers(here, deaf, login["refresh_token"])


async def refresh(at: Process, token: str) -> Any:
    return await at.client.post("/token/refresh", json={"refresh_token": token})


async def test_an_answer_that_was_lost_is_given_again_by_a_server_that_has_not_heard_of_the_keys(
    servers: TwoServers, caplog: pytest.LogCaptureFixture
) -> None:
    lost = (await refresh(servers.here, servers.token)).json()
    again = await refresh(servers.deaf, servers.token)
    assert again.status_code == 200
    assert again.json()["refresh_token"] == lost["refresh_token"]
    assert await servers.here.who(lost["access_token"]) == 200
    assert "second time" not in caplog.text


async def test_a_token_made_under_the_new_keys_is_good_at_a_server_that_has_not_heard_of_them(
    servers: TwoServers,
) -> None:
    second = (await refresh(servers.here, servers.token)).json()["refresh_token"]
    third = await refresh(servers.deaf, second)
    assert third.status_code == 200
    assert await servers.here.who(third.json()["access_token"]) == 200


async def test_a_theft_is_one_there_too(servers: TwoServers) -> None:
    second = (await refresh(servers.here, servers.token)).json()["refresh_token"]
    third = (await refresh(servers.here, second)).json()
    assert (await refresh(servers.deaf, servers.token)).status_code == 401
    assert await servers.here.refuses(third["access_token"])
