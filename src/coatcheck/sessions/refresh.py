"""Exchanging a refresh token for its one successor, and a fresh access token with it.

Each token is good once. One that comes back is in two hands, and nobody can tell which is the owner's:
the whole family ends (RFC 9700 section 4.14.2). Only an answer that was lost on its way is forgiven: for
10 s, and until the successor is used, the same token gets the very same successor.
"""

import logging
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any

from coatcheck.database import Database, Transaction
from coatcheck.keys import HASHING, SUCCESSOR, Keyring
from coatcheck.problems import Unauthorized, Unavailable
from coatcheck.sessions import refresh_statements as statements
from coatcheck.sessions.ending import Ending
from coatcheck.sessions.refresh_token import RefreshToken
from coatcheck.sessions.revocations import Revocations
from coatcheck.sessions.tickets import Ticket, Tickets
from coatcheck.sessions.upkeep import WINDOW_SECONDS, Upkeep, seconds_ahead
from coatcheck.tokens import SigningKey

ABSOLUTE_TIMES = 3  # a family ends after three of its idle limits, however often it is used
SALT_BYTES = 32
# A test's clock may stand still while the database's goes on: their difference shrinks meanwhile.
STANDING_CLOCK_SECONDS = 0.5
LOGGER = logging.getLogger("coatcheck.sessions")


class RefreshRefused(Unauthorized):
    """Unknown, used, expired or of an ended session: they look alike. As at a login, there is no error code."""

    title = "Refresh token not accepted"
    name = "refresh-refused"
    detail = "The refresh token is not valid, or no longer. Log in again."


@dataclass(frozen=True, slots=True)
class Renewed:
    """An access token and the refresh token that follows. Lives are in seconds."""

    access: Ticket
    refresh_token: str = field(repr=False)
    refresh_expires_in: int


class Refresh:
    """The refresh families of one database.

    idle_seconds: how long a refresh token is good for. clock: seconds since 1970; what a test has moved
    it by is added to the database's clock, which decides here.
    """

    def __init__(
        self,
        database: Database,
        *,
        keys: Keyring,
        tickets: Tickets,
        ending: Ending,
        revocations: Revocations,
        upkeep: Upkeep,
        idle_seconds: int,
        clock: Callable[[], float],
    ) -> None:
        self._database = database
        self._keys = keys
        self._tickets = tickets
        self._ending = ending
        self._revocations = revocations
        self._upkeep = upkeep
        self._idle = idle_seconds
        self._database_clock = partial(seconds_ahead, clock)

    def first(self, family: str) -> tuple[RefreshToken, dict[str, Any]]:
        """The first token of a new session, and what its row keeps of it."""
        key = self._keys.data_key(HASHING)
        token = RefreshToken.first(family, key.value)
        offset = self._database_clock()
        kept = {
            "refresh_hash": token.hash(key.value),
            "refresh_hash_key": key.id,
            "until_idle": offset + self._idle,
            "until_end": offset + self._idle * ABSOLUTE_TIMES,
        }
        return token, kept

    @property
    def idle_seconds(self) -> int:
        """How long a refresh token is good for, in seconds."""
        return self._idle

    async def exchange(self, text: str) -> Renewed:
        """The successor of a refresh token, with an access token.

        Raises RefreshRefused; Unavailable: the keys of this family cannot be opened here.
        """
        await self._revocations.catch_up()
        token = RefreshToken.read(text)
        if token is None:
            raise RefreshRefused
        if not self._is_genuine(token) and not (await self._learned_key_of(token.family) and self._is_genuine(token)):
            raise RefreshRefused  # made up, perhaps by somebody who knows a session's id: it ends nothing
        renewed = await self._renew(token)
        if renewed is None and await self._learned_key_of(token.family):
            renewed = await self._renew(token)
        if renewed is None:
            await self._end_if_replayed(token)
            raise RefreshRefused
        self._upkeep.rotated()
        return renewed

    def _is_genuine(self, token: RefreshToken) -> bool:
        return any(token.is_genuine(key) for key in self._keys.data_keys(HASHING).values())

    async def _learned_key_of(self, family: str) -> bool:
        """Whether another process made this family's key so lately that nobody has told of it here until now.

        Raises Unavailable: it cannot be opened. Then nobody here can tell a lost answer from a theft.
        """
        row = await self._database.one(statements.FAMILY, {"session_id": family})
        if row is None or row.refresh_hash is None or self._key(HASHING, row.refresh_hash_key):
            return False
        await self._revocations.ask_keys()
        if self._key(HASHING, row.refresh_hash_key) is None:
            raise Unavailable
        return True

    async def _renew(self, token: RefreshToken) -> Renewed | None:
        signing = await self._keys.current()
        async with self._database.transaction() as tx:
            return await self._rotate(tx, token, signing) or await self._repeat(tx, token, signing)

    async def _rotate(self, tx: Transaction, token: RefreshToken, signing: SigningKey) -> Renewed | None:
        """Hand out the successor, if this token is the one that counts; of a hundred at once one gets here."""
        row = await tx.one(statements.FAMILY, {"session_id": token.family})
        if row is None or row.refresh_hash is None or not (old_key := self._key(HASHING, row.refresh_hash_key)):
            return None
        hashing, deriving = self._keys.data_key(HASHING), self._keys.data_key(SUCCESSOR)
        salt = secrets.token_bytes(SALT_BYTES)
        successor = token.successor(salt, deriving_key=deriving.value, hashing_key=hashing.value)
        access = self._ticket(row, signing)
        offset = self._database_clock()
        rotated = await tx.one(
            statements.ROTATE,
            {
                **self._common(row, access),
                "presented_hash": token.hash(old_key),
                "successor_hash": successor.hash(hashing.value),
                "previous_hash": token.hash(hashing.value),
                "hash_key": hashing.id,
                "salt": salt,
                "salt_key": deriving.id,
                "until_idle": offset + self._idle,
            },
        )
        return rotated and Renewed(access, successor.text, _seconds_left(rotated))

    async def _repeat(self, tx: Transaction, token: RefreshToken, signing: SigningKey) -> Renewed | None:
        """Hand out the same successor again, in the 10 s and before it is used."""
        row = await tx.one(statements.FAMILY, {"session_id": token.family})
        if row is None or row.refresh_hash is None or not (hashing := self._key(HASHING, row.refresh_hash_key)):
            return None
        access = self._ticket(row, signing)
        offset = self._database_clock()
        repeated = await tx.one(
            statements.AGAIN,
            {
                **self._common(row, access),
                "presented_hash": token.hash(hashing),
                "not_after": offset if offset == 0 else offset + STANDING_CLOCK_SECONDS,
                "window_begins": offset - WINDOW_SECONDS,
            },
        )
        if repeated is None:
            return None
        if not (deriving := self._key(SUCCESSOR, repeated.refresh_salt_key)):
            raise Unavailable  # a lost answer that cannot be given again here; it is no theft
        successor = token.successor(repeated.refresh_salt, deriving_key=deriving, hashing_key=hashing)
        return Renewed(access, successor.text, _seconds_left(repeated))

    async def _end_if_replayed(self, token: RefreshToken) -> None:
        """End the family if this token was good once and is no longer.

        In a transaction of its own: two at once that hold the account's row for reading would wait for each other.
        """
        row = await self._database.one(statements.FAMILY, {"session_id": token.family})
        if row is None or row.refresh_hash is None:
            return
        key = self._key(HASHING, row.refresh_hash_key)
        if key is None:
            raise Unavailable  # made in this moment: only a known key decides
        if token.hash(key) == row.refresh_hash:
            return  # the one that counts, but expired, or of a disabled account
        async with self._database.transaction() as tx:
            ended = await self._ending.one(tx, row.account_id, token.family)
        if ended:
            LOGGER.warning(
                "A refresh token was used a second time: session %s of account %s has ended.",
                token.family,
                row.account_id,
            )

    def _ticket(self, row: Any, signing: SigningKey) -> Ticket:
        """An access token that tells when and how the person came in as the first one did (RFC 9068 2.2.1)."""
        return self._tickets.issue(
            signing,
            subject=row.account_id,
            username=row.username,
            session=row.id,
            auth_time=int(row.auth_time.timestamp()),
            amr=tuple(row.amr.split()),
        )

    def _common(self, row: Any, access: Ticket) -> dict[str, Any]:
        return {
            "session_id": row.id,
            "account_id": row.account_id,
            "clock_offset": self._database_clock(),
            "token_expires_at": access.expires_at,
        }

    def _key(self, purpose: str, key_id: str) -> bytes | None:
        return self._keys.data_keys(purpose).get(key_id)


def _seconds_left(row: Any) -> int:
    left: timedelta = min(row.refresh_expires_at, row.refresh_ends_at) - row.now
    return round(left.total_seconds())
