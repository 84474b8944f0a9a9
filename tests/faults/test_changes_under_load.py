"""Keys and the secret are changed while people work. Whoever has to choose between a change of keys and an evening
without complaints puts the change off, for years; so nobody may notice it."""

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from coatcheck.keys import Secret
from tests.faults.clients import PASSWORD, Clients, key_id
from tests.faults.conftest import Connect, Start
from tests.support.command import run
from tests.support.postgresql import free_port
from tests.support.server import Server, install_application

SECONDS = 30.0
ROTATIONS = 4
HOST = "todos.example"


def named(settings: dict[str, str]) -> dict[str, str]:
    return {f"COATCHECK_{name}": value for name, value in settings.items()}


async def command(server: Server, *arguments: str) -> str:
    """What a command beside the servers prints, with the settings of one of them."""
    done = await asyncio.to_thread(run, server.folder, *arguments, "--app", "app:app", **server.settings)
    assert done.returncode == 0, done.stderr
    return done.stdout


async def states(server: Server) -> dict[str, str]:
    """Each signing key's state by its id."""
    lines = (await command(server, "keys", "list", "--json")).splitlines()
    return {key["id"]: key["state"] for key in map(json.loads, lines)}


@asynccontextmanager
async def working(clients: Clients) -> AsyncGenerator[None, None]:
    """They work for as long as the block takes, and 30 s at least; nobody may have failed."""
    await clients.begin()
    deadline = asyncio.get_running_loop().time() + SECONDS
    try:
        yield
        await asyncio.sleep(deadline - asyncio.get_running_loop().time())
    finally:
        await clients.end()
    print(f"\n{clients.summary()}")
    assert clients.failures == []


async def signing_key(connect: Connect, server: Server) -> str:
    """The key with which a server signs."""
    credentials = {"username": "user0", "password": PASSWORD}
    answer = await connect(server.port).request("POST", "/login", credentials)
    return key_id(answer.json()["access_token"])


@pytest.mark.slow
async def test_nobody_notices_that_the_keys_rotate(start: Start, connect: Connect, database_url: str) -> None:
    servers = [start(DATABASE_URL=database_url) for _ in range(2)]
    first = await states(servers[0])
    clients = Clients([server.port for server in servers])
    async with working(clients):
        for _ in range(ROTATIONS):
            await command(servers[0], "keys", "rotate", "--now")
            await asyncio.sleep(1)
        rotated = await states(servers[0])
        await command(servers[0], "keys", "rotate", "--all")
        for server in servers:
            assert await signing_key(connect, server) not in rotated
    last = await states(servers[0])
    (current,) = [key for key, state in last.items() if state == "current"]
    assert {await signing_key(connect, server) for server in servers} == {current}
    assert len(last) == len(first) + ROTATIONS + 2
    # All keys that ever signed were met, the first and the last, but those whose turn was too short.
    assert {current} < clients.key_ids <= set(last)
    assert len(clients.key_ids) >= ROTATIONS


class Restarts:
    """Servers of one installation, restarted one after another."""

    def __init__(self, servers: list[Server]) -> None:
        self._servers = servers
        self._port = 0

    def at(self, port: int) -> bool:
        """Whether the server of this port is being restarted."""
        return port == self._port

    async def all(self, **settings: str | None) -> None:
        """Restart each with settings changed; None takes one away."""
        for server in self._servers:
            self._port = server.port
            assert await asyncio.to_thread(server.stop) == 0
            for name, value in settings.items():
                server.settings.pop(f"COATCHECK_{name}", None)
                if value is not None:
                    server.settings[f"COATCHECK_{name}"] = value
            await asyncio.to_thread(server.start)
            self._port = 0


@pytest.mark.slow
async def test_nobody_notices_that_the_secret_changes(start: Start, tmp_path: Path, database_url: str) -> None:
    """The steps of the manual, in production; a balancer would send people to the server that is there."""
    old, new = Secret.new_text(), Secret.new_text()
    settings = {
        "ENVIRONMENT": "production",
        "ISSUER": f"https://{HOST}",
        "DATABASE_URL": database_url,
        "SECRET": old,
        # The least that production takes, and not what is in CHEAP.
        "ARGON2_MEMORY_KIB": "19456",
        "ARGON2_TIME_COST": "2",
    }
    folder = tmp_path / "installation"
    install_application(folder)
    migrated = await asyncio.to_thread(run, folder, "migrate", "--app", "app:app", **named(settings))
    assert migrated.returncode == 0, migrated.stderr
    servers = [start(PORT=str(free_port()), **settings) for _ in range(2)]
    restarts = Restarts(servers)
    clients = Clients([server.port for server in servers], host=HOST, restarting=restarts.at)
    async with working(clients):
        await restarts.all(SECRET=new, SECRET_PREVIOUS=old)
        told = await command(servers[0], "secret", "rotate")
        assert "Take COATCHECK_SECRET_PREVIOUS away and restart" in told
        await restarts.all(SECRET_PREVIOUS=None)
        await command(servers[0], "keys", "rotate", "--now")
    with_old = await asyncio.to_thread(
        run, folder, "keys", "list", "--app", "app:app", **{**servers[0].settings, "COATCHECK_SECRET": old}
    )
    assert with_old.returncode == 1


@pytest.mark.slow
async def test_nobody_notices_that_a_local_program_gets_a_new_secret(start: Start, connect: Connect) -> None:
    server = start()
    file = server.folder / "data" / "secret"
    before = file.read_text()
    clients = Clients([server.port], people=5)
    await clients.begin()
    for _ in range(2):
        await command(server, "secret", "rotate")
        assert file.read_text() != before
        await command(server, "keys", "rotate", "--now")
        assert (await states(server))[await signing_key(connect, server)] == "current"
    await clients.end()
    assert clients.failures == []
    current = await signing_key(connect, server)
    assert server.stop() == 0
    server.start()
    assert await signing_key(connect, server) == current
    assert not file.with_name("secret.new").exists()
