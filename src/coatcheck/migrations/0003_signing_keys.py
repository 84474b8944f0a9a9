"""When each key signs, retires and is revoked."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

moment = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Give keys a course of life; the one that is there signs since it was made."""
    # Added one by one: a rebuilt table is one more thing that can lose its counter of ids.
    op.add_column("coatcheck_keys", sa.Column("signs_from", moment))
    op.add_column("coatcheck_keys", sa.Column("retired_at", moment))
    op.add_column("coatcheck_keys", sa.Column("revoked_at", moment))
    op.add_column("coatcheck_keys", sa.Column("revision", sa.Integer, nullable=False, server_default="1"))
    op.create_index("ix_coatcheck_keys_revision", "coatcheck_keys", ["revision"])
    op.execute("UPDATE coatcheck_keys SET signs_from = created_at WHERE purpose = 'signing'")


def downgrade() -> None:
    """Remove it, with the keys that the version before would take for what they are not."""
    # It accepts every signing key that it finds, so a revoked one would be let in again; it signs with
    # the newest at once, and knows EdDSA alone.
    op.execute(
        "DELETE FROM coatcheck_keys WHERE purpose <> 'signing' OR algorithm <> 'EdDSA' "
        "OR signs_from IS NULL OR revoked_at IS NOT NULL"
    )
    op.drop_index("ix_coatcheck_keys_revision", "coatcheck_keys")
    for column in ("revision", "revoked_at", "retired_at", "signs_from"):
        op.drop_column("coatcheck_keys", column)
