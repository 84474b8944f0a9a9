"""What a SQLite database holds against its own foreign keys, before and after a change of its schema.

Foreign keys are off while a schema changes, so SQLite refuses nothing then: a table goes although
others lead to it, and a row although others point at it.
"""

import logging
from collections import Counter
from dataclasses import dataclass

from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from coatcheck.database.still_needed import StillNeeded, still_needed

LOGGER = logging.getLogger("coatcheck")
TABLES = "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name"
KEYS = 'SELECT "table" AS target, "to" AS target_column FROM pragma_foreign_key_list(?)'
COLUMNS = "SELECT lower(name) FROM pragma_table_xinfo(?)"
POINTING_AT_NOTHING = "SELECT count(*) FROM pragma_foreign_key_check(?)"


@dataclass(frozen=True)
class Faults:
    """rows: how many point at nothing, by table. keys: pairs of a table and the one its key no longer leads to."""

    rows: Counter[str]
    keys: frozenset[tuple[str, str]]

    @classmethod
    def of(cls, connection: Connection) -> "Faults":
        """Those that there are now."""
        rows: Counter[str] = Counter()
        keys: set[tuple[str, str]] = set()
        for (table,) in connection.exec_driver_sql(TABLES).all():
            targets = connection.exec_driver_sql(KEYS, (table,)).all()
            if not targets:
                continue
            severed = {(table, to) for to, column in targets if not _leads_somewhere(connection, to, column)}
            try:
                found = connection.exec_driver_sql(POINTING_AT_NOTHING, (table,)).scalar_one()
            except OperationalError:  # "foreign key mismatch": the column is missing, or nothing makes it unique
                severed = severed or {(table, to) for to, _ in targets}
            else:
                rows[table] = found
            keys |= severed
        return cls(+rows, frozenset(keys))

    def refuse_more(self, after: "Faults") -> None:
        """Refuse a change after which there are more; those of before are nobody's fault here, and are told.

        Rows are counted, not compared one by one: a rebuilt table numbers them anew.
        """
        severed = sorted(after.keys - self.keys)
        if severed:
            raise still_needed("; ".join(f"{table} holds a foreign key to {target}" for table, target in severed))
        more = after.rows - self.rows
        if more:
            raise StillNeeded(
                f"A migration would leave rows of {self._told(more)} pointing at nothing; "
                "it was undone and nothing has changed."
            )
        if after.rows:
            told = ", ".join(f"{table} ({count})" for table, count in sorted(after.rows.items()))
            LOGGER.warning("Rows of %s pointed at nothing before the migration, and still do.", told)

    def _told(self, more: Counter[str]) -> str:
        return ", ".join(
            f"{table} ({count}, beside {self.rows[table]} that did before)"
            if self.rows[table]
            else f"{table} ({count})"
            for table, count in sorted(more.items())
        )


def _leads_somewhere(connection: Connection, table: str, column: str | None) -> bool:
    """column: None stands for the primary key."""
    columns = connection.exec_driver_sql(COLUMNS, (table,)).scalars().all()
    return bool(columns) if column is None else column.lower() in columns
