"""Session rows, and which sessions have ended before their tokens."""

from sqlalchemy import Column, ForeignKey, Identity, Index, LargeBinary, String, Table

from coatcheck.accounts import account_id
from coatcheck.database import ID, METADATA, MOMENT

SESSION_ID = String(22)  # 128 random bits, base64url; never a counter
KEY_ID = String(64)

sessions = Table(
    "coatcheck_sessions",
    METADATA,
    Column("id", SESSION_ID, primary_key=True),
    Column("account_id", ID, ForeignKey(account_id, ondelete="CASCADE"), nullable=False),
    Column("auth_time", MOMENT, nullable=False),
    Column("amr", String(64), nullable=False),  # RFC 8176 values, separated by spaces
    Column("expires_at", MOMENT, nullable=False),  # of the last access token that was issued for it
    Column("last_seen_at", MOMENT),  # to the minute; none: not since the login
    Column("address", String(45)),
    Column("user_agent", String(512)),
    # The refresh family, for a session that has one. Only keyed hashes: see refresh_token.py.
    Column("refresh_hash", LargeBinary),
    Column("refresh_hash_key", KEY_ID),
    Column("refresh_expires_at", MOMENT),  # unless it is used before
    Column("refresh_ends_at", MOMENT),  # however it is used
    # For an answer that was lost on its way: 10 s long the value before gets the same successor.
    Column("refresh_previous_hash", LargeBinary),
    Column("refresh_rotated_at", MOMENT),
    Column("refresh_salt", LargeBinary),
    Column("refresh_salt_key", KEY_ID),
)

Index("ix_coatcheck_sessions_account_id_expires_at", sessions.c.account_id, sessions.c.expires_at)
Index(
    "ix_coatcheck_sessions_refresh_salt",
    sessions.c.refresh_rotated_at,
    sqlite_where=sessions.c.refresh_salt.is_not(None),
    postgresql_where=sessions.c.refresh_salt.is_not(None),
)

# No foreign key: a row outlives its account, as the token does.
revocations = Table(
    "coatcheck_revocations",
    METADATA,
    Column("id", ID, Identity(), primary_key=True),
    Column("session_id", SESSION_ID, nullable=False, index=True),
    Column("expires_at", MOMENT, nullable=False, index=True),  # of the last token: until then it must be refused
    sqlite_autoincrement=True,
)
