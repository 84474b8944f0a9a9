"""Fixtures of what goes wrong: servers that may be killed, a PostgreSQL that may be stopped."""

import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.faults.breakable import BreakableCluster
from tests.faults.wire import Wire
from tests.support.server import CHEAP, Server

# What a server prints when something happened that nobody has thought of.
UNTHOUGHT_OF = ("Traceback", "Exception", "never retrieved", "never awaited", "was destroyed")

Start = Callable[..., Server]
Connect = Callable[[int], Wire]


def assert_nothing_unthought_of(*folders: Path) -> None:
    """Fails with what the servers of these folders have printed beside their log lines."""
    for folder in folders:
        strange = [
            line
            for line in (folder / "stderr.log").read_text().splitlines()
            if not line.startswith('{"time"') and any(sign in line for sign in UNTHOUGHT_OF)
        ]
        assert not strange, "\n".join(strange)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts `python app.py`, in one folder unless told otherwise: a second one is a second process
    of the same installation, on the same database unless told otherwise. None may print anything strange.
    Without guessing limits, because hundreds race here, often wrong."""
    running: list[Server] = []

    def start_one(folder: str = "installation", **settings: str) -> Server:
        named = {f"COATCHECK_{name}": value for name, value in settings.items()}
        server = Server(tmp_path / folder, {**CHEAP, "COATCHECK_THROTTLE": "false", **named})
        running.append(server)
        return server

    yield start_one
    codes = [server.stop() for server in running if server.process.poll() is None]
    for server in running:
        server.stop()  # lets go of its output, whoever has ended it
    assert not any(codes), "a server did not end as it should"
    assert_nothing_unthought_of(*{server.folder for server in running})


@pytest_asyncio.fixture
async def connect() -> AsyncIterator[Connect]:
    """Makes connections to a port, closed at the end."""
    made: list[Wire] = []

    def connect_one(port: int) -> Wire:
        made.append(Wire(port))
        return made[-1]

    yield connect_one
    for wire in made:
        await wire.close()


@pytest.fixture(scope="session")
def breakable_cluster() -> Iterator[BreakableCluster]:
    """A PostgreSQL of its own, for tests that stop it."""
    cluster = BreakableCluster(Path(tempfile.mkdtemp(prefix="coatcheck-breakable-")) / "data")
    yield cluster
    cluster.stop()
