"""Fixtures of the database room: an open database on each kind of address."""

from collections.abc import AsyncIterator

import pytest

pytest.register_assert_rewrite(
    "tests.database.contract_values",
    "tests.database.contract_transactions",
    "tests.database.contract_loops",
    "tests.database.contract_changes",
)

from coatcheck.database import Database  # noqa: E402  after the rewriting is arranged
from tests.database.address import Address  # noqa: E402


@pytest.fixture
async def database(address: Address) -> AsyncIterator[Database]:
    """An open database with the tables of things.py, empty."""
    database = address.database()
    await database.open()
    yield database
    await database.close()
