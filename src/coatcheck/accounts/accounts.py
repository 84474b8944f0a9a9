"""What can be done with account rows."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from coatcheck.accounts import newcomers, statements
from coatcheck.accounts.newcomers import Newcomer
from coatcheck.accounts.username import LONGEST_USERNAME, mapped
from coatcheck.database import Database, Transaction, UniqueViolation
from coatcheck.passwords import Passwords, Turn
from coatcheck.problems import BadRequest, Forbidden, Invalid
from coatcheck.throttle import Throttle
from coatcheck.web import Client

LARGEST_ID = 2**63 - 1  # what the column holds, on both engines


class UsernameTaken(BadRequest):
    """Somebody has this name, in this or another spelling of it."""

    title = "Username taken"
    name = "username-taken"
    detail = "This username is taken. Choose another one, or log in if it is yours."


class RegistrationClosed(Forbidden):
    """Accounts are made by the operator."""

    title = "Registration is closed"
    name = "registration-closed"
    detail = "Accounts are created by whoever runs this service; ask there."


@dataclass(frozen=True, slots=True)
class Account:
    """One account. username: as typed. password_hash: None when it gets in some other way; never printed."""

    id: int
    username: str
    password_hash: str | None = field(repr=False)
    created_at: datetime
    disabled_at: datetime | None

    @property
    def enabled(self) -> bool:
        """Whether it may be used."""
        return self.disabled_at is None


class Accounts:
    """The accounts in one database. clock: seconds since 1970, UTC."""

    def __init__(
        self,
        database: Database,
        passwords: Passwords,
        throttle: Throttle,
        *,
        clock: Callable[[], float],
        open_to_all: bool,
    ) -> None:
        self._database = database
        self._passwords = passwords
        self._throttle = throttle
        self._clock = clock
        self._open_to_all = open_to_all

    async def register(self, username: str, password: str, client: Client) -> Account:
        """A new account for whoever asks.

        Raises RegistrationClosed, Invalid, TooManyRegistrations, UsernameTaken, HashingBusy.
        """
        if not self._open_to_all:
            raise RegistrationClosed
        form = self._acceptable(username, password)
        await self._throttle.registration(client)  # also for a name that is taken: else one could ask for all of them
        return await self._add(username, form, password, self._throttle.turn(client))

    async def create(self, username: str, password: str) -> Account:
        """A new account, by an operator. Raises Invalid with `#/username`, `#/password`; UsernameTaken."""
        return await self._add(username, self._acceptable(username, password), password, Turn())

    def _acceptable(self, username: str, password: str) -> str:
        """The mapped username. Raises Invalid."""
        form = mapped(username)
        errors: list[tuple[str, str]] = []
        if form is None:
            errors.append(
                (
                    "#/username",
                    f"Use 1 to {LONGEST_USERNAME} letters, digits, dots, hyphens or underscores, without spaces; "
                    "an e-mail address will do.",
                )
            )
        # Only a name that somebody can have is compared: NFKC of 64 KB of marks would stop the loop for a second.
        if why := self._passwords.refusal(password, None if form is None else username):
            errors.append(("#/password", why))
        if form is None or errors:
            raise Invalid(errors)
        return form

    async def _add(self, username: str, form: str, password: str, turn: Turn) -> Account:
        """Raises UsernameTaken, before the hash if the name is known to be taken: the constraint decides, the look
        only saves the work."""
        if await self._database.one(statements.FIND, {"mapped_username": form}):
            raise UsernameTaken
        row = {
            "username": username,
            "mapped_username": form,
            "password_hash": await self._passwords.hash(password, turn),
            "created_at": datetime.fromtimestamp(self._clock(), UTC),
        }
        forget = await self._throttle.forgetting(form)
        try:
            async with self._database.transaction() as tx:
                account = account_of(await tx.one(statements.ADD, row))
                await forget(tx, None)  # what was guessed before there was anything to guess
        except UniqueViolation:
            raise UsernameTaken from None
        return account

    async def free(self, some: Sequence[Newcomer]) -> list[Newcomer]:
        """Those whose names nobody has yet, each name once; of at most MOST_AT_ONCE."""
        return await newcomers.free(self._database, some)

    async def take_in(self, some: Sequence[Newcomer]) -> int:
        """Add those whose names are free, at most MOST_AT_ONCE in one transaction; how many that were."""
        now = datetime.fromtimestamp(self._clock(), UTC)
        return await newcomers.take_in(self._database, self._passwords, self._throttle, some, now=now)

    async def find(self, username: str) -> Account | None:
        """The account of this name, in any spelling that maps to the same form."""
        form = mapped(username)
        if form is None:
            return None
        row = await self._database.one(statements.FIND, {"mapped_username": form})
        return account_of(row) if row else None

    async def get(self, account_id: int) -> Account | None:
        """The account of this id."""
        row = await self._database.one(statements.GET, {"account_id": account_id})
        return account_of(row) if row else None

    async def replace_hash(self, tx: Transaction, account: Account, new_hash: str) -> bool:
        """Store a new hash, if the account still is what was verified and enabled; whether it was."""
        values = {
            "account_id": account.id,
            "verified_hash": account.password_hash,
            "new_hash": new_hash,
        }
        return await tx.execute(statements.REPLACE_HASH, values) == 1

    async def disable(self, tx: Transaction, account_id: int) -> bool:
        """Keep the account but let nobody in. Its sessions are the caller's to end. Whether it exists."""
        values = {"account_id": account_id, "disabled_at": datetime.fromtimestamp(self._clock(), UTC)}
        return await tx.execute(statements.DISABLE, values) == 1

    async def enable(self, tx: Transaction, account_id: int) -> bool:
        """Let a disabled account in again. Whether it exists."""
        return await tx.execute(statements.DISABLE, {"account_id": account_id, "disabled_at": None}) == 1


def account_of(row: Any) -> Account:
    """The account that a row of the table is."""
    return Account(row.id, row.username, row.password_hash, row.created_at, row.disabled_at)
