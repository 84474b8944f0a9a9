"""The SQL of sessions: opening, seeing and ending them. Refreshing: refresh_statements.py."""

from datetime import UTC, datetime
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Delete,
    Insert,
    Select,
    Text,
    and_,
    bindparam,
    cast,
    delete,
    func,
    insert,
    literal,
    or_,
    select,
    union_all,
    update,
)

from coatcheck.accounts.tables import accounts
from coatcheck.database import MOMENT, DatabaseNow
from coatcheck.keys.tables import keys
from coatcheck.sessions.tables import revocations, sessions

IDS_A_STATEMENT = 100
EPOCH = datetime.fromtimestamp(0, UTC)

_written = ["id", "account_id", "auth_time", "amr", "expires_at", "address", "user_agent"]
_refreshable = [
    *("refresh_hash", "refresh_hash_key"),
    *("refresh_expires_at", "refresh_ends_at"),
]
_values = [
    bindparam("session_id", type_=sessions.c.id.type),
    accounts.c.id,
    *(bindparam(name, type_=sessions.c[name].type) for name in _written[2:]),
]
_enabled_as_verified = [
    accounts.c.id == bindparam("account_id"),
    accounts.c.disabled_at.is_(None),
    accounts.c.password_hash.is_not_distinct_from(bindparam("verified_hash")),
]

# One statement, conditional on what was verified outside any transaction. FOR SHARE: a change under way is
# waited for, and then wins, because its hash is another one.
OPEN = insert(sessions).from_select(
    _written, select(*_values).where(*_enabled_as_verified).with_for_update(read=True)
)
OPEN_REFRESHABLE = insert(sessions).from_select(
    [*_written, *_refreshable],
    select(
        *_values,
        bindparam("refresh_hash", type_=sessions.c.refresh_hash.type),
        bindparam("refresh_hash_key", type_=sessions.c.refresh_hash_key.type),
        DatabaseNow(bindparam("until_idle")),
        DatabaseNow(bindparam("until_end")),
    )
    .where(*_enabled_as_verified)
    .with_for_update(read=True),
)

ALIVE = (
    select(sessions.c.account_id)
    .join(accounts, accounts.c.id == sessions.c.account_id)
    .where(sessions.c.id == bindparam("session_id"), accounts.c.disabled_at.is_(None))
)

# What goes on if nobody does anything with it but use it. Asked before the limit: a thousand logins that have
# expired would hide a thief's session that can still be refreshed.
_at = bindparam("now", type_=MOMENT)
LIST = (
    select(sessions)
    .where(
        sessions.c.account_id == bindparam("account_id"),
        or_(sessions.c.expires_at > _at, and_(sessions.c.refresh_expires_at > _at, sessions.c.refresh_ends_at > _at)),
    )
    .order_by(sessions.c.auth_time.desc(), sessions.c.id)
    .limit(bindparam("limit"))
)

# Whoever opens or refreshes a session of this account holds its row, and so waits, or was before. What only
# points at the account (FOR KEY SHARE) goes on.
LOCK_ACCOUNT = select(accounts.c.id).where(accounts.c.id == bindparam("account_id")).with_for_update(key_share=True)

_own = sessions.c.account_id == bindparam("account_id")
_one = sessions.c.id == bindparam("session_id")


class Which(NamedTuple):
    """Some sessions of one account: which they are, the revocations of them, and their end."""

    find: Select[Any, Any]
    revoke: Insert
    end: Delete


def _which(*conditions: ColumnElement[bool]) -> Which:
    found = select(sessions.c.id, sessions.c.expires_at).where(_own, *conditions)
    return Which(
        find=found,
        revoke=insert(revocations).from_select(["session_id", "expires_at"], found),
        end=delete(sessions).where(_own, *conditions),
    )


ONE = _which(_one)
OTHERS = _which(sessions.c.id != bindparam("keep"))
ALL = _which()

# What has no row: deleted by hand, with its account even, or lost when another server took the database over.
REVOKE = insert(revocations).values(session_id=bindparam("session_id"), expires_at=bindparam("expires_at"))

EVERYBODYS = delete(sessions)

END_REFRESHING = (
    update(sessions)
    .where(_own, _one)
    .values(refresh_hash=None, refresh_previous_hash=None, refresh_salt=None, refresh_expires_at=None)
)

FORGET_EXPIRED = delete(sessions).where(
    sessions.c.account_id == bindparam("account_id"),
    sessions.c.expires_at < bindparam("before"),
    func.coalesce(sessions.c.refresh_expires_at, sessions.c.expires_at) < bindparam("before"),
)

# What the feed reads: the sessions that have ended since, and last which state the keys are in.
NEWS = union_all(
    select(revocations.c.id, revocations.c.session_id.label("about"), revocations.c.expires_at)
    .where(revocations.c.id > bindparam("after"))
    .order_by(revocations.c.id)
    .subquery()
    .select(),
    select(literal(0), cast(func.coalesce(func.max(keys.c.revision), 0), Text), literal(EPOCH, MOMENT)),
)
ASK = select(
    select(func.max(revocations.c.expires_at))
    .where(revocations.c.session_id == bindparam("session_id"))
    .scalar_subquery()
    .label("ended_until"),
    select(func.coalesce(func.max(keys.c.revision), 0)).scalar_subquery().label("revision"),
)

FORGET_REVOCATIONS = delete(revocations).where(revocations.c.expires_at < bindparam("before"))

# Never back: a process that wrote late would undo what another one has seen since.
# Rows that somebody is changing are passed over: two that wait for each other's rows would both stop.
_named = [bindparam(f"id_{number}", type_=sessions.c.id.type) for number in range(IDS_A_STATEMENT)]
_seen_at = bindparam("moment", type_=MOMENT)
SEEN = (
    update(sessions)
    .where(
        sessions.c.id.in_(
            select(sessions.c.id).where(sessions.c.id.in_(_named)).with_for_update(skip_locked=True).scalar_subquery()
        ),
        or_(sessions.c.last_seen_at.is_(None), sessions.c.last_seen_at < _seen_at),
    )
    .values(last_seen_at=_seen_at)
)
