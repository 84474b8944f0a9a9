"""Todos."""

import sqlalchemy as sa
from alembic import op

revision = "todos_0001"
down_revision = None

identity = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "todos",
        sa.Column("id", identity, sa.Identity(), primary_key=True),
        sa.Column(
            "owner_id",
            identity,
            sa.ForeignKey("coatcheck_accounts.id", ondelete="CASCADE", name="fk_todos_owner_id"),
            nullable=False,
        ),
        sa.Column("title", sa.String(500), nullable=False),
        sa.Column("searchable_title", sa.Text, nullable=False),
        sa.Column("completed", sa.Boolean, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_todos_owner_id_id", "todos", ["owner_id", "id"])
    op.create_index("ix_todos_owner_id_completed_id", "todos", ["owner_id", "completed", "id"])


def downgrade() -> None:
    """Remove it."""
    op.drop_table("todos")
