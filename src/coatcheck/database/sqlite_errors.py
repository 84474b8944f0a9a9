"""SQLite's errors in the words of `database/errors.py`."""

import sqlite3

from coatcheck.database.errors import (
    DatabaseUnavailable,
    ForeignKeyViolation,
    ReadTooLong,
    StatementRefused,
    UniqueViolation,
)

# Result codes: https://www.sqlite.org/rescode.html
UNIQUE = {sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY}
# ON DELETE RESTRICT reports a trigger, not a foreign key.
FOREIGN_KEY = {sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY, sqlite3.SQLITE_CONSTRAINT_TRIGGER}
MAY_PASS = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_PROTOCOL,
    sqlite3.SQLITE_NOTADB,
}
PRIMARY_CODE = 0xFF


def is_busy(error: sqlite3.Error) -> bool:
    """Another connection holds the lock."""
    return _code(error) & PRIMARY_CODE in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}


def translated(error: sqlite3.Error) -> Exception:
    """The error the program sees."""
    code = _code(error)
    if code in UNIQUE:
        return UniqueViolation()
    if code in FOREIGN_KEY:
        return ForeignKeyViolation()
    if code & PRIMARY_CODE == sqlite3.SQLITE_INTERRUPT:
        return ReadTooLong()
    if code & PRIMARY_CODE in MAY_PASS:
        return DatabaseUnavailable()
    return StatementRefused(f"SQLite: {error}")  # it names tables and columns, never a value


def _code(error: sqlite3.Error) -> int:
    return getattr(error, "sqlite_errorcode", None) or 0
