"""Fixtures that several rooms share: the engines, a server of each kind, an app in this process."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from coatcheck import Database
from coatcheck.database.migrate import Migrations
from tests.support.app import make_app
from tests.support.clock import Clock
from tests.support.postgresql import Cluster, pgbouncer, pgbouncer_path
from tests.support.server import CHEAP, Server

ENGINES = [
    pytest.param("sqlite", id="sqlite"),
    pytest.param("postgresql", id="postgresql", marks=pytest.mark.postgresql),
]
SERVERS = [*ENGINES, pytest.param("pgbouncer", id="pgbouncer", marks=pytest.mark.pgbouncer)]


@pytest.fixture(autouse=True)
def _no_settings_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever runs the tests may have COATCHECK_… set."""
    import os

    for name in [name for name in os.environ if name.startswith("COATCHECK_")]:
        monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """A PostgreSQL 18 server."""
    running = Cluster(Path(tempfile.mkdtemp(prefix="coatcheck-postgresql-")) / "data")
    yield running
    running.stop()


@pytest.fixture(scope="session")
def pooled_port(cluster: Cluster) -> Iterator[int]:
    """The port of a PgBouncer in transaction mode in front of it."""
    if pgbouncer_path() is None:
        pytest.skip("PgBouncer is not installed; on Debian: apt-get install pgbouncer")
    with pgbouncer(cluster) as port:
        yield port


@pytest.fixture(params=ENGINES)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a new, empty database, on each engine."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'test.db'}"
        return
    cluster: Cluster = request.getfixturevalue("cluster")
    name = cluster.new_database()
    yield cluster.url(name)
    cluster.drop_database(name)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """A database with Coatcheck's tables, open, on each engine."""
    await asyncio.to_thread(Migrations(database_url, ["coatcheck.migrations"]).upgrade)
    database = Database(database_url)
    await database.open()
    yield database
    await database.close()


@pytest.fixture
def postgresql_url(cluster: Cluster) -> Iterator[str]:
    """The URL of a new, empty database on PostgreSQL, for what only it does."""
    name = cluster.new_database()
    yield cluster.url(name)
    cluster.drop_database(name)


@pytest.fixture(scope="session", params=SERVERS)
def server_settings(request: pytest.FixtureRequest) -> Iterator[dict[str, str]]:
    """The settings of a server on each kind of database, new and empty, for the whole session."""
    if request.param == "sqlite":
        yield dict(CHEAP)
        return
    cluster: Cluster = request.getfixturevalue("cluster")
    name = cluster.new_database()
    if request.param == "postgresql":
        yield {**CHEAP, "COATCHECK_DATABASE_URL": cluster.url(name)}
    else:
        port: int = request.getfixturevalue("pooled_port")
        yield {
            **CHEAP,
            "COATCHECK_DATABASE_URL": f"postgresql://{cluster.user}@127.0.0.1:{port}/{name}",
            "COATCHECK_DATABASE_LISTEN_URL": cluster.url(name),
            "COATCHECK_DATABASE_PREPARE": "false",  # Debian 12 has PgBouncer 1.18
        }
    cluster.drop_database(name)


@pytest.fixture(scope="session")
def server(server_settings: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server on each kind of database, shared by all tests; they use names of their own."""
    running = Server(tmp_path_factory.mktemp("server"), server_settings)
    yield running
    running.stop()


@pytest.fixture
def client(server: Server) -> Iterator[Any]:
    """An HTTP client of the shared server."""
    with server.client() as client:
        yield client


@pytest.fixture
def clock() -> Clock:
    """A clock that stands still unless moved."""
    return Clock()


@pytest.fixture
def local_client(tmp_path: Path, database_url: str, clock: Clock) -> Iterator[TestClient]:
    """The application in this process, on each engine, with `clock`."""
    with TestClient(make_app(tmp_path, database_url, clock=clock)) as client:
        yield client
