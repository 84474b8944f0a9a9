"""An account's sessions in the order in which they expire: a login finds those that have, however many have not."""

from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """One index instead of another that it begins with."""
    op.create_index("ix_coatcheck_sessions_account_id_expires_at", "coatcheck_sessions", ["account_id", "expires_at"])
    op.drop_index("ix_coatcheck_sessions_account_id", "coatcheck_sessions")


def downgrade() -> None:
    """The other way round."""
    op.create_index("ix_coatcheck_sessions_account_id", "coatcheck_sessions", ["account_id"])
    op.drop_index("ix_coatcheck_sessions_account_id_expires_at", "coatcheck_sessions")
