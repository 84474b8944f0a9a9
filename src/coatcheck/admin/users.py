"""What an operator does to others' accounts."""

import unicodedata
from collections import Counter
from collections.abc import AsyncGenerator, Sequence

from coatcheck.accounts import Account, Accounts, Newcomer, account_of, counted_as, mapped
from coatcheck.admin import statements
from coatcheck.admin.statements import ESCAPE
from coatcheck.database import Database
from coatcheck.passwords import Passwords
from coatcheck.problems import Conflict, Invalid
from coatcheck.sessions import Sessions
from coatcheck.throttle import Throttle

CHANGED_MEANWHILE = "Somebody else is changing this password at the same moment; nothing was changed. Try again."
PAGE_ROWS = 1_000
SEARCH_SECONDS = 60.0  # for one page; an operator can wait longer than a browser
# Somebody may change the password while the new one is hashed; then the account is looked at once more.
TRIES = 2


class Users:
    """Everybody's accounts."""

    def __init__(
        self, database: Database, accounts: Accounts, passwords: Passwords, sessions: Sessions, throttle: Throttle
    ) -> None:
        self._database = database
        self._accounts = accounts
        self._passwords = passwords
        self._sessions = sessions
        self._throttle = throttle

    async def pages(self, search: str | None = None, *, rows: int = PAGE_ROWS) -> AsyncGenerator[list[Account], None]:
        """All accounts, oldest first, some at a time: a million of them need no more memory than a page.

        search: only those whose username contains it, in any case. Raises ReadTooLong.
        """
        statement = statements.PAGE if search is None else statements.SEARCH
        values: dict[str, object] = {"after": 0, "limit": rows}
        if search is not None:
            values["pattern"] = f"%{_literally(mapped(search) or unicodedata.normalize('NFC', search.lower()))}%"
        while page := await self._database.scan(statement, values, seconds=SEARCH_SECONDS):
            yield [account_of(row) for row in page]
            values["after"] = page[-1].id

    async def hashes(self) -> Counter[str]:
        """How many passwords are stored in which way."""
        counts: Counter[str] = Counter()
        async for page in self.pages():
            for account in page:
                counts[await self._passwords.kind(account.password_hash, account.id)] += 1
        return counts

    async def find(self, username: str) -> Account | None:
        """The account of this name, or None."""
        return await self._accounts.find(username)

    async def get(self, account_id: int) -> Account | None:
        """The account of this id, or None."""
        return await self._accounts.get(account_id)

    async def create(self, username: str, password: str) -> Account:
        """A new account, also where registration is closed. Raises UsernameTaken, Invalid."""
        return await self._accounts.create(username, password)

    async def free(self, some: Sequence[Newcomer]) -> list[Newcomer]:
        """Those of some accounts of another system whose names nobody has here, each name once."""
        return await self._accounts.free(some)

    async def take_in(self, some: Sequence[Newcomer]) -> int:
        """Add those whose names are free, also where registration is closed; how many that were."""
        return await self._accounts.take_in(some)

    def hash_refusal(self, foreign_hash: str) -> str | None:
        """Why another system's hash cannot be taken in, or None."""
        return self._passwords.foreign_refusal(foreign_hash)

    async def portable_hash(self, account: Account) -> str | None:
        """The hash of the account's password in a form that other systems can check; None: it has none that opens."""
        if account.password_hash is None:
            return None
        return await self._passwords.portable(account.password_hash, account.id)

    async def set_password(self, account_id: int, password: str) -> bool:
        """Replace the password and end every session, in one transaction. Whether the account exists.

        Raises Invalid with `#/password`, Conflict.
        """
        named = await self._accounts.get(account_id)
        if named is None:
            return False
        if why := self._passwords.refusal(password, named.username):
            raise Invalid([("#/password", why)])
        new_hash = await self._passwords.hash(password)
        for _ in range(TRIES):
            account = await self._accounts.get(account_id)
            if account is None:
                return False
            values = {"account_id": account.id, "found_hash": account.password_hash, "new_hash": new_hash}
            forget = await self._throttle.forgetting(counted_as(account.username))
            async with self._database.transaction() as tx:
                if changed := await tx.execute(statements.SET_HASH, values) == 1:
                    await self._sessions.end_all(tx, account.id)
                    await forget(tx, account.id)
            if changed:
                return True
        raise Conflict(CHANGED_MEANWHILE)

    async def unlock(self, account: Account) -> None:
        """Begin every count of wrong passwords for this account anew: its owner need not wait any longer."""
        forget = await self._throttle.forgetting(counted_as(account.username))
        async with self._database.transaction() as tx:
            # The account's row first, as everywhere: another order could deadlock with its deletion.
            await self._sessions.lock_account(tx, account.id)
            await forget(tx, account.id)

    async def disable(self, account_id: int) -> bool:
        """Keep the account but let nobody in, and end its sessions, from the next request on. Whether it exists."""
        async with self._database.transaction() as tx:
            found = await self._accounts.disable(tx, account_id)
            await self._sessions.end_all(tx, account_id)
        return found

    async def enable(self, account_id: int) -> bool:
        """Let a disabled account in again. Whether it exists."""
        async with self._database.transaction() as tx:
            return await self._accounts.enable(tx, account_id)

    async def delete(self, account_id: int) -> bool:
        """Delete the account and all that hangs on it. Whether it existed. Raises ForeignKeyViolation."""
        async with self._database.transaction() as tx:
            await self._sessions.end_all(tx, account_id)
            return await tx.execute(statements.DELETE, {"account_id": account_id}) == 1


def _literally(text: str) -> str:
    """The text for LIKE, where % and _ are letters too."""
    for sign in (ESCAPE, "%", "_"):
        text = text.replace(sign, ESCAPE + sign)
    return text
