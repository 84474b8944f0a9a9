"""Somebody has made REPEATABLE READ the default of the database. What waits for another transaction must see what
that one has committed all the same: else a password change would leave the thief's newest session alive."""

import asyncio
from collections import Counter
from pathlib import Path

import pytest

from coatcheck.web import Client
from tests.faults.two_processes import OLD, bearer, process
from tests.support.postgresql import Cluster

pytestmark = pytest.mark.postgresql


@pytest.mark.parametrize("level", ["read committed", "repeatable read", "serializable"])
async def test_the_default_of_the_database_changes_nothing(cluster: Cluster, tmp_path: Path, level: str) -> None:
    name = cluster.new_database()
    cluster.run(f"ALTER DATABASE \"{name}\" SET default_transaction_isolation = '{level}'")
    async with process(tmp_path, cluster.url(name)) as one:
        await one.register()
        token = await one.token()
        account = await one.coatcheck.find_account("alice")
        assert account is not None
        sessions = one.coatcheck.sessions
        opening = await sessions.prepare(account, ("pwd",), Client(None, ""), refresh=True)
        async with one.coatcheck.database.transaction() as tx:
            assert await sessions.open(tx, opening)
            ending = asyncio.create_task(one.client.delete("/sessions", headers=bearer(token)))
            await asyncio.sleep(0.3)  # it waits for the account's row by now
        assert (await ending).status_code == 204
        assert await one.who(opening.access.access_token) == 401

        body = {"username": "alice", "password": OLD, "refresh": True}
        first = {"refresh_token": (await one.client.post("/login", json=body)).json()["refresh_token"]}
        answers = await asyncio.gather(*(one.client.post("/token/refresh", json=first) for _ in range(8)))
        assert Counter(answer.status_code for answer in answers) == {200: 8}
    cluster.drop_database(name)
