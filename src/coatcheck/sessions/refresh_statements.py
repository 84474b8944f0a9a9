"""The SQL of refreshing. Each change is one statement, conditional on all that must hold for it."""

from sqlalchemy import bindparam, case, select, update

from coatcheck.accounts.tables import accounts
from coatcheck.database import DatabaseNow
from coatcheck.sessions.tables import sessions

FAMILY = (
    select(
        sessions.c.id,
        sessions.c.account_id,
        sessions.c.auth_time,
        sessions.c.amr,
        sessions.c.refresh_hash,
        sessions.c.refresh_hash_key,
        sessions.c.refresh_previous_hash,
        accounts.c.username,
    )
    .join(accounts, accounts.c.id == sessions.c.account_id)
    .where(sessions.c.id == bindparam("session_id"))
)

_now = DatabaseNow(bindparam("clock_offset"))
_of_enabled_account = sessions.c.account_id.in_(
    # FOR NO KEY UPDATE: a disable or a password change under way is waited for, and then wins. Not FOR SHARE:
    # sharers let each other in before whoever waits to end the session, for as long as a thief keeps asking.
    select(accounts.c.id)
    .where(accounts.c.id == bindparam("account_id"), accounts.c.disabled_at.is_(None))
    .with_for_update(key_share=True)
    .scalar_subquery()
)
_alive = [
    sessions.c.id == bindparam("session_id"),
    sessions.c.refresh_expires_at > _now,
    sessions.c.refresh_ends_at > _now,
    _of_enabled_account,
]
_token_expires_at = bindparam("token_expires_at", type_=sessions.c.expires_at.type)
# The session must be refused until the last of its tokens has expired, whoever issued it and by whichever clock.
_latest_expiry = case(
    (sessions.c.expires_at < _token_expires_at, _token_expires_at),
    else_=sessions.c.expires_at,
)
_limits = [sessions.c.refresh_expires_at, sessions.c.refresh_ends_at, _now.label("now")]

ROTATE = (
    update(sessions)
    .where(*_alive, sessions.c.refresh_hash == bindparam("presented_hash"))
    .values(
        refresh_hash=bindparam("successor_hash"),
        refresh_hash_key=bindparam("hash_key"),
        refresh_previous_hash=bindparam("previous_hash"),
        refresh_rotated_at=_now,
        refresh_salt=bindparam("salt"),
        refresh_salt_key=bindparam("salt_key"),
        refresh_expires_at=DatabaseNow(bindparam("until_idle")),
        expires_at=_latest_expiry,
    )
    .returning(*_limits)
)

# 10 s from the first use. An age below zero is outside, too: the clock was set back.
AGAIN = (
    update(sessions)
    .where(
        *_alive,
        sessions.c.refresh_previous_hash == bindparam("presented_hash"),
        sessions.c.refresh_salt.is_not(None),
        sessions.c.refresh_rotated_at <= DatabaseNow(bindparam("not_after")),
        sessions.c.refresh_rotated_at > DatabaseNow(bindparam("window_begins")),
    )
    .values(expires_at=_latest_expiry)
    .returning(sessions.c.refresh_salt, sessions.c.refresh_salt_key, *_limits)
)

# Rows that somebody is changing are passed over; the next round finds them.
ERASE = (
    update(sessions)
    .where(
        sessions.c.id.in_(
            select(sessions.c.id)
            .where(
                sessions.c.refresh_salt.is_not(None),
                sessions.c.refresh_rotated_at <= DatabaseNow(bindparam("window_begins")),
            )
            .with_for_update(skip_locked=True)
            .scalar_subquery()
        )
    )
    .values(refresh_salt=None, refresh_salt_key=None)
)
