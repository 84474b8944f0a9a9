"""PostgreSQL's errors in the words of `database/errors.py`."""

import psycopg

from coatcheck.database.errors import (
    DatabaseUnavailable,
    ForeignKeyViolation,
    ReadTooLong,
    UniqueViolation,
)


def translated(error: psycopg.Error) -> Exception:
    """The error the program sees; a mistake in the SQL stays the driver's own."""
    if isinstance(error, psycopg.errors.UniqueViolation):
        return UniqueViolation()
    if isinstance(error, psycopg.errors.ForeignKeyViolation | psycopg.errors.RestrictViolation):
        return ForeignKeyViolation()
    if isinstance(error, psycopg.errors.QueryCanceled):
        return ReadTooLong()
    # A former primary after a fail-over is read-only: it passes when the address points elsewhere.
    lost = psycopg.OperationalError | psycopg.InterfaceError | psycopg.errors.ReadOnlySqlTransaction
    return DatabaseUnavailable() if isinstance(error, lost) else error
