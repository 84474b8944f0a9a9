"""Whose tokens the database's keys sign."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make a place for the one issuer."""
    op.create_table(
        "coatcheck_issuer",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("issuer", sa.Text, nullable=False),
        sa.CheckConstraint("id = 1", name="ck_coatcheck_issuer_only_one"),
    )


def downgrade() -> None:
    """Remove it."""
    op.drop_table("coatcheck_issuer")
