"""`Keyring`: the keys of one database as one process holds them, and their changes."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from functools import partial
from typing import NamedTuple, TypeVar

from coatcheck.database import Database, DatabaseUnavailable, Transaction, UniqueViolation
from coatcheck.keys import rotation, statements
from coatcheck.keys.change import Change
from coatcheck.keys.check import wrong_secret
from coatcheck.keys.secret import Secret, WrongSecret
from coatcheck.keys.secrets import Secrets
from coatcheck.keys.standing import Standing, State
from coatcheck.keys.statements import SIGNING
from coatcheck.keys.unheard import Unheard
from coatcheck.keys.unwrapped import UnknownKind, Unwrapped
from coatcheck.problems import StartRefused, Unavailable
from coatcheck.tokens import EDDSA, SigningKey

Result = TypeVar("Result")

TRIES = 3
ACCEPTED: tuple[State, ...] = ("current", "next", "retired")  # the order of the key set
LOGGER = logging.getLogger("coatcheck")


class DataKey(NamedTuple):
    """A key for one purpose. value: 32 bytes."""

    id: str
    value: bytes


class Keyring:
    """The keys in one database.

    clock: seconds since 1970, UTC. algorithm: of new signing keys, EdDSA or ES256. key_days: how long
    one signs before the next takes its place.
    """

    def __init__(
        self, database: Database, *, clock: Callable[[], float], algorithm: str = EDDSA, key_days: int = 30
    ) -> None:
        self._database = database
        self._clock = clock
        self._algorithm = algorithm
        self._days = key_days
        self._held: Unwrapped | None = None
        self._standings: list[Standing] = []
        self._data: dict[str, dict[str, bytes]] = {}
        self._unheard = Unheard()
        self._stale = False
        self._lock = asyncio.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self.signing: dict[str, SigningKey] = {}
        self.revision = 0

    async def load(self, read: Callable[[], Secrets], *, serves: bool = True) -> None:
        """Read the keys, and make those that are missing.

        read: gives the secrets, see Unwrapped. serves: also change a next key that is not of the algorithm
        asked for. That is for a server's settings to say, not for those of whoever lists the users.
        Raises StartRefused: they do not belong to the database.
        """
        self._held = Unwrapped(read, await asyncio.to_thread(read))
        async with self._alone():
            try:
                await self._reload(strict=True)
                wanted = self._algorithm if serves else None
                if not rotation.is_complete(self._standings, self._data, wanted, self._now()):
                    await self._change(partial(rotation.complete, algorithm=self._algorithm))
            except WrongSecret:
                raise wrong_secret(self._database) from None
            except UnknownKind:
                raise StartRefused(
                    f"A signing key in the database {self._database} is of a kind that this program does not know. "
                    "Install the version that made it."
                ) from None

    async def current(self) -> SigningKey:
        """The key that signs. Asked before a transaction begins: it may have one of its own.

        Raises Unavailable: no key can be opened.
        """
        # While the database is away a key that signs a day longer harms nobody; a failed login would.
        with suppress(DatabaseUnavailable):
            await self.fresh()
            if not self._standings:  # a reset has taken all of them away
                await self._changed(partial(rotation.complete, algorithm=self._algorithm))
            if self._is_due() and not self._lock.locked():
                async with self._alone():
                    await self._rotate_on_schedule()
        self._drop_what_is_over()
        for key in self._open_in("current", "retired", "next"):  # the first, unless it cannot be opened
            return key
        raise Unavailable

    def told(self, revision: int) -> None:
        """Somebody has changed the keys, and this is the number of the change. May come from any thread."""
        if revision != self.revision:
            self._stale = True

    async def fresh(self) -> None:
        """Read the keys again, if they are known to have changed. Raises DatabaseUnavailable."""
        if self._stale:
            async with self._alone():
                if self._stale:
                    await self._reload()

    async def learned(self, key_id: str) -> bool:
        """Whether a key that this process has never heard of is one of ours, by asking the database.

        After `keys rotate --now` a token may be here before the news of its key. Anybody can write any id, so
        this costs one keyed read at most, and nothing for a key that is known: revoked, over, or unopened.
        """
        if any(one.id == key_id for one in self._standings):
            return False
        return await self._learn(key_id) and key_id in self.signing

    async def learned_data(self, key_id: str) -> bool:
        """The same for a data key that a row names: another process may have made it in this moment."""
        return await self._learn(key_id) and self._holds_data(key_id)

    async def _learn(self, key_id: str) -> bool:
        """Read the keys again, if the database has one of this id."""
        if key_id in self._unheard:
            return False
        if await self._database.one(statements.BY_KEY_ID, {"key_id": key_id}) is None:
            self._unheard.add(key_id)
            return False
        async with self._alone():
            if not (key_id in self.signing or self._holds_data(key_id)):
                await self._reload()
        return True

    def _holds_data(self, key_id: str) -> bool:
        return any(key_id in keys for keys in self._data.values())

    def published(self) -> list[SigningKey]:
        """The keys of the key set: the current one, the next one, those retired, the newest first."""
        return self._open_in(*ACCEPTED)

    def listed(self) -> list[tuple[Standing, State]]:
        """Every signing key, the oldest first, and the state that it is in."""
        now = self._now()
        return [(one, one.state(now)) for one in self._standings]

    async def newest(self, purpose: str) -> DataKey:
        """The newest key for this purpose, also after a reset has taken all of them. Raises Unavailable."""
        await self.fresh()
        if not self.data_keys(purpose):
            await self._changed(partial(rotation.complete, algorithm=self._algorithm))
        return self.data_key(purpose)

    def data_key(self, purpose: str) -> DataKey:
        """The newest key for this purpose. Raises Unavailable: none can be opened."""
        found = list(self.data_keys(purpose).items())
        if not found:
            raise Unavailable
        return DataKey(*found[-1])

    def data_keys(self, purpose: str) -> Mapping[str, bytes]:
        """All keys for this purpose by their ids, the newest last: an old one still reads what it has hashed."""
        return self._data.get(purpose, {})

    async def rotate(self, *, now: bool = False) -> None:
        """Let the next key sign. now: also if others may not know it yet. Raises TooSoon."""
        await self._changed(partial(rotation.rotate, algorithm=self._algorithm, now=now))

    async def rotate_all(self) -> None:
        """Make every key anew; the old ones still read what they have signed and hashed."""
        await self._changed(partial(rotation.rotate_all, algorithm=self._algorithm))

    async def retire(self, key_id: str) -> tuple[Standing, State]:
        """Let a key sign no more. Gives it with the state it was in. Raises NoSuchKey, TooSoon."""
        return await self._changed(partial(rotation.retire, key_id=key_id, algorithm=self._algorithm))

    async def revoke(self, key_id: str) -> tuple[Standing, State]:
        """Refuse what a key has signed. Gives it with the state it was in. Raises NoSuchKey."""
        return await self._changed(partial(rotation.revoke, key_id=key_id, algorithm=self._algorithm))

    async def begin_anew(self, also: Callable[[Transaction], Awaitable[None]]) -> None:
        """New signing keys, every other one revoked, and `also`: in one transaction."""

        async def decide(change: Change) -> None:
            await rotation.begin_anew(change, self._algorithm)
            await also(change.tx)

        await self._changed(decide)

    async def wrap_all(self, secret: Secret) -> int:
        """Wrap every key under this secret. How many were not."""
        return await self._changed(lambda change: change.wrap_all(secret))

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock(), UTC)

    def _open_in(self, *states: State) -> list[SigningKey]:
        """The keys in these states, in this order, the newest of each first."""
        now = self._now()
        return [
            self.signing[one.id]
            for state in states
            for one in reversed(self._standings)
            if one.state(now) == state and one.id in self.signing
        ]

    def _is_due(self) -> bool:
        return rotation.is_due(self._standings, self._algorithm, self._days, self._now())

    async def _rotate_on_schedule(self) -> None:
        if self._is_due():
            try:
                await self._change(partial(rotation.rotate_if_due, algorithm=self._algorithm, days=self._days))
            except WrongSecret:
                LOGGER.error(
                    "The signing key cannot be changed: the keys were wrapped under another secret since this "
                    "server started. Restart it with that in COATCHECK_SECRET."
                )

    async def _changed(self, decide: Callable[[Change], Awaitable[Result]]) -> Result:
        async with self._alone():
            return await self._change(decide)

    async def _change(self, decide: Callable[[Change], Awaitable[Result]]) -> Result:
        """Change the table, then read it. Raises WrongSecret: the rows open under nothing that is known."""
        for attempts_left in reversed(range(TRIES)):
            try:
                result = await self._try_to_change(decide)
            except UniqueViolation:  # another process was first; what it made is read in the next round
                if not attempts_left:
                    raise
            except WrongSecret:
                if not attempts_left:
                    raise
                await self._unwrapped.read_again()
            else:
                await self._reload()
                return result
        raise AssertionError("the last attempt returns or raises")

    async def _try_to_change(self, decide: Callable[[Change], Awaitable[Result]]) -> Result:
        async with self._database.transaction() as tx:
            change = await Change.begin(tx, self._unwrapped.secrets, self._now())
            result = await decide(change)
            await change.end()
        return result

    async def _reload(self, *, strict: bool = False) -> None:
        # Before the rows are read: what is told while they are on their way counts for the next time.
        self._stale = False
        try:
            rows = await self._database.all(statements.ALL)
            await self._unwrapped.open_all(rows, strict=strict)
        except BaseException:
            self._stale = True
            raise
        self._standings = [Standing.of(row) for row in rows if row.purpose == SIGNING]
        data: dict[str, dict[str, bytes]] = {}
        for row in rows:
            if (value := self._unwrapped.data(row.key_id)) is not None:
                data.setdefault(row.purpose, {})[row.key_id] = value
        self._data = data
        self.revision = max((row.revision for row in rows), default=0)
        self._take_over()

    def _take_over(self) -> None:
        """Change the dictionary in place: whoever checks tokens holds it."""
        now = self._now()
        accepted = {one.id for one in self._standings if one.state(now) in ACCEPTED}
        for key_id in accepted:
            if (key := self._unwrapped.signing(key_id)) is not None:
                self.signing[key_id] = key
        for key_id in self.signing.keys() - accepted:
            del self.signing[key_id]

    def _drop_what_is_over(self) -> None:
        now = self._now()
        for standing in self._standings:
            if standing.id in self.signing and standing.state(now) == "over":
                del self.signing[standing.id]

    @property
    def _unwrapped(self) -> Unwrapped:
        assert self._held is not None, "load() comes first"
        return self._held

    @asynccontextmanager
    async def _alone(self) -> AsyncGenerator[None, None]:
        """One at a time, in whatever event loop runs: a test client brings one for each request."""
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            self._loop, self._lock = loop, asyncio.Lock()
        async with self._lock:
            yield
