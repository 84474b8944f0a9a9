"""PostgreSQL passes the contract, directly and through PgBouncer in transaction mode."""

from collections.abc import Iterator

import pytest

from tests.database.address import Address
from tests.database.contract import DatabaseContract
from tests.database.things import METADATA, make_tables
from tests.support.postgresql import Cluster


@pytest.fixture(scope="class")
def name(cluster: Cluster) -> Iterator[str]:
    """A database for a whole class: making one costs more than most tests."""
    name = cluster.new_database()
    make_tables(cluster.url(name))
    yield name
    cluster.drop_database(name)


@pytest.fixture
def empty(cluster: Cluster, name: str) -> str:
    """Emptied before each test; the ids go on."""
    cluster.run(f"TRUNCATE {', '.join(METADATA.tables)}", name)
    return name


@pytest.mark.postgresql
class TestPostgreSQL(DatabaseContract):
    """Directly."""

    @pytest.fixture
    def address(self, cluster: Cluster, empty: str) -> Address:
        return Address(cluster.url(empty))


@pytest.mark.pgbouncer
class TestPgBouncer(DatabaseContract):
    """Through PgBouncer, without prepared statements: Debian 12 has 1.18, which cannot follow them."""

    @pytest.fixture
    def address(self, cluster: Cluster, empty: str, pooled_port: int) -> Address:
        pooled = f"postgresql://{cluster.user}@127.0.0.1:{pooled_port}/{empty}"
        return Address(pooled, direct_url=cluster.url(empty), prepare=False)
