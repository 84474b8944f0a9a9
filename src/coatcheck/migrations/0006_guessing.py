"""What is on record of guesses."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make the two tables."""
    op.create_table(
        "coatcheck_guess_counts",
        sa.Column("key", sa.LargeBinary, nullable=False),
        sa.Column("account_id", ID),
        sa.Column("known_at", MOMENT),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("recent", sa.Integer, nullable=False),
        sa.Column("admit_at", MOMENT),
        sa.Column("failed_at", MOMENT),
        sa.PrimaryKeyConstraint("key", name="pk_coatcheck_guess_counts"),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["coatcheck_accounts.id"],
            name="fk_coatcheck_guess_counts_account_id",
            ondelete="CASCADE",
        ),
    )
    for column in ("account_id", "failed_at", "known_at"):
        op.create_index(f"ix_coatcheck_guess_counts_{column}", "coatcheck_guess_counts", [column])
    op.create_table(
        "coatcheck_budgets",
        sa.Column("key", sa.LargeBinary, nullable=False),
        sa.Column("empty_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_coatcheck_budgets"),
    )
    op.create_index("ix_coatcheck_budgets_empty_at", "coatcheck_budgets", ["empty_at"])


def downgrade() -> None:
    """Remove them: every count begins anew, and no network is known."""
    op.drop_table("coatcheck_budgets")
    op.drop_table("coatcheck_guess_counts")
