"""PostgreSQL passes the contract, directly and through PgBouncer in transaction mode."""

import pytest

from tests.database.address import Address
from tests.database.contract import DatabaseContract
from tests.support.postgresql import Cluster


@pytest.mark.postgresql
class TestPostgreSQL(DatabaseContract):
    """Directly."""

    @pytest.fixture
    def address(self, postgresql_address: Address) -> Address:
        return postgresql_address


@pytest.mark.pgbouncer
class TestPgBouncer(DatabaseContract):
    """Through PgBouncer, without prepared statements: Debian 12 has 1.18, which cannot follow them."""

    @pytest.fixture
    def address(self, cluster: Cluster, empty: str, pooled_port: int) -> Address:
        pooled = f"postgresql://{cluster.user}@127.0.0.1:{pooled_port}/{empty}"
        return Address(pooled, direct_url=cluster.url(empty), prepare=False)
