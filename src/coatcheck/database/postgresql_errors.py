"""PostgreSQL's errors in the words of `database/errors.py`."""

from collections.abc import Generator
from contextlib import contextmanager

import psycopg

from coatcheck.database.errors import (
    DatabaseUnavailable,
    ForeignKeyViolation,
    ReadTooLong,
    StatementRefused,
    UniqueViolation,
)

# A former primary after a fail-over is read-only: it passes when the address points elsewhere.
# Ending a transaction that idles ends the connection too.
LOST = (
    psycopg.OperationalError,
    psycopg.InterfaceError,
    psycopg.errors.ReadOnlySqlTransaction,
    psycopg.errors.IdleInTransactionSessionTimeout,
)
# SQLSTATE classes whose primary message speaks of tables and columns alone. Others quote the value
# (22: 'invalid input syntax for type integer: "…"'), and DETAIL often holds the whole row.
MESSAGE_HOLDS_NO_VALUE = ("23", "42")


@contextmanager
def translation() -> Generator[None, None, None]:
    """Raise psycopg's errors as the program's. A cause stays only where it can hold no value."""
    try:
        yield
    except LOST as error:
        raise (ReadTooLong() if isinstance(error, psycopg.errors.QueryCanceled) else DatabaseUnavailable()) from error
    except psycopg.errors.UniqueViolation:
        raise UniqueViolation from None
    except (psycopg.errors.ForeignKeyViolation, psycopg.errors.RestrictViolation):
        raise ForeignKeyViolation from None
    except psycopg.Error as error:
        raise StatementRefused(_without_values(error)) from None


def _without_values(error: psycopg.Error) -> str:
    known = (error.sqlstate or "")[:2] in MESSAGE_HOLDS_NO_VALUE
    told = error.diag.message_primary if known else None
    return f"PostgreSQL: {told or type(error).__name__}"
