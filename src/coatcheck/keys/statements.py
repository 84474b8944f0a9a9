"""The SQL of keys."""

from sqlalchemy import bindparam, delete, insert, or_, select, update

from coatcheck.keys.tables import keys

SIGNING = "signing"

# Without a limit: some forty rows, and more only by somebody's own hand. Any that were left out would be missed:
# the oldest are the data keys, and a row that `secret rotate` did not see stays under a secret that is destroyed.
ALL = select(keys).order_by(keys.c.id)
# What a schema has that is older than this program, too: the secret is checked before it is brought up to date.
WRAPPED = select(keys.c.id, keys.c.key_id, keys.c.purpose, keys.c.algorithm, keys.c.wrapped).order_by(keys.c.id)
BY_KEY_ID = select(keys.c.id).where(keys.c.key_id == bindparam("key_id"))

# One change at a time waits here on PostgreSQL; SQLite has one writer anyway. Data keys are never
# removed, so this row stays. Where it is not there yet, the unique serial decides.
LOCK = select(keys.c.id).where(keys.c.purpose == bindparam("purpose"), keys.c.serial == 1).limit(1).with_for_update()

ADD = insert(keys).values(
    {
        name: bindparam(name)
        for name in (
            "key_id",
            "purpose",
            "serial",
            "algorithm",
            "wrapped",
            "created_at",
            "signs_from",
            "retired_at",
            "revoked_at",
            "revision",
        )
    }
)

MOVE = (
    update(keys)
    .where(keys.c.key_id == bindparam("moved"))
    .values({name: bindparam(name) for name in ("signs_from", "retired_at", "revoked_at", "revision")})
)

WRAP = (
    update(keys)
    .where(keys.c.key_id == bindparam("moved"))
    .values(wrapped=bindparam("wrapped"), revision=bindparam("revision"))
)

FORGET = delete(keys).where(
    keys.c.purpose == SIGNING,
    or_(keys.c.retired_at < bindparam("before"), keys.c.revoked_at < bindparam("before")),
)
