"""The SQL of sessions."""

from sqlalchemy import bindparam, delete, insert, select

from coatcheck.accounts.tables import accounts
from coatcheck.sessions.tables import sessions

_enabled_as_verified = (
    select(
        bindparam("session_id", type_=sessions.c.id.type),
        accounts.c.id,
        bindparam("auth_time", type_=sessions.c.auth_time.type),
        bindparam("amr", type_=sessions.c.amr.type),
        bindparam("expires_at", type_=sessions.c.expires_at.type),
    )
    .where(
        accounts.c.id == bindparam("account_id"),
        accounts.c.disabled_at.is_(None),
        accounts.c.password_hash.is_not_distinct_from(bindparam("verified_hash")),
    )
    # A change under way is waited for, and then wins: its hash is another one.
    .with_for_update(read=True)
)

# One statement, conditional on what was verified outside any transaction.
OPEN = insert(sessions).from_select(["id", "account_id", "auth_time", "amr", "expires_at"], _enabled_as_verified)

ALIVE = (
    select(sessions.c.account_id)
    .join(accounts, accounts.c.id == sessions.c.account_id)
    .where(sessions.c.id == bindparam("session_id"), accounts.c.disabled_at.is_(None))
)

END_OTHERS = delete(sessions).where(
    sessions.c.account_id == bindparam("account_id"), sessions.c.id != bindparam("keep")
)

END_ALL = delete(sessions).where(sessions.c.account_id == bindparam("account_id"))

FORGET_EXPIRED = delete(sessions).where(
    sessions.c.account_id == bindparam("account_id"), sessions.c.expires_at < bindparam("before")
)
