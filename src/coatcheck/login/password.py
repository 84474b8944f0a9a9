"""Logging in with a username and a password."""

from dataclasses import replace

from coatcheck.accounts import Account, Accounts
from coatcheck.database import Database
from coatcheck.passwords import Passwords
from coatcheck.problems import Unauthorized
from coatcheck.sessions import Sessions

# The account may change while its password is checked; then it is found and checked once more.
TRIES = 2


class WrongCredentials(Unauthorized):
    """No such account, another password, or disabled: they look alike."""

    title = "Wrong username or password"
    name = "wrong-credentials"
    detail = "Wrong username or password."


class Login:
    """The story of getting in."""

    def __init__(self, database: Database, accounts: Accounts, passwords: Passwords, sessions: Sessions) -> None:
        self._database = database
        self._accounts = accounts
        self._passwords = passwords
        self._sessions = sessions

    async def log_in(self, username: str, password: str) -> str:
        """An access token for a new session. Raises WrongCredentials, HashingBusy."""
        for _ in range(TRIES):
            account = await self._accounts.find(username)
            verdict = await self._passwords.verify(password, account.password_hash if account else None)
            if account is None or not verdict.right or not account.enabled:
                raise WrongCredentials
            renewed = await self._passwords.hash(password) if verdict.rehash_due else None
            token = await self.finish(account, amr=("pwd",), renewed_hash=renewed)
            if token is not None:
                return token
        raise WrongCredentials

    async def finish(self, account: Account, *, amr: tuple[str, ...], renewed_hash: str | None = None) -> str | None:
        """Open a session for an account as it was verified; None if it has changed since.

        amr: how the person proved who they are (RFC 8176). renewed_hash: stored with it, when the old
        one costs less than we ask today.
        """
        async with self._database.transaction() as tx:
            if renewed_hash is not None:
                if not await self._accounts.replace_hash(tx, account, renewed_hash):
                    return None
                account = replace(account, password_hash=renewed_hash)
            return await self._sessions.open(tx, account, amr)
