"""Keys, accounts and sessions."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

identity = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
moment = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make the first tables."""
    op.create_table(
        "coatcheck_keys",
        sa.Column("id", identity, sa.Identity(), primary_key=True),
        sa.Column("key_id", sa.String(64), nullable=False),
        sa.Column("purpose", sa.String(32), nullable=False),
        sa.Column("serial", sa.Integer, nullable=False),
        sa.Column("algorithm", sa.String(16), nullable=False),
        sa.Column("wrapped", sa.LargeBinary, nullable=False),
        sa.Column("created_at", moment, nullable=False),
        sa.UniqueConstraint("key_id", name="uq_coatcheck_keys_key_id"),
        sa.UniqueConstraint("purpose", "serial", name="uq_coatcheck_keys_purpose_serial"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "coatcheck_accounts",
        sa.Column("id", identity, sa.Identity(), primary_key=True),
        sa.Column("username", sa.String(254), nullable=False),
        sa.Column(
            "mapped_username",
            sa.String(254).with_variant(sa.String(254, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column("password_hash", sa.String(255)),
        sa.Column("created_at", moment, nullable=False),
        sa.Column("disabled_at", moment),
        sa.UniqueConstraint("mapped_username", name="uq_coatcheck_accounts_mapped_username"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "coatcheck_sessions",
        sa.Column("id", sa.String(22), primary_key=True),
        sa.Column(
            "account_id",
            identity,
            sa.ForeignKey("coatcheck_accounts.id", ondelete="CASCADE", name="fk_coatcheck_sessions_account_id"),
            nullable=False,
        ),
        sa.Column("auth_time", moment, nullable=False),
        sa.Column("amr", sa.String(64), nullable=False),
        sa.Column("expires_at", moment, nullable=False),
    )
    op.create_index("ix_coatcheck_sessions_account_id", "coatcheck_sessions", ["account_id"])


def downgrade() -> None:
    """Remove them."""
    op.drop_table("coatcheck_sessions")
    op.drop_table("coatcheck_accounts")
    op.drop_table("coatcheck_keys")
