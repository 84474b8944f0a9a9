"""The portable column types, and the one place where values are converted.

Integers, text, bytes, booleans and moments in UTC (`DateTime(timezone=True)`): both engines store and
return these alike, in an application's own tables too.
"""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from functools import partial
from operator import attrgetter
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
Reader = Callable[[Iterable[Any]], Iterable[Any]]
_zone = attrgetter("tzinfo")


def to_driver(kind: TypeEngine[Any], dialect: Dialect) -> Converter | None:
    """How a value of this type is handed to the driver; None: as it is."""
    if isinstance(kind, DateTime):
        return _moment_to_text if dialect.name == "sqlite" else _moment_in_utc
    return kind.dialect_impl(dialect).bind_processor(dialect)


def from_driver(column: ColumnElement[Any], dialect: Dialect) -> Reader | None:
    """How a column of the driver's values becomes one of its type; None: as it is.

    By column, and where NULL cannot come nothing asks for it, so that the loops are C's: a page of
    todos has forty moments.
    """
    kind = column.type
    filled = getattr(column, "nullable", True) is False
    if isinstance(kind, DateTime) and dialect.name == "sqlite" and filled:
        return _moments_from_texts
    converter: Converter | None
    if isinstance(kind, DateTime):
        converter = _moment_from_text if dialect.name == "sqlite" else _moment_in_utc
    elif isinstance(kind, Boolean) and dialect.name == "sqlite":
        converter = bool
    else:
        converter = kind.dialect_impl(dialect).result_processor(dialect, None)
        return None if converter is None else partial(map, converter)
    return partial(map, converter if filled else _unless_null(converter))


def _unless_null(converter: Converter) -> Converter:
    return lambda value: None if value is None else converter(value)


def _moments_from_texts(texts: Iterable[str]) -> Iterable[datetime]:
    moments = list(map(datetime.fromisoformat, texts))
    return map(_in_utc_if_bare, moments) if None in map(_zone, moments) else moments


def _moment_in_utc(value: datetime | None) -> datetime | None:
    """PostgreSQL answers in the connection's time zone. A naive datetime is refused: nobody knows its zone."""
    if value is not None and value.tzinfo is None:
        raise TypeError("a moment needs a time zone; use datetime.now(UTC)")
    return value if value is None else value.astimezone(UTC)


def _moment_from_text(value: str) -> datetime:
    return _in_utc_if_bare(datetime.fromisoformat(value))


def _in_utc_if_bare(moment: datetime) -> datetime:
    """Without an offset it is not ours: SQLAlchemy itself and CURRENT_TIMESTAMP write so, and mean UTC."""
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def _moment_to_text(value: datetime | None) -> str | None:
    """Text of 32 characters with its offset: it sorts as it counts, and SQLAlchemy and people can read it."""
    moment = _moment_in_utc(value)
    return None if moment is None else moment.isoformat(" ", "microseconds")
