"""Opening, checking, showing and ending sessions."""

import asyncio
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Executable

from coatcheck.accounts import Account
from coatcheck.database import Database, DatabaseUnavailable, Transaction
from coatcheck.keys import Keyring
from coatcheck.problems import StartRefused
from coatcheck.sessions import statements
from coatcheck.sessions.device import in_words
from coatcheck.sessions.ending import Ending
from coatcheck.sessions.refresh import Refresh
from coatcheck.sessions.revocations import KEPT_SECONDS, Revocations
from coatcheck.sessions.tickets import Ticket, Tickets
from coatcheck.sessions.upkeep import MINUTE, Upkeep, as_moment
from coatcheck.sessions.user import User
from coatcheck.tokens import Claims, InvalidToken, Outcome, VerifiedTokens, named_key
from coatcheck.web import Client

SESSION_ID_BYTES = 16
SESSION_ID = re.compile(r"[A-Za-z0-9_-]{22}")
MOST_SHOWN = 100  # of a person who looks; who has more ends all others at once
LONGEST_TOKEN_SECONDS = 86_400  # as COATCHECK_ACCESS_TOKEN_SECONDS allows; the setting may have been higher before
SESSION_STAGE = ("session", "Has its session not ended?")


@dataclass(frozen=True, slots=True)
class Opening:
    """A session about to be opened, and what its holder gets once it is. Lives are in seconds."""

    access: Ticket
    refresh_token: str | None = field(repr=False)
    refresh_expires_in: int | None
    statement: Executable = field(repr=False)
    values: dict[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Session:
    """One session, as its owner sees it. last_seen_at: to the minute, and up to a minute late."""

    id: str
    created_at: datetime
    last_seen_at: datetime
    device: str
    address: str | None
    current: bool


class Sessions:
    """The sessions in one database, and the tokens that belong to them. clock: seconds since 1970, UTC."""

    def __init__(
        self,
        database: Database,
        *,
        keys: Keyring,
        issuer: str,
        audience: str,
        access_token_seconds: int,
        refresh_token_seconds: int,
        clock: Callable[[], float],
    ) -> None:
        self._database = database
        self._keys = keys
        self._clock = clock
        self._ending = Ending()
        self.revocations = Revocations(database, keys, clock=clock)
        self.upkeep = Upkeep(database, self.revocations, clock=clock)
        self._tickets = Tickets(issuer=issuer, audience=audience, seconds=access_token_seconds, clock=clock)
        self.refresh = Refresh(
            database,
            keys=keys,
            tickets=self._tickets,
            ending=self._ending,
            revocations=self.revocations,
            upkeep=self.upkeep,
            idle_seconds=refresh_token_seconds,
            clock=clock,
        )
        self._verified = VerifiedTokens(keys=keys.signing, issuer=issuer, audience=audience)

    def start(self) -> None:
        """Begin to listen, and to tidy up. Raises StartRefused: the system has no thread or no open file left."""
        try:
            self.revocations.start()
        except (DatabaseUnavailable, RuntimeError, OSError):
            raise StartRefused(
                "This process gets no more threads or open files. Raise its limits (ulimit -u and -n)."
            ) from None
        self.upkeep.start()

    async def close(self) -> None:
        """Write down who was seen, and listen no longer."""
        try:
            await self.upkeep.finish()
        finally:
            await self.revocations.close()

    async def prepare(self, account: Account, amr: tuple[str, ...], client: Client, *, refresh: bool) -> Opening:
        """A new session, all but written, so that the transaction that opens it waits for nothing.

        account: as it was verified, with the password hash that it must still have. amr: how (RFC 8176).
        """
        session_id = secrets.token_urlsafe(SESSION_ID_BYTES)
        await self.revocations.catch_up()
        now = int(self._clock())
        access = self._tickets.issue(
            await self._keys.current(),
            subject=account.id,
            username=account.username,
            session=session_id,
            auth_time=now,
            amr=amr,
        )
        values = {
            "session_id": session_id,
            "account_id": account.id,
            "verified_hash": account.password_hash,
            "auth_time": as_moment(now),
            "amr": " ".join(amr),
            "expires_at": access.expires_at,
            "address": None if client.address is None else str(client.address),
            "user_agent": client.user_agent,
        }
        if not refresh:
            return Opening(access, None, None, statements.OPEN, values)
        token, kept = self.refresh.first(session_id)
        return Opening(access, token.text, self.refresh.idle_seconds, statements.OPEN_REFRESHABLE, {**values, **kept})

    async def open(self, tx: Transaction, opening: Opening) -> bool:
        """Open it, unless the account is no longer what was verified. Whether it was."""
        if not await tx.execute(opening.statement, opening.values):
            return False
        # After the account's row is locked, as everywhere: another order could deadlock.
        long_ago = as_moment(int(self._clock()) - KEPT_SECONDS)
        await tx.execute(statements.FORGET_EXPIRED, {"account_id": opening.values["account_id"], "before": long_ago})
        return True

    async def user(self, token: str) -> User:
        """Who presents this token: no query, unless the feed is behind. Raises InvalidToken, DatabaseUnavailable."""
        now = self._clock()
        known = await self.revocations.look()
        claims = await self._claims(token, now)
        await self._require_going_on(claims, known=known)
        self.upkeep.saw(claims.session, now)
        return User(
            id=claims.subject,
            username=claims.username,
            session_id=claims.session,
            auth_time=as_moment(claims.auth_time),
            amr=claims.amr,
        )

    async def explain(self, token: str) -> list[Outcome]:
        """How each stage goes for this token, the session last: all passed exactly where `user` accepts it.

        For the holder's own eyes, on a page that teaches: a refused caller is told no reason.
        """
        known = await self.revocations.look()
        await self._learn_key(token)
        outcomes = self._verified.explain(token, self._clock())
        if outcomes[-1].result != "passed":
            return [*outcomes, Outcome(*SESSION_STAGE, "not reached")]
        try:
            await self._require_going_on(await self._claims(token, self._clock()), known=known)
        except InvalidToken:
            return [*outcomes, Outcome(*SESSION_STAGE, "refused", "Its session has ended.")]
        return [*outcomes, Outcome(*SESSION_STAGE, "passed")]

    async def all_of(self, user: User) -> list[Session]:
        """The sessions of this user that still go on, the newest login first."""
        now = as_moment(self._clock())
        rows = await self._database.all(statements.LIST, {"account_id": user.id, "now": now, "limit": MOST_SHOWN})
        # Reading what a browser calls itself takes up to 70 ms.
        devices = await asyncio.to_thread(lambda: [in_words(row.user_agent) for row in rows])
        return [
            Session(
                id=row.id,
                created_at=row.auth_time,
                last_seen_at=self._last_seen(row),
                device=device,
                address=row.address,
                current=row.id == user.session_id,
            )
            for row, device in zip(rows, devices, strict=True)
        ]

    async def end(self, user: User, session_id: str) -> bool:
        """End one session of this user. Whether there was one."""
        if not SESSION_ID.fullmatch(session_id):
            return False
        async with self._database.transaction() as tx:
            if await self._ending.one(tx, user.id, session_id):
                return True
            if session_id != user.session_id:
                return False
            # The token says that this session is theirs, and is good without its row until it expires.
            await self._ending.without_row(tx, session_id, as_moment(int(self._clock()) + LONGEST_TOKEN_SECONDS))
            return True

    async def end_all_others(self, user: User) -> None:
        """End every session of this user but the present one."""
        async with self._database.transaction() as tx:
            await self.end_others(tx, user)

    async def end_others(self, tx: Transaction, user: User) -> None:
        """The same within the caller's transaction."""
        await self._ending.others(tx, user.id, user.session_id)

    async def end_all(self, tx: Transaction, account_id: int) -> None:
        """End every session of an account. Before the account is deleted: its sessions go with it, unseen."""
        await self._ending.all(tx, account_id)

    async def lock_account(self, tx: Transaction, account_id: int) -> None:
        """Let nobody else open, refresh or end a session of an account until this transaction is over."""
        await tx.one(statements.LOCK_ACCOUNT, {"account_id": account_id})

    async def end_everybodys(self, tx: Transaction) -> None:
        """End all sessions of all accounts; what was signed before is refused by its key (`Keyring.begin_anew`)."""
        await self._ending.everybodys(tx)

    async def end_refreshing(self, tx: Transaction, user: User) -> None:
        """Let the present session go on until its access token expires, and no longer."""
        await tx.execute(statements.END_REFRESHING, {"account_id": user.id, "session_id": user.session_id})

    async def require_alive(self, tx: Transaction, user: User) -> None:
        """Raises InvalidToken if this user's session has ended since the token was checked."""
        if await tx.one(statements.ALIVE, {"session_id": user.session_id}) is None:
            raise InvalidToken

    async def _claims(self, token: str, now: float) -> Claims:
        """The claims of a valid token. Raises InvalidToken."""
        try:
            return self._verified.claims(token, now)
        except InvalidToken:
            if not await self._learn_key(token):
                raise
        return self._verified.claims(token, now)

    async def _learn_key(self, token: str) -> bool:
        """Whether the token names a key that is ours, and so new that nobody has told of it here."""
        key_id = named_key(token)
        return key_id is not None and await self._keys.learned(key_id)

    async def _require_going_on(self, claims: Claims, *, known: bool) -> None:
        if known:
            ended = self.revocations.ended(claims.session)
        else:
            # Keys are asked for, too: the token's may have been revoked.
            ended = await self.revocations.ask(claims.session) or claims.key_id not in self._keys.signing
        if ended:
            raise InvalidToken

    def _last_seen(self, row: Any) -> datetime:
        noted = self.upkeep.last_seen(row.id)
        opened: datetime = row.auth_time
        # What is noted here may be older: another process has seen it since, and written that.
        return max(opened, row.last_seen_at or opened, opened if noted is None else as_moment(noted - noted % MINUTE))
