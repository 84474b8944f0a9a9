"""The SQL of accounts."""

from sqlalchemy import bindparam, insert, select, update

from coatcheck.accounts.tables import accounts

MOST_AT_ONCE = 1_000

FIND = select(accounts).where(accounts.c.mapped_username == bindparam("mapped_username"))
GET = select(accounts).where(accounts.c.id == bindparam("account_id"))

ADD = (
    insert(accounts)
    .values(
        username=bindparam("username"),
        mapped_username=bindparam("mapped_username"),
        password_hash=bindparam("password_hash"),
        created_at=bindparam("created_at"),
    )
    .returning(accounts)
)

# Many at a time: their names are looked up in one statement, and their ids are known before they are written.
# Fewer names are filled up with "", which nobody has.
TAKEN = select(accounts.c.mapped_username).where(
    accounts.c.mapped_username.in_(
        [bindparam(f"name_{number}", type_=accounts.c.mapped_username.type) for number in range(MOST_AT_ONCE)]
    )
)
ADD_WITH_ID = insert(accounts).values({column.name: bindparam(column.name) for column in accounts.c})

# A password is checked outside any transaction, for 25 ms or more. Whatever was acknowledged
# meanwhile wins: the row is written only if it still holds what was verified.
REPLACE_HASH = (
    update(accounts)
    .where(
        accounts.c.id == bindparam("account_id"),
        accounts.c.password_hash == bindparam("verified_hash"),
        accounts.c.disabled_at.is_(None),
    )
    .values(password_hash=bindparam("new_hash"))
)

DISABLE = (
    update(accounts).where(accounts.c.id == bindparam("account_id")).values(disabled_at=bindparam("disabled_at"))
)
