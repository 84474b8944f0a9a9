"""Account rows."""

from sqlalchemy import Column, Identity, String, Table, Text

from coatcheck.database import ID, METADATA, MOMENT

# PostgreSQL compares in the database's collation unless told otherwise; "C" compares bytes, as
# SQLite's BINARY does. The name is mapped in Python, once, so no lower() or citext here.
MAPPED_NAME = String(254).with_variant(String(254, collation="C"), "postgresql")

accounts = Table(
    "coatcheck_accounts",
    METADATA,
    Column("id", ID, Identity(), primary_key=True),
    Column("username", String(254), nullable=False),
    Column("mapped_username", MAPPED_NAME, nullable=False, unique=True),
    Column("password_hash", Text),  # none: this account gets in some other way
    Column("created_at", MOMENT, nullable=False),
    Column("disabled_at", MOMENT),
    sqlite_autoincrement=True,
)

account_id = accounts.c.id
