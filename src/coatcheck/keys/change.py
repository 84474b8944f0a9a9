"""One change of the keys table: alone, all of it or nothing, numbered and announced."""

import secrets
from collections import defaultdict
from dataclasses import replace
from datetime import datetime, timedelta
from secrets import randbelow
from typing import Any

from coatcheck.database import Transaction
from coatcheck.keys import statements
from coatcheck.keys.secret import Secret, WrongSecret
from coatcheck.keys.secrets import Secrets, opened
from coatcheck.keys.standing import RETIRED_SECONDS, Standing
from coatcheck.keys.statements import SIGNING
from coatcheck.tokens import SigningKey

CHANNEL = "coatcheck"
NO_KEYS = "keys 0"  # announced after a reset: no change has this number
HASHING = "hashing"  # hashes one-time values
SUCCESSOR = "successor"  # derives refresh successors; never the hashing key, else the stored hash is the next value
PEPPER = "pepper"  # mixed into passwords
SEAL = "imported hashes"  # encrypts other systems' password hashes
THROTTLE = "throttle"  # hashes the names and networks that guesses are counted by
HMAC = "HMAC-SHA-256"
DATA_PURPOSES = {HASHING: HMAC, SUCCESSOR: HMAC, PEPPER: HMAC, SEAL: "AES-256-GCM", THROTTLE: HMAC}
DATA_KEY_BYTES = 32
DATA_KEY_ID_BYTES = 16
KEPT_SECONDS = 30 * 86_400  # an over key is shown for so long
FIRST_REVISIONS = 2**30
REVISIONS_AHEAD = 10_000  # a key a day, and a hand now and then: decades of them


class Change:
    """What a transaction sees of the table, and the only way to write there.

    secrets: what rows may be wrapped under. now: by the clock handed to Coatcheck.
    """

    def __init__(self, tx: Transaction, rows: list[Any], secrets: Secrets, now: datetime) -> None:
        self.tx = tx
        self._secrets = secrets
        self._rows = rows
        self._serials: defaultdict[str, int] = defaultdict(int)
        for row in rows:
            self._serials[row.purpose] = max(self._serials[row.purpose], row.serial)
        self.now = now
        self.signing = [Standing.of(row) for row in rows if row.purpose == SIGNING]
        # By chance where there was none: after a reset it must not be the number that a running server knows.
        self.revision = 1 + max((row.revision for row in rows), default=randbelow(FIRST_REVISIONS))
        self.changed = False

    @classmethod
    async def begin(cls, tx: Transaction, secrets: Secrets, now: datetime) -> "Change":
        """Wait for other changes, then read what they have left."""
        await tx.all(statements.LOCK, {"purpose": HASHING})
        # A statement of its own: on PostgreSQL it sees what was committed while the lock was waited for.
        return cls(tx, await tx.all(statements.ALL), secrets, now)

    def leap(self) -> None:
        """Number this change beyond all that the database can have forgotten.

        A process that knows one of those would else take this for the one it knows.
        """
        self.revision += REVISIONS_AHEAD

    @property
    def purposes(self) -> set[str]:
        """What there are keys for."""
        return set(self._serials)

    async def add_signing(self, algorithm: str, *, signs: bool = False) -> None:
        """A new signing key: published at once, and signing at once if `signs`."""
        key = SigningKey.generate(algorithm)
        while key.id.startswith("-"):  # `coatcheck keys revoke -x…` would take it for an option
            key = SigningKey.generate(algorithm)
        signs_from = self.now if signs else None
        await self._add(SIGNING, key.id, algorithm, key.private, signs_from)
        serial = self._serials[SIGNING]
        self.signing.append(Standing(key.id, algorithm, serial, self.now, signs_from, None, None))

    async def add_data_key(self, purpose: str) -> None:
        """A new data key; the older ones stay for what they have hashed."""
        key_id = secrets.token_urlsafe(DATA_KEY_ID_BYTES)
        await self._add(purpose, key_id, DATA_PURPOSES[purpose], secrets.token_bytes(DATA_KEY_BYTES), None)

    async def _add(self, purpose: str, key_id: str, algorithm: str, key: bytes, signs_from: datetime | None) -> None:
        # Under the secret that wraps the rows there are, decided inside the transaction: a server that
        # still holds the old one as its own would otherwise leave a row that nobody can open, once the
        # secret has been changed and the old one is gone.
        secret = self._secrets.opener(self._rows[0])[0] if self._rows else self._secrets.current
        self._serials[purpose] += 1
        await self.tx.execute(
            statements.ADD,
            {
                "key_id": key_id,
                "purpose": purpose,
                "serial": self._serials[purpose],
                "algorithm": algorithm,
                "wrapped": secret.wrap(key, purpose=purpose, key_id=key_id, algorithm=algorithm),
                "created_at": self.now,
                "signs_from": signs_from,
                "retired_at": None,
                "revoked_at": None,
                "revision": self.revision,
            },
        )
        self.changed = True

    async def move(self, standing: Standing, **moments: datetime) -> None:
        """Give a signing key one of its moments: signs_from, retired_at, revoked_at."""
        moved = replace(standing, **moments)  # type: ignore[arg-type]
        await self.tx.execute(
            statements.MOVE,
            {
                "moved": moved.id,
                "signs_from": moved.signs_from,
                "retired_at": moved.retired_at,
                "revoked_at": moved.revoked_at,
                "revision": self.revision,
            },
        )
        self.signing[self.signing.index(standing)] = moved
        self.changed = True

    async def wrap_all(self, new: Secret) -> int:
        """Wrap every key under this secret. How many were not. Raises WrongSecret: one opens under none."""
        wrapped = 0
        for row in self._rows:
            try:
                opened(new, row)
            except WrongSecret:
                _, key = self._secrets.opener(row)
                again = new.wrap(key, purpose=row.purpose, key_id=row.key_id, algorithm=row.algorithm)
                await self.tx.execute(
                    statements.WRAP, {"moved": row.key_id, "wrapped": again, "revision": self.revision}
                )
                wrapped += 1
        self.changed = self.changed or wrapped > 0
        return wrapped

    async def end(self) -> None:
        """Forget what has been over for long, and tell the other processes, if anything has changed."""
        if self.changed:
            long_ago = self.now - timedelta(seconds=RETIRED_SECONDS + KEPT_SECONDS)
            await self.tx.execute(statements.FORGET, {"before": long_ago})
            await self.tx.announce(CHANNEL, f"keys {self.revision}")
