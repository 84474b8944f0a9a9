"""SQLite passes the contract."""

from pathlib import Path

import pytest

from tests.database.address import Address
from tests.database.contract import DatabaseContract
from tests.database.things import make_tables


class TestSQLite(DatabaseContract):
    """A file of its own for each test."""

    @pytest.fixture
    def address(self, tmp_path: Path) -> Address:
        url = f"sqlite:///{tmp_path / 'test.db'}"
        make_tables(url)
        return Address(url)
