"""Id counters: moved ahead, for a restored database would give ids again that it has given before; and ids taken
from them before their rows are written."""

from typing import Any

from sqlalchemy import Executable, text

from coatcheck.database.database import Database, Transaction
from coatcheck.problems import StartRefused

AHEAD = 1_000_000  # more than anything gives between a copy and its return

# Every counter that the database has, whosever tables they belong to: all of it was restored, all of it
# has forgotten. Revisions do not say which tables they make, and a host's may have been made without any.
SQLITE = text("SELECT name, name, coalesce(seq, 0), 1, 9223372036854775807, 1 FROM sqlite_sequence")
SQLITE_MOVE = text("UPDATE sqlite_sequence SET seq = :value WHERE name = :counter")
# A table that never held a row has no counter yet.
SQLITE_BEGIN = text(
    "INSERT INTO sqlite_sequence (name, seq) SELECT name, 0 FROM sqlite_master WHERE type = 'table' "
    "AND sql LIKE '%AUTOINCREMENT%' AND name NOT IN (SELECT name FROM sqlite_sequence)"
)
# Of the tables that this role finds without naming a schema, as far as it may; of ours without exception. Not of
# 32,767 rows: such a table has no room, and nothing out there that remembers its ids. Where it may not, the last
# value is not asked for: some versions answer with an error, some with none.
POSTGRESQL = text(
    "SELECT CAST(CAST(s.seqrelid AS regclass) AS text), t.relname, "
    "coalesce(CASE WHEN may.move THEN pg_sequence_last_value(s.seqrelid) END, s.seqstart - s.seqincrement), "
    "s.seqincrement, s.seqmax, may.move "
    "FROM pg_sequence s CROSS JOIN LATERAL (SELECT has_sequence_privilege(s.seqrelid, 'UPDATE') "
    "AND has_sequence_privilege(s.seqrelid, 'USAGE, SELECT') AS move) may "
    "JOIN pg_depend d ON d.objid = s.seqrelid AND d.deptype IN ('a', 'i') "
    "AND d.classid = CAST('pg_class' AS regclass) AND d.refclassid = CAST('pg_class' AS regclass) "
    "JOIN pg_class t ON t.oid = d.refobjid JOIN pg_namespace n ON n.oid = t.relnamespace "
    "WHERE n.nspname = ANY (current_schemas(false)) AND s.seqtypid <> CAST('smallint' AS regtype) "
    "AND s.seqincrement > 0 AND (may.move OR starts_with(t.relname, 'coatcheck_'))"
)
# It takes effect at once, also where the transaction is undone; ids are left out then, and none comes twice.
POSTGRESQL_MOVE = text("SELECT setval(CAST(CAST(:counter AS text) AS regclass), :value)")

SQLITE_RESERVE = text("UPDATE sqlite_sequence SET seq = seq + :count WHERE name = :table")
SQLITE_RESERVE_FIRST = text("INSERT INTO sqlite_sequence (name, seq) VALUES (:table, :count)")
SQLITE_LAST = text("SELECT seq FROM sqlite_sequence WHERE name = :table")
POSTGRESQL_RESERVE = text("SELECT nextval(pg_get_serial_sequence(:table, 'id')) FROM generate_series(1, :count)")


async def reserve_ids(database: Database, table: str, count: int) -> list[int]:
    """So many ids of the table's column `id`, ascending; they are never given to anybody else, written or not."""
    values = {"table": table, "count": count}
    if database.dialect == "postgresql":
        return sorted(one for (one,) in await database.all(POSTGRESQL_RESERVE, values))
    async with database.transaction() as tx:
        if not await tx.execute(SQLITE_RESERVE, values):
            await tx.execute(SQLITE_RESERVE_FIRST, values)  # a table that never held a row has no counter yet
        (last,) = await tx.one(SQLITE_LAST, {"table": table})
    return list(range(last - count + 1, last + 1))


async def move_counters_ahead(tx: Transaction, dialect: str) -> None:
    """Let every table go on a million ids further.

    Raises StartRefused: one has no room for that, or one of ours is closed to this role.
    """
    if dialect == "sqlite":
        await tx.execute(SQLITE_BEGIN)
        await _move(tx, await tx.all(SQLITE), SQLITE_MOVE)
    else:
        await _move(tx, await tx.all(POSTGRESQL), POSTGRESQL_MOVE)


async def _move(tx: Transaction, counters: list[Any], move: Executable) -> None:
    for counter, table, last, step, largest, may_move in counters:
        if not may_move:
            raise StartRefused(
                f"The ids of {table} cannot go a million ahead, for this role may not change {counter}. "
                "Nothing has changed; do this as the role that coatcheck migrate runs as."
            )
        if last + AHEAD * step > largest:
            raise StartRefused(
                f"The ids of {table} are at {last} and cannot go a million ahead, for the largest is {largest}. "
                "Nothing has changed; give that table's column more room first."
            )
    for counter, _, last, step, _, _ in counters:
        await tx.all(move, {"counter": counter, "value": last + AHEAD * step})
