"""Id counters, moved ahead: a restored database would give ids again that it has given before."""

from typing import Any

from sqlalchemy import Executable, text

from coatcheck.database.database import Transaction
from coatcheck.problems import StartRefused

AHEAD = 1_000_000  # more than anything gives between a copy and its return

# Every counter that the database has, whosever tables they belong to: all of it was restored, all of it
# has forgotten. Revisions do not say which tables they make, and a host's may have been made without any.
SQLITE = text("SELECT name, name, coalesce(seq, 0), 1, 9223372036854775807 FROM sqlite_sequence")
SQLITE_MOVE = text("UPDATE sqlite_sequence SET seq = :value WHERE name = :counter")
# A table that never held a row has no counter yet.
SQLITE_BEGIN = text(
    "INSERT INTO sqlite_sequence (name, seq) SELECT name, 0 FROM sqlite_master WHERE type = 'table' "
    "AND sql LIKE '%AUTOINCREMENT%' AND name NOT IN (SELECT name FROM sqlite_sequence)"
)
# Of the tables that this role finds without naming a schema, as far as it may. Not of 32,767 rows: such a
# table has no room, and nothing out there that remembers its ids.
POSTGRESQL = text(
    "SELECT CAST(CAST(s.seqrelid AS regclass) AS text), t.relname, "
    "coalesce(pg_sequence_last_value(s.seqrelid), s.seqstart - s.seqincrement), s.seqincrement, s.seqmax "
    "FROM pg_sequence s JOIN pg_depend d ON d.objid = s.seqrelid AND d.deptype IN ('a', 'i') "
    "AND d.classid = CAST('pg_class' AS regclass) AND d.refclassid = CAST('pg_class' AS regclass) "
    "JOIN pg_class t ON t.oid = d.refobjid JOIN pg_namespace n ON n.oid = t.relnamespace "
    "WHERE n.nspname = ANY (current_schemas(false)) AND s.seqtypid <> CAST('smallint' AS regtype) "
    "AND s.seqincrement > 0 AND has_sequence_privilege(s.seqrelid, 'UPDATE')"
)
# It takes effect at once, also where the transaction is undone; ids are left out then, and none comes twice.
POSTGRESQL_MOVE = text("SELECT setval(CAST(CAST(:counter AS text) AS regclass), :value)")


async def move_counters_ahead(tx: Transaction, dialect: str) -> None:
    """Let every table go on a million ids further. Raises StartRefused: one has no room for that."""
    if dialect == "sqlite":
        await tx.execute(SQLITE_BEGIN)
        await _move(tx, await tx.all(SQLITE), SQLITE_MOVE)
    else:
        await _move(tx, await tx.all(POSTGRESQL), POSTGRESQL_MOVE)


async def _move(tx: Transaction, counters: list[Any], move: Executable) -> None:
    for _, table, last, step, largest in counters:
        if last + AHEAD * step > largest:
            raise StartRefused(
                f"The ids of {table} are at {last} and cannot go a million ahead, for the largest is {largest}. "
                "Nothing has changed; give that table's column more room first."
            )
    for counter, _, last, step, _ in counters:
        await tx.all(move, {"counter": counter, "value": last + AHEAD * step})
