"""Accounts as JSON: an object on a line, for scripts and for other systems."""

import json
from collections.abc import AsyncGenerator

from pydantic_core import to_jsonable_python

from coatcheck.accounts import Account
from coatcheck.admin.users import Users

MEMBERS = ("id", "username", "created_at", "disabled_at")


def as_json(account: Account, **more: object) -> str:
    """One account, without its password unless that is among `more`."""
    return json.dumps(to_jsonable_python({name: getattr(account, name) for name in MEMBERS} | more))


async def pages(users: Users, *, with_hashes: bool) -> AsyncGenerator[list[str], None]:
    """All accounts, oldest first, an object each, some at a time.

    with_hashes: each with a hash that needs no key to be checked.
    """
    async for page in users.pages():
        if with_hashes:
            yield [as_json(account, password_hash=await users.portable_hash(account)) for account in page]
        else:
            yield [as_json(account) for account in page]
