"""Changing a PostgreSQL schema, one process at a time."""

from collections.abc import Generator
from contextlib import contextmanager

import psycopg
from psycopg.errors import DependentObjectsStillExist
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.exc import InternalError, OperationalError, ProgrammingError
from sqlalchemy.pool import NullPool

from coatcheck.database.postgresql_pool import LIVENESS
from coatcheck.database.still_needed import still_needed
from coatcheck.problems import StartRefused

# Any number that nothing else in this database locks: the first eight bytes of "coatcheck".
LOCK = text(f"SELECT pg_advisory_xact_lock({int.from_bytes(b'coatchec')})")


@contextmanager
def schema_change(url: str) -> Generator[Connection, None, None]:
    """A connection inside one transaction in which the schema may change; all of it or nothing.

    The lock belongs to the transaction, so it works through PgBouncer and ends with the process.
    """
    with schema_look(url) as connection:
        connection.execute(LOCK)
        yield connection


@contextmanager
def schema_look(url: str) -> Generator[Connection, None, None]:
    """A connection inside a transaction, without waiting for those who change the schema."""
    engine = create_engine(
        "postgresql+psycopg://",
        creator=lambda: psycopg.connect(url, prepare_threshold=None, **LIVENESS),
        poolclass=NullPool,
    )
    try:
        with engine.begin() as connection:
            yield connection
    except (OperationalError, psycopg.OperationalError):
        raise StartRefused(
            "PostgreSQL does not answer at COATCHECK_DATABASE_URL, or ended the connection during a migration. "
            "Nothing has changed; check the server, then try again."
        ) from None
    except ProgrammingError as error:
        said = error.orig.diag.message_primary if isinstance(error.orig, psycopg.Error) else None
        raise StartRefused(
            f"The schema could not be changed, and nothing has changed ({said}). "
            "Let this role create tables, or remove what stands in the way."
        ) from None
    except InternalError as error:
        if not isinstance(error.orig, DependentObjectsStillExist):
            raise
        raise still_needed("; ".join((error.orig.diag.message_detail or "").splitlines())) from None
