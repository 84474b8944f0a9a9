"""Room for a hash of another system, encrypted: some have more than 255 characters by themselves."""

import sqlalchemy as sa
from alembic import context, op

from coatcheck.problems import StartRefused

revision = "0005"
down_revision = "0004"


ALL_GOES = (None, "base", ())
OF_THIS_VERSION = sa.text(
    "SELECT count(*) FROM coatcheck_accounts "
    "WHERE password_hash LIKE '$hmac-sha256$%' OR password_hash LIKE '$aes-256-gcm$%'"
)


def upgrade() -> None:
    """Let a stored hash have any length."""
    with op.batch_alter_table("coatcheck_accounts") as accounts:
        accounts.alter_column("password_hash", type_=sa.Text, existing_type=sa.String(255))


def downgrade() -> None:
    """Back to 255 characters. Refused where the accounts stay and their owners could never log in again."""
    if context.get_revision_argument() not in ALL_GOES and (count := op.get_bind().scalar(OF_THIS_VERSION)):
        raise StartRefused(
            f"{count} of the passwords are stored in a way that the version before cannot check. Nothing has "
            "changed; to go back, restore a backup of that version."
        )
    with op.batch_alter_table("coatcheck_accounts") as accounts:
        accounts.alter_column("password_hash", type_=sa.String(255), existing_type=sa.Text)
