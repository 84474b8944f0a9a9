"""Keyrings on a database, on each engine."""

from collections.abc import AsyncGenerator, Awaitable, Callable

import pytest

from coatcheck.database import Database
from coatcheck.keys import Keyring, Secret, Secrets
from tests.support.clock import Clock

Open = Callable[..., Awaitable[Keyring]]


@pytest.fixture
def secret() -> Secret:
    return Secret(Secret.new_text())


@pytest.fixture
async def keyring(database: Database, secret: Secret, clock: Clock) -> Keyring:
    """The keys of a process that has just started."""
    keyring = Keyring(database, clock=clock)
    await keyring.load(lambda: Secrets(secret))
    return keyring


@pytest.fixture
async def another(database_url: str, secret: Secret, clock: Clock) -> AsyncGenerator[Open, None]:
    """Opens the keys of one more process: a connection of its own, and what it may be set to."""
    databases: list[Database] = []

    async def open_another(secrets: Secrets | None = None, algorithm: str = "EdDSA", days: int = 30) -> Keyring:
        databases.append(Database(database_url))
        await databases[-1].open()
        keyring = Keyring(databases[-1], clock=clock, algorithm=algorithm, key_days=days)
        await keyring.load(lambda: secrets or Secrets(secret))
        return keyring

    yield open_another
    for database in databases:
        await database.close()


def shown(keyring: Keyring) -> dict[str, str]:
    """Each signing key's state by its id, the oldest first."""
    return {standing.id: state for standing, state in keyring.listed()}


def only(keyring: Keyring, state: str) -> str:
    """The id of the one key in this state."""
    (found,) = [key_id for key_id, one in shown(keyring).items() if one == state]
    return found
