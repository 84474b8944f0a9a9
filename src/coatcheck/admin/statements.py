"""The SQL of what an operator does."""

from sqlalchemy import bindparam, delete, select, update

from coatcheck.accounts.tables import accounts

ESCAPE = "\\"

PAGE = select(accounts).where(accounts.c.id > bindparam("after")).order_by(accounts.c.id).limit(bindparam("limit"))
SEARCH = PAGE.where(
    accounts.c.mapped_username.like(bindparam("pattern", type_=accounts.c.mapped_username.type), escape=ESCAPE)
)

# Hashing takes 25 ms or more: a change that was acknowledged meanwhile is not undone unseen. Unlike
# one's own change this needs no enabled account, and an account that had no password may be given one.
SET_HASH = (
    update(accounts)
    .where(
        accounts.c.id == bindparam("account_id"),
        accounts.c.password_hash.is_not_distinct_from(bindparam("found_hash")),
    )
    .values(password_hash=bindparam("new_hash"))
)

# The application's rows go with it (ON DELETE CASCADE).
DELETE = delete(accounts).where(accounts.c.id == bindparam("account_id"))
