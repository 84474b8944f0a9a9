"""People on the shared server, and a server on SQLite alone where the engine does not matter."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

import pytest

from tests.support.person import Person
from tests.support.server import CHEAP, Server


class Start(Protocol):
    """Starts a server of the test's own; what still runs when the test is over is stopped."""

    def __call__(self, settings: Mapping[str, str] = CHEAP, folder: Path | None = None) -> Server:
        """In `app` below the test's own folder unless told otherwise."""
        ...


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start servers."""
    started: list[Server] = []

    def begin(settings: Mapping[str, str] = CHEAP, folder: Path | None = None) -> Server:
        started.append(Server(folder or tmp_path / "app", settings))
        return started[-1]

    yield begin
    for server in started:
        server.stop()


@pytest.fixture
def client(server: Server) -> Iterator[Any]:
    """An HTTP client of the shared server, from an address of its own."""
    with server.client() as client:
        yield client


@pytest.fixture
def person(client: Any) -> Person:
    """Somebody with an account, logged in."""
    return Person(client)


@pytest.fixture(scope="session")
def sqlite_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server on SQLite, shared by the tests in which the engine does not matter."""
    running = Server(tmp_path_factory.mktemp("sqlite-server"))
    yield running
    running.stop()


@pytest.fixture
def sqlite_client(sqlite_server: Server) -> Iterator[Any]:
    """An HTTP client of it."""
    with sqlite_server.client() as client:
        yield client


@pytest.fixture
def sqlite_person(sqlite_client: Any) -> Person:
    """Somebody there."""
    return Person(sqlite_client)
