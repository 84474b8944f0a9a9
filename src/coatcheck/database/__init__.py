"""The database room: one small `Database`, two engines, the migrations that shape them.

SQLAlchemy Core writes the schema and the SQL; sqlite3 and psycopg run it. Nothing above this room
names a driver. Tables of the library begin with `coatcheck_`, because hosts have `accounts` and
`sessions` of their own; ids are never given twice, because a token of a deleted account must not fit
a new one.

What can happen here: errors.py. How a write becomes durable: sqlite_writer.py. How a schema comes
to be: migrate.py. Standards: none; what was tried and failed stands beside each line.
"""

from coatcheck.database.alarm import Alarm
from coatcheck.database.columns import ID, METADATA, MOMENT
from coatcheck.database.database import Changes, Database, Transaction
from coatcheck.database.database_clock import DatabaseNow
from coatcheck.database.errors import (
    DatabaseUnavailable,
    ForeignKeyViolation,
    ReadTooLong,
    StatementRefused,
    TransactionMisused,
    UniqueViolation,
)

__all__ = [
    "ID",
    "METADATA",
    "MOMENT",
    "Alarm",
    "Changes",
    "Database",
    "DatabaseNow",
    "DatabaseUnavailable",
    "ForeignKeyViolation",
    "ReadTooLong",
    "StatementRefused",
    "Transaction",
    "TransactionMisused",
    "UniqueViolation",
]
