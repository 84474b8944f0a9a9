"""After a restore: a database that has forgotten what came since its copy is made safe to go on with.

In it ids come back that somebody else has had, sessions live that have ended, and keys sign that were
revoked since. Whoever holds a token of before must not be taken for another account.
"""

import asyncio
from collections.abc import Callable

from coatcheck import keys
from coatcheck.database import Database, Transaction
from coatcheck.database.counters import move_counters_ahead
from coatcheck.database.migrate import Migrations
from coatcheck.keys import Keyring
from coatcheck.problems import StartRefused
from coatcheck.sessions import Sessions


async def begin_anew(database: Database, keyring: Keyring, sessions: Sessions) -> None:
    """End all sessions, refuse what the keys have signed, and move ids a million further: all of it or nothing.

    Running servers follow by the feed. Raises StartRefused: a table's ids have no room.
    """

    async def forget(tx: Transaction) -> None:
        await sessions.end_everybodys(tx)
        await move_counters_ahead(tx, database.dialect)

    await keyring.begin_anew(forget)


async def make_fit(
    database: Database,
    migrations: Migrations,
    read: Callable[[], keys.Secrets],
    keyring: Keyring,
    sessions: Sessions,
) -> None:
    """Bring a copy, which nobody else uses, up to this version, under the present secret, and to a new beginning.

    read: gives the secrets that the program has. Raises StartRefused: they do not open the copy, a newer
    version has made it, or a table's ids have no room.
    """
    secrets = await asyncio.to_thread(read)
    await database.open()
    if not await keys.open_all(database, secrets):
        raise StartRefused(
            "The copy was made with another secret. Nothing has changed; put the secret that was kept with the copy "
            "in the place of the present one, or in COATCHECK_SECRET_PREVIOUS beside it, then try again."
        )
    await asyncio.to_thread(migrations.upgrade)
    await keyring.load(read)
    await begin_anew(database, keyring, sessions)
    # A copy from before a change of the secret: whoever has changed it was told that the old one can go.
    await keyring.wrap_all(secrets.current)
