"""Room for a hash of another system, encrypted: some have more than 255 characters by themselves."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Let a stored hash have any length."""
    with op.batch_alter_table("coatcheck_accounts") as accounts:
        accounts.alter_column("password_hash", type_=sa.Text, existing_type=sa.String(255))


def downgrade() -> None:
    """Back to 255 characters; refused by PostgreSQL while a longer one is there."""
    with op.batch_alter_table("coatcheck_accounts") as accounts:
        accounts.alter_column("password_hash", type_=sa.String(255), existing_type=sa.Text)
