"""Changing the secret: every key wrapped under the new one, in one transaction."""

from pathlib import Path

from coatcheck.database import Database
from coatcheck.keys.keyring import Keyring
from coatcheck.keys.own_secret import changing, finish_renaming, write_new
from coatcheck.keys.secrets import Secrets
from coatcheck.problems import StartRefused


async def change_given(keyring: Keyring, secrets: Secrets) -> int:
    """Wrap every key under the secret of the settings. How many were not yet.

    Raises StartRefused: there is no other one, so nothing to change from.
    """
    wrapped = await keyring.wrap_all(secrets.current)
    if not wrapped and not secrets.others:
        raise StartRefused(
            "Every key is wrapped under COATCHECK_SECRET already. To change it, make a new one with coatcheck secret "
            "new, set COATCHECK_SECRET to that and COATCHECK_SECRET_PREVIOUS to the one of now, then run this again."
        )
    return wrapped


async def change_own(keyring: Keyring, database: Database, file: Path) -> None:
    """Give a local program a new secret; a change that was left unfinished is finished instead.

    Whoever is killed between two of the three steps can start again, and run this again.
    """
    async with changing(file):
        await keyring.wrap_all(await write_new(file))
        await finish_renaming(database, file)
