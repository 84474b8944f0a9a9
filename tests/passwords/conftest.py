"""What several of these tests need."""

from collections.abc import Iterator

import pytest

from coatcheck.passwords.pool import HashingPool


@pytest.fixture
def pool() -> Iterator[HashingPool]:
    """One thread, so that the order can be told."""
    pool = HashingPool(threads=1)
    yield pool
    pool.close()
