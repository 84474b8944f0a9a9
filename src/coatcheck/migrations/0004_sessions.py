"""Sessions that can be seen, refreshed, and ended in every process at once."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

MOMENT = sa.DateTime(timezone=True)
COLUMNS = (
    ("last_seen_at", MOMENT),
    ("address", sa.String(45)),
    ("user_agent", sa.String(512)),
    ("refresh_hash", sa.LargeBinary),
    ("refresh_hash_key", sa.String(64)),
    ("refresh_expires_at", MOMENT),
    ("refresh_ends_at", MOMENT),
    ("refresh_previous_hash", sa.LargeBinary),
    ("refresh_rotated_at", MOMENT),
    ("refresh_salt", sa.LargeBinary),
    ("refresh_salt_key", sa.String(64)),
)
UNERASED = sa.text("refresh_salt IS NOT NULL")


def upgrade() -> None:
    """Give sessions their columns, and revocations a table."""
    for name, kind in COLUMNS:
        op.add_column("coatcheck_sessions", sa.Column(name, kind))
    op.create_index(
        "ix_coatcheck_sessions_refresh_salt",
        "coatcheck_sessions",
        ["refresh_rotated_at"],
        sqlite_where=UNERASED,
        postgresql_where=UNERASED,
    )
    op.create_table(
        "coatcheck_revocations",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), sa.Identity(), primary_key=True),
        sa.Column("session_id", sa.String(22), nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_coatcheck_revocations_session_id", "coatcheck_revocations", ["session_id"])
    op.create_index("ix_coatcheck_revocations_expires_at", "coatcheck_revocations", ["expires_at"])


def downgrade() -> None:
    """Take them away; sessions that had ended before their tokens are known no longer."""
    op.drop_table("coatcheck_revocations")
    op.drop_index("ix_coatcheck_sessions_refresh_salt", "coatcheck_sessions")
    with op.batch_alter_table("coatcheck_sessions") as table:
        for name, _ in COLUMNS:
            table.drop_column(name)
