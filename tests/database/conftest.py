"""Fixtures of the database room: an open database, on SQLite unless a class says otherwise."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

pytest.register_assert_rewrite(
    "tests.database.contract_values",
    "tests.database.contract_transactions",
    "tests.database.contract_loops",
    "tests.database.contract_changes",
)

from coatcheck.database import Database  # noqa: E402  after the rewriting is arranged
from tests.database.address import Address  # noqa: E402
from tests.database.histories import History  # noqa: E402
from tests.database.things import METADATA, make_tables  # noqa: E402
from tests.support.postgresql import Cluster  # noqa: E402


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where the SQLite database is."""
    return tmp_path / "test.db"


@pytest.fixture
def address(file: Path) -> Address:
    """An empty SQLite database with the tables of things.py."""
    url = f"sqlite:///{file}"
    make_tables(url)
    return Address(url)


@pytest.fixture
async def database(address: Address) -> AsyncIterator[Database]:
    """The database at the address, open."""
    database = address.database()
    await database.open()
    yield database
    await database.close()


@pytest.fixture(scope="module")
def database_name(cluster: Cluster) -> Iterator[str]:
    """A database for a whole file of tests: making one costs more than most tests."""
    name = cluster.new_database()
    make_tables(cluster.url(name))
    yield name
    cluster.drop_database(name)


@pytest.fixture
def empty(cluster: Cluster, database_name: str) -> str:
    """Emptied before each test; the ids go on."""
    cluster.run(f"TRUNCATE {', '.join(METADATA.tables)}", database_name)
    return database_name


@pytest.fixture
def postgresql_address(cluster: Cluster, empty: str) -> Address:
    """A PostgreSQL database with the tables of things.py, empty."""
    return Address(cluster.url(empty))


@pytest.fixture
def history(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[History]:
    """An application's own history, still empty."""
    history = History(tmp_path / "50% of an application", monkeypatch)
    yield history
    history.forget()
