"""The portable column types, and the one place where values are converted.

Integers, text, bytes, booleans and moments in UTC (`DateTime(timezone=True)`): both engines store and
return these alike, in an application's own tables too.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import BigInteger, Boolean, ColumnElement, DateTime, Dialect, Integer, MetaData
from sqlalchemy.types import TypeEngine

# Every table of the library; the names of constraints are the same on both engines, so that a
# migration can name what it drops.
METADATA = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)

# SQLite counts ids (AUTOINCREMENT) only in a column whose type is exactly INTEGER, which has 64 bits.
ID = BigInteger().with_variant(Integer(), "sqlite")
MOMENT = DateTime(timezone=True)

Converter = Callable[[Any], Any]


def to_driver(kind: TypeEngine[Any], dialect: Dialect) -> Converter | None:
    """How a value of this type is handed to the driver; None: as it is."""
    if isinstance(kind, DateTime):
        return _moment_to_text if dialect.name == "sqlite" else _moment_in_utc
    return kind.dialect_impl(dialect).bind_processor(dialect)


def from_driver(column: ColumnElement[Any], dialect: Dialect) -> Converter | None:
    """How the driver's value of this column becomes one of its type; None: as it is.

    Where NULL cannot come, nothing asks for it: a page of todos has forty moments.
    """
    kind = column.type
    converter: Converter
    if isinstance(kind, DateTime):
        converter = _moment_from_text if dialect.name == "sqlite" else _moment_in_utc
    elif isinstance(kind, Boolean) and dialect.name == "sqlite":
        converter = bool
    else:
        return kind.dialect_impl(dialect).result_processor(dialect, None)
    return converter if getattr(column, "nullable", True) is False else _unless_null(converter)


def _unless_null(converter: Converter) -> Converter:
    return lambda value: None if value is None else converter(value)


def _moment_in_utc(value: datetime | None) -> datetime | None:
    """PostgreSQL answers in the connection's time zone. A naive datetime is refused: nobody knows its zone."""
    if value is not None and value.tzinfo is None:
        raise TypeError("a moment needs a time zone; use datetime.now(UTC)")
    return value if value is None else value.astimezone(UTC)


def _moment_from_text(value: str) -> datetime:
    """Without an offset it is not ours: SQLAlchemy itself and CURRENT_TIMESTAMP write so, and mean UTC."""
    moment = datetime.fromisoformat(value)
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def _moment_to_text(value: datetime | None) -> str | None:
    """Text of 32 characters with its offset: it sorts as it counts, and SQLAlchemy and people can read it."""
    moment = _moment_in_utc(value)
    return None if moment is None else moment.isoformat(" ", "microseconds")
