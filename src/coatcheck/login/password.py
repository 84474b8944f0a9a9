"""Logging in with a username and a password."""

from dataclasses import replace

from coatcheck.accounts import Account, Accounts
from coatcheck.database import Database
from coatcheck.passwords import Passwords
from coatcheck.problems import Unauthorized
from coatcheck.sessions import Opening, Sessions
from coatcheck.web import Client

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

    async def log_in(self, username: str, password: str, client: Client, *, refresh: bool = False) -> Opening:
        """A new session. refresh: with a refresh token. Raises WrongCredentials, HashingBusy."""
        for _ in range(TRIES):
            account = await self._accounts.find(username)
            verdict = await self._passwords.verify(
                password, account.password_hash if account else None, account_id=account.id if account else None
            )
            if account is None or not verdict.right or not account.enabled:
                raise WrongCredentials
            opened = await self.finish(account, client, amr=("pwd",), refresh=refresh, renewed_hash=verdict.renewed)
            if opened is not None:
                return opened
        raise WrongCredentials

    async def finish(
        self,
        account: Account,
        client: Client,
        *,
        amr: tuple[str, ...],
        refresh: bool = False,
        renewed_hash: str | None = None,
    ) -> Opening | None:
        """Open a session for an account as it was verified; None if it has changed since.

        amr: how the person proved who they are (RFC 8176). renewed_hash: stored with it, when the old
        one is not as we store today.
        """
        as_it_will_be = account if renewed_hash is None else replace(account, password_hash=renewed_hash)
        opening = await self._sessions.prepare(as_it_will_be, amr, client, refresh=refresh)
        async with self._database.transaction() as tx:
            if renewed_hash is not None and not await self._accounts.replace_hash(tx, account, renewed_hash):
                return None
            return opening if await self._sessions.open(tx, opening) else None
