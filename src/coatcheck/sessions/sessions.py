"""Opening, checking and ending sessions."""

import secrets
from collections.abc import Callable
from datetime import UTC, datetime

from coatcheck.accounts import Account
from coatcheck.database import Database, Transaction
from coatcheck.sessions import statements
from coatcheck.sessions.user import User
from coatcheck.tokens import Claims, InvalidToken, Outcome, SigningKey, VerifiedTokens, issue

SESSION_ID_BYTES = 16
SESSION_STAGE = ("session", "Is its session alive, and its account open?")


class Sessions:
    """The sessions in one database, and the tokens that belong to them.

    keys: by id, the newest last; the newest signs. clock: seconds since 1970, UTC.
    """

    def __init__(
        self,
        database: Database,
        *,
        keys: dict[str, SigningKey],
        issuer: str,
        audience: str,
        access_token_seconds: int,
        clock: Callable[[], float],
    ) -> None:
        self._database = database
        self._keys = keys
        self._issuer = issuer
        self._audience = audience
        self._seconds = access_token_seconds
        self._clock = clock
        self._verified = VerifiedTokens(keys=keys, issuer=issuer, audience=audience)

    async def open(self, tx: Transaction, account: Account, amr: tuple[str, ...]) -> str | None:
        """A new session's access token; None if the account is no longer what was verified.

        account: as it was verified, with the password hash that it must still have.
        """
        now = int(self._clock())
        claims = Claims(
            subject=account.id,
            username=account.username,
            session=secrets.token_urlsafe(SESSION_ID_BYTES),
            auth_time=now,
            amr=amr,
            expires_at=now + self._seconds,
            key_id=next(reversed(self._keys)),
        )
        opened = await tx.execute(
            statements.OPEN,
            {
                "session_id": claims.session,
                "account_id": account.id,
                "verified_hash": account.password_hash,
                "auth_time": _moment(now),
                "amr": " ".join(amr),
                "expires_at": _moment(claims.expires_at),
            },
        )
        if not opened:
            return None
        # After the account's row is locked, as everywhere: another order could deadlock.
        await tx.execute(statements.FORGET_EXPIRED, {"account_id": account.id, "before": _moment(now)})
        key = self._keys[claims.key_id]
        return issue(claims, key=key, issuer=self._issuer, audience=self._audience, now=now)

    async def user(self, token: str) -> User:
        """Who presents this token. Raises InvalidToken.

        One keyed read per request: the session is alive and its account enabled.
        """
        claims = self._verified.claims(token, self._clock())
        row = await self._database.one(statements.ALIVE, {"session_id": claims.session})
        if row is None or row.account_id != claims.subject:
            raise InvalidToken
        return User(
            id=claims.subject,
            username=claims.username,
            session_id=claims.session,
            auth_time=_moment(claims.auth_time),
            amr=claims.amr,
        )

    async def explain(self, token: str) -> list[Outcome]:
        """How each stage goes for this token, the session last: all passed exactly where `user` accepts it.

        For the holder's own eyes, on a page that teaches: a refused caller is told no reason.
        """
        outcomes = self._verified.explain(token, self._clock())
        if outcomes[-1].result != "passed":
            return [*outcomes, Outcome(*SESSION_STAGE, "not reached")]
        try:
            await self.user(token)
        except InvalidToken:
            return [*outcomes, Outcome(*SESSION_STAGE, "refused", "Its session has ended, or its account is closed.")]
        return [*outcomes, Outcome(*SESSION_STAGE, "passed")]

    async def end_others(self, tx: Transaction, user: User) -> None:
        """End every session of this user but the present one."""
        await tx.execute(statements.END_OTHERS, {"account_id": user.id, "keep": user.session_id})

    async def end_all(self, tx: Transaction, account_id: int) -> None:
        """End every session of an account."""
        await tx.execute(statements.END_ALL, {"account_id": account_id})

    async def require_alive(self, tx: Transaction, user: User) -> None:
        """Raises InvalidToken if this user's session has ended since the token was checked."""
        if await tx.one(statements.ALIVE, {"session_id": user.session_id}) is None:
            raise InvalidToken


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
