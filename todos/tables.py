"""Todo rows."""

from sqlalchemy import Boolean, Column, DateTime, ForeignKey, Identity, Index, MetaData, String, Table, Text

from coatcheck import account_id

LONGEST_TITLE = 500

todos = Table(
    "todos",
    MetaData(),
    Column("id", account_id.type, Identity(), primary_key=True),
    Column("owner_id", account_id.type, ForeignKey(account_id, ondelete="CASCADE"), nullable=False),
    Column("title", String(LONGEST_TITLE), nullable=False),
    Column("searchable_title", Text, nullable=False),  # see title.py: the same on both databases
    Column("completed", Boolean, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("updated_at", DateTime(timezone=True), nullable=False),
    # A page is a range of one of these, whether it is filtered or not.
    Index("ix_todos_owner_id_id", "owner_id", "id"),
    Index("ix_todos_owner_id_completed_id", "owner_id", "completed", "id"),
    sqlite_autoincrement=True,
)
