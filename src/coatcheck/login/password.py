"""Logging in with a username and a password."""

from dataclasses import replace

from coatcheck.accounts import Account, Accounts, counted_as
from coatcheck.database import Database
from coatcheck.passwords import HashingBusy, Passwords, Turn, Verdict
from coatcheck.problems import Unauthorized
from coatcheck.sessions import Opening, Sessions
from coatcheck.throttle import Attempt, Throttle
from coatcheck.web import Client

# The account may change while its password is checked: others log in with it after a new pepper, and one of them
# stores the new hash. Then it is found and checked once more.
TRIES = 5


class WrongCredentials(Unauthorized):
    """No such account, another password, or disabled: they look alike."""

    title = "Wrong username or password"
    name = "wrong-credentials"
    detail = "Wrong username or password."


class Login:
    """The story of getting in."""

    def __init__(
        self, database: Database, accounts: Accounts, passwords: Passwords, sessions: Sessions, throttle: Throttle
    ) -> None:
        self._database = database
        self._accounts = accounts
        self._passwords = passwords
        self._sessions = sessions
        self._throttle = throttle

    async def log_in(self, username: str, password: str, client: Client, *, refresh: bool = False) -> Opening:
        """A new session. refresh: with a refresh token.

        Raises WrongCredentials, TooManyAttempts, HashingBusy.
        """
        async with self._throttle.attempt(counted_as(username), client) as attempt:
            for earlier in range(TRIES):
                account = await self._accounts.find(username)
                verdict = await self._check(account, password, attempt.turn)
                if account is None or not verdict.right or not account.enabled:
                    await attempt.failed(account.id if account else None)
                    raise WrongCredentials
                # Only once: else two processes that want different costs overtake each other for ever.
                renewed = None if earlier else verdict.renewed
                opened = await self.finish(account, client, ("pwd",), attempt, refresh=refresh, renewed=renewed)
                if opened is not None:
                    return opened
            raise HashingBusy  # right each time, and each time somebody was faster

    async def _check(self, account: Account | None, password: str, turn: Turn) -> Verdict:
        """No account costs the same hash."""
        if account is None:
            return await self._passwords.verify(password, None, turn=turn)
        return await self._passwords.verify(password, account.password_hash, account_id=account.id, turn=turn)

    async def finish(
        self,
        account: Account,
        client: Client,
        amr: tuple[str, ...],
        attempt: Attempt,
        *,
        refresh: bool = False,
        renewed: str | None = None,
    ) -> Opening | None:
        """Open a session for an account as it was verified; None if it has changed since.

        amr: how the person proved who they are (RFC 8176). renewed: the hash to store with it, when the old
        one is not as we store today.
        """
        as_it_will_be = account if renewed is None else replace(account, password_hash=renewed)
        opening = await self._sessions.prepare(as_it_will_be, amr, client, refresh=refresh)
        async with self._database.transaction() as tx:
            if renewed is not None and not await self._accounts.replace_hash(tx, account, renewed):
                return None
            if not await self._sessions.open(tx, opening):
                return None
            await attempt.succeeded(tx, account.id)
        return opening
