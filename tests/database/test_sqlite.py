"""SQLite passes the contract."""

from tests.database.contract import DatabaseContract


class TestSQLite(DatabaseContract):
    """A file of its own for each test: the `address` of conftest.py."""
