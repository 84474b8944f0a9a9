"""Whether a secret belongs to a database: looked at before anything is written."""

from coatcheck.database import Database
from coatcheck.keys import statements
from coatcheck.keys.secret import WrongSecret
from coatcheck.keys.secrets import Secrets
from coatcheck.keys.tables import keys
from coatcheck.problems import StartRefused


async def exist(database: Database) -> bool:
    """Whether the database holds keys already, so that only one secret will do."""
    return await database.has_table(keys.name) and bool(await database.all(statements.WRAPPED))


async def check(database: Database, secrets: Secrets) -> None:
    """See that every key opens under one of these. Writes nothing. Raises StartRefused."""
    if await database.has_table(keys.name) and not await open_all(database, secrets):
        raise wrong_secret(database)


async def open_all(database: Database, secrets: Secrets) -> bool:
    """Whether every key there is opens under one of these."""
    for row in await database.all(statements.WRAPPED):
        try:
            secrets.opener(row)
        except WrongSecret:
            return False
    return True


def wrong_secret(database: Database) -> StartRefused:
    """What a start says whose secret is not the one that wraps the keys."""
    return StartRefused(
        f"The secret does not belong to the database {database}. "
        "Set COATCHECK_SECRET to the one it was made with, or COATCHECK_DATABASE_URL to another database."
    )
