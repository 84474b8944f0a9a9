"""Hashing and verifying, off the event loop."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from argon2 import PasswordHasher, Type
from argon2.exceptions import VerificationError

from coatcheck.passwords import policy, stored
from coatcheck.passwords.cost import Cost
from coatcheck.passwords.fair_queue import Turn
from coatcheck.passwords.formats import FORMATS, Format, format_of, formats_beside, with_its_pepper
from coatcheck.passwords.normal_forms import nfc
from coatcheck.passwords.pool import HashingPool
from coatcheck.problems import Unavailable

HASH_BYTES = 32
SALT_BYTES = 16  # RFC 9106 section 3.1
NO_TURN = Turn()


class DataKeys(Protocol):
    """The keys for one purpose, by their ids; they come from a room above."""

    async def newest(self) -> tuple[str, bytes]:
        """The id of the one for what is stored from now on, and its 32 bytes. Raises Unavailable."""
        ...

    async def find(self, key_id: str) -> bytes | None:
        """One that something was stored with; None if there is no such key."""
        ...


@dataclass(frozen=True, slots=True)
class Verdict:
    """right: it is the password. renewed: what to store instead, when the stored one is not as we store today."""

    right: bool
    renewed: str | None = None


@dataclass(frozen=True, slots=True)
class _Against:
    """What a password is checked against. foreign: how, if not peppered. current: with the newest pepper."""

    hash: str
    foreign: Format | None = None
    pepper: bytes = b""
    current: bool = False


class _NoKey(Exception):
    """The stored text names a key that is not there: another process's news, or somebody has removed it."""


WRONG = Verdict(right=False)
DAMAGED = "damaged: no password opens it"
UNKNOWN = f"Its password hash is of no kind that is known here ({', '.join(one.name for one in FORMATS)})."


class Passwords:
    """The passwords of one application: its policy, its cost, its threads.

    peppers: mixed into each password before it is hashed. seals: encrypt other systems' hashes.
    Memory is threads × cost.memory_kib.
    """

    def __init__(
        self, cost: Cost, rules: policy.Policy = policy.DEFAULT, *, peppers: DataKeys, seals: DataKeys
    ) -> None:
        self._rules = rules
        self._peppers = peppers
        self._seals = seals
        self._formats = formats_beside(cost)
        self._hasher = PasswordHasher(
            time_cost=cost.iterations,
            memory_cost=cost.memory_kib,
            parallelism=cost.lanes,
            hash_len=HASH_BYTES,
            salt_len=SALT_BYTES,
            type=Type.ID,
        )
        # Verified against when there is no account or no password, so that both cost the same.
        self._nobodys = self._hasher.hash(os.urandom(SALT_BYTES))
        self.pool = HashingPool()

    def refusal(self, password: str, username: str | None = None) -> str | None:
        """Why a new password is refused and what would do, or None. username: whose it is to be, if known."""
        return self._rules.refusal(password, username)

    async def hash(self, password: str, turn: Turn = NO_TURN) -> str:
        """What to store. Raises HashingBusy."""
        while True:
            pepper = await self._peppers.newest()
            text = await self.pool.run(partial(self._hash, password, pepper), turn)
            if await self._peppers.newest() == pepper:  # not after a reset, which took the key that it needs
                return text

    async def verify(
        self, password: str, kept: str | None, *, account_id: int | None = None, turn: Turn = NO_TURN
    ) -> Verdict:
        """Whether it is the password behind the stored text; None costs the same and is never right.

        account_id: whose it is; another system's hash is good for no other account. Raises HashingBusy;
        Unavailable: the text names a key that cannot be opened here.
        """
        if len(password) > 4 * policy.MAX_LENGTH:
            password, kept = "", None
        pepper = await self._peppers.newest()
        if kept is None:  # read like any other, too: that takes some hundredths of a millisecond
            kept = stored.with_pepper(pepper[0], self._nobodys)
        try:
            against = await self._against(kept, account_id, pepper[0])
        except _NoKey:
            raise Unavailable from None
        return await self.pool.run(lambda: self._verify(password, against, pepper), turn)

    def foreign_refusal(self, text: str) -> str | None:
        """Why another system's hash cannot be taken over, without the hash itself; None if it can be."""
        its_format = format_of(text, self._formats)
        return UNKNOWN if its_format is None else its_format.refusal(text)

    async def seal_all(self, foreign_hashes: Mapping[int, str]) -> dict[int, str]:
        """What to store of other systems' hashes, by account id: they have no pepper, so they are encrypted.

        Raises Unavailable.
        """
        key = await self._seals.newest()
        return {account_id: stored.seal(text, *key, account_id) for account_id, text in foreign_hashes.items()}

    async def portable(self, kept: str, account_id: int) -> str | None:
        """The stored hash in a form that needs no key: with its pepper in it, or as the other system wrote it.

        None: damaged, or not this account's, or its key is not here. Raises DatabaseUnavailable.
        """
        try:
            against = await self._against(kept, account_id, newest_id="")
        except _NoKey:
            return None
        if against is None:
            return None
        return against.hash if against.foreign else with_its_pepper(against.hash, against.pepper)

    async def kind(self, kept: str | None, account_id: int) -> str:
        """How a password is stored, in words. Raises DatabaseUnavailable."""
        if kept is None:
            return "no password"
        newest_id, _ = await self._peppers.newest()
        try:
            against = await self._against(kept, account_id, newest_id)
        except _NoKey:
            return "with a key that is not here: nobody gets in"
        if against is None:
            return DAMAGED
        if against.foreign:
            return against.foreign.name
        return "as today" if self._is_as_today(against) else "ours, of another cost or pepper"

    def close(self) -> None:
        """Let the threads go; what waits is given up. The next password starts them again."""
        self.pool.close()

    async def _against(self, kept: str, account_id: int | None, newest_id: str) -> _Against | None:
        """The hash and the key that the stored text names; None: nothing that a password can be behind."""
        said = stored.read(kept)
        if said is None:
            return self._foreign(kept)
        key = await (self._peppers if said.peppered else self._seals).find(said.key_id)
        if key is None:
            raise _NoKey
        if said.peppered:
            return _Against(said.rest, pepper=key, current=said.key_id == newest_id)
        return self._foreign(stored.opened(said.rest, key, account_id or 0))

    def _foreign(self, text: str | None) -> _Against | None:
        """Another system's hash, if it is one that can be checked."""
        if text is None or self.foreign_refusal(text) is not None:
            return None
        return _Against(text, foreign=format_of(text, self._formats))

    def _verify(self, password: str, against: _Against | None, pepper: tuple[str, bytes]) -> Verdict:
        """In a thread."""
        if against is None:
            self._is_behind(password, _Against(self._nobodys, pepper=pepper[1]))
            return WRONG
        if not self._is_behind(password, against):
            return WRONG
        return Verdict(right=True, renewed=None if self._is_as_today(against) else self._hash(password, pepper))

    def _is_as_today(self, against: _Against) -> bool:
        return against.current and not self._hasher.check_needs_rehash(against.hash)

    def _is_behind(self, password: str, against: _Against) -> bool:
        if against.foreign:
            return against.foreign.verify(password, against.hash)
        mixed = stored.peppered(nfc(password), against.pepper)
        try:
            return self._hasher.verify(against.hash, mixed)
        except VerificationError:
            return False

    def _hash(self, password: str, pepper: tuple[str, bytes]) -> str:
        """In a thread."""
        key_id, key = pepper
        return stored.with_pepper(key_id, self._hasher.hash(stored.peppered(nfc(password), key)))
