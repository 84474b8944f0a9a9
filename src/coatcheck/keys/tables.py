"""Wrapped data keys, and whose tokens they sign."""

from sqlalchemy import (
    CheckConstraint,
    Column,
    Identity,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from coatcheck.database import ID, METADATA, MOMENT

# serial counts the keys of one purpose. Two processes that both make the first one collide on it,
# and the loser reads the winner's. signs_from, retired_at, revoked_at: see standing.py. revision: the
# change that wrote the row last; each change has the next number, so a process asks for the highest
# to learn whether it knows all.
keys = Table(
    "coatcheck_keys",
    METADATA,
    Column("id", ID, Identity(), primary_key=True),
    Column("key_id", String(64), nullable=False, unique=True),
    Column("purpose", String(32), nullable=False),
    Column("serial", Integer, nullable=False),
    Column("algorithm", String(16), nullable=False),
    Column("wrapped", LargeBinary, nullable=False),
    Column("created_at", MOMENT, nullable=False),
    Column("signs_from", MOMENT),
    Column("retired_at", MOMENT),
    Column("revoked_at", MOMENT),
    Column("revision", Integer, nullable=False, server_default="1", index=True),
    UniqueConstraint("purpose", "serial"),
    sqlite_autoincrement=True,
)

# One row: two programs on one database must have one issuer, else neither takes the other's tokens.
issuer = Table(
    "coatcheck_issuer",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("issuer", Text, nullable=False),
    CheckConstraint("id = 1", name="only_one"),
)
