"""A server that is stopped has a second, whatever its database does, and leaves nothing open."""

import asyncio
import time
from pathlib import Path

import pytest
from sqlalchemy import text

from coatcheck.database import Database, DatabaseUnavailable
from tests.database.proxy import Cut, Proxy
from tests.faults.two_processes import process
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
