"""What a signed-in person does to the own account."""

from collections.abc import Callable
from dataclasses import replace

from coatcheck.accounts import Account, Accounts, counted_as
from coatcheck.database import Database, Transaction
from coatcheck.me import statements
from coatcheck.passwords import HashingBusy, Passwords
from coatcheck.problems import BadRequest, Forbidden, Invalid, Unauthorized
from coatcheck.sessions import Opening, Sessions, User
from coatcheck.throttle import Attempt, Throttle
from coatcheck.tokens import InvalidToken
from coatcheck.web import Client

# The account may change while a password is checked; then it is found and checked once more.
TRIES = 5
DELETE_MAX_AGE_SECONDS = 300


class WrongOldPassword(BadRequest):
    """The old password is not it."""

    title = "Wrong old password"
    name = "wrong-old-password"
    detail = "The old password is wrong; nothing was changed."


class LoginTooOld(Unauthorized):
    """This needs a fresh login (RFC 9470 section 3)."""

    title = "Log in again first"
    name = "login-too-old"
    detail = "This cannot be undone, so it needs a login within the last 5 minutes. Log in again, then repeat it."
    error = "insufficient_user_authentication"
    max_age = DELETE_MAX_AGE_SECONDS


class AnotherAccount(Forbidden):
    """The request names an account, and somebody else is signed in by now."""

    title = "Another account"
    name = "another-account"
    detail = "This was asked for another account than the one that is signed in; nothing was deleted."


class Me:
    """The own account. clock: seconds since 1970, UTC."""

    def __init__(
        self,
        database: Database,
        accounts: Accounts,
        passwords: Passwords,
        sessions: Sessions,
        throttle: Throttle,
        *,
        clock: Callable[[], float],
    ) -> None:
        self._database = database
        self._accounts = accounts
        self._passwords = passwords
        self._sessions = sessions
        self._throttle = throttle
        self._clock = clock

    async def account(self, user: User) -> Account:
        """The account of whoever is signed in."""
        account = await self._accounts.get(user.id)
        if account is None or not account.enabled:  # deleted or disabled since the token was checked
            raise InvalidToken
        return account

    async def change_password(
        self, user: User, old: str, new: str, client: Client, *, anew: bool = False, refresh: bool = False
    ) -> Opening | None:
        """Replace the password and end every other session, in one transaction.

        anew: end the present session, too, and open a new one: what a page does, whose cookies can be replaced.
        Gives that session. refresh: whether it can be renewed, as the present one could.
        Raises Invalid with `#/new_password`, WrongOldPassword, TooManyAttempts, HashingBusy.
        """
        if why := self._passwords.refusal(new, user.username):
            raise Invalid([("#/new_password", why)])
        name = counted_as(user.username)
        forget = await self._throttle.forgetting(name)
        async with self._throttle.attempt(name, client) as attempt:
            for _ in range(TRIES):
                account, new_hash = await self._verified(user, old, new, attempt)
                opening = None
                if anew:
                    as_it_will_be = replace(account, password_hash=new_hash)
                    opening = await self._sessions.prepare(as_it_will_be, ("pwd",), client, refresh=refresh)
                async with self._database.transaction() as tx:
                    if changed := await self._accounts.replace_hash(tx, account, new_hash):
                        await self._end_what_is_over(tx, user, opening)
                        await forget(tx, account.id)
                if changed:
                    return opening
            raise HashingBusy  # right each time, and each time somebody was faster

    async def _verified(self, user: User, old: str, new: str, attempt: Attempt) -> tuple[Account, str]:
        """The account as its old password was found right, and the hash of the new one."""
        account = await self.account(user)
        verdict = await self._passwords.verify(old, account.password_hash, account_id=account.id, turn=attempt.turn)
        if not verdict.right:
            await attempt.failed(account.id)
            raise WrongOldPassword
        return account, await self._passwords.hash(new, attempt.turn)

    async def _end_what_is_over(self, tx: Transaction, user: User, opening: Opening | None) -> None:
        """With the account's row locked: a session that was ended meanwhile changes nothing."""
        await self._sessions.require_alive(tx, user)
        if opening is None:
            await self._sessions.end_others(tx, user)
            # A thief's copy of the refresh token lives no longer than its access token.
            await self._sessions.end_refreshing(tx, user)
        else:
            await self._sessions.end_all(tx, user.id)
            await self._sessions.open(tx, opening)

    async def delete(self, user: User, asked_for: int | None = None) -> None:
        """Delete the account and all that hangs on it. Raises AnotherAccount, LoginTooOld.

        asked_for: the id of the account it was first asked for. Whoever is told to log in again may
        log in as somebody else, and must not lose that account by repeating the request.
        """
        if asked_for not in {None, user.id}:
            raise AnotherAccount
        if self._clock() - user.auth_time.timestamp() > DELETE_MAX_AGE_SECONDS:
            raise LoginTooOld
        async with self._database.transaction() as tx:
            await tx.one(statements.LOCK, {"account_id": user.id})
            await self._sessions.require_alive(tx, user)
            await self._sessions.end_all(tx, user.id)
            await tx.execute(statements.DELETE, {"account_id": user.id})
