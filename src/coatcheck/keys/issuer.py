"""The issuer of one database: `iss` of every token that its keys sign (RFC 9068 section 2.2)."""

from contextlib import suppress

from sqlalchemy import bindparam, insert, select, update

from coatcheck.database import Database, UniqueViolation
from coatcheck.keys.tables import issuer as table
from coatcheck.problems import StartRefused

GET = select(table.c.issuer).limit(1)
ADD = insert(table).values(id=1, issuer=bindparam("issuer"))
REPLACE = update(table).values(issuer=bindparam("issuer"))


async def check_issuer(database: Database, issuer: str) -> None:
    """See that the database is not another issuer's. Writes nothing. Raises StartRefused."""
    if not await database.has_table(table.name):
        return
    row = await database.one(GET)
    if row is not None and row.issuer != issuer:
        raise StartRefused(
            f"The database {database} signs tokens as {row.issuer}, and COATCHECK_ISSUER is {issuer} here: neither "
            "would take the other's tokens. Set it to the first; if the service has moved, run: "
            "coatcheck adopt-issuer"
        )


async def keep_issuer(database: Database, issuer: str) -> None:
    """Write down the issuer where there is none yet. Raises StartRefused: another process was first with another."""
    if await database.one(GET) is None:
        with suppress(UniqueViolation):
            await database.execute(ADD, {"issuer": issuer})
    await check_issuer(database, issuer)


async def adopt_issuer(database: Database, issuer: str) -> None:
    """Make it this one from now on. Tokens that are out are refused: people log in again."""
    if not await database.execute(REPLACE, {"issuer": issuer}):
        await keep_issuer(database, issuer)
