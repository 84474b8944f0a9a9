"""Session rows."""

from sqlalchemy import Column, ForeignKey, String, Table

from coatcheck.accounts import account_id
from coatcheck.database import ID, METADATA, MOMENT

sessions = Table(
    "coatcheck_sessions",
    METADATA,
    Column("id", String(22), primary_key=True),  # 128 random bits, base64url; never a counter
    Column("account_id", ID, ForeignKey(account_id, ondelete="CASCADE"), nullable=False, index=True),
    Column("auth_time", MOMENT, nullable=False),
    Column("amr", String(64), nullable=False),  # RFC 8176 values, separated by spaces
    Column("expires_at", MOMENT, nullable=False),
)
