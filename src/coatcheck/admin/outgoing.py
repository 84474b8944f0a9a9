"""Accounts as JSON: an object on a line, for scripts and for other systems."""

import json
from collections.abc import AsyncGenerator, Callable

from pydantic_core import to_jsonable_python

from coatcheck.accounts import Account
from coatcheck.admin.users import Users

MEMBERS = ("id", "username", "created_at", "disabled_at")


def as_json(account: Account, **more: object) -> str:
    """One account, without its password unless that is among `more`."""
    return json.dumps(to_jsonable_python({name: getattr(account, name) for name in MEMBERS} | more))


async def pages(users: Users, damaged: Callable[[Account], object] | None) -> AsyncGenerator[list[str], None]:
    """All accounts, oldest first, an object each, some at a time.

    damaged: then each has a hash that needs no key to be checked; told of those that have none, though something is
    stored: they are written with null.
    """
    async for page in users.pages():
        lines = []
        for account in page:
            if damaged is None:
                lines.append(as_json(account))
                continue
            portable = await users.portable_hash(account)
            if portable is None and account.password_hash is not None:
                damaged(account)
            lines.append(as_json(account, password_hash=portable))
        yield lines
