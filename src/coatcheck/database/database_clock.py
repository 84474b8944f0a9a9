"""The database's own clock in a statement: one clock for all processes and machines."""

from typing import Any

from sqlalchemy import ColumnElement
from sqlalchemy.ext.compiler import compiles

from coatcheck.database.columns import MOMENT


class DatabaseNow(ColumnElement[Any]):
    """The moment at which the statement runs, by the database's clock, moved by some seconds.

    seconds: a bindparam. On PostgreSQL it is not the transaction's beginning, which may lie before what
    others have written since.
    """

    inherit_cache = False
    type = MOMENT

    def __init__(self, seconds: ColumnElement[Any]) -> None:
        self.seconds = seconds


@compiles(DatabaseNow, "postgresql")
def _postgresql(element: DatabaseNow, compiler: Any, **options: Any) -> str:
    return f"(clock_timestamp() + make_interval(secs => {compiler.process(element.seconds, **options)}))"


@compiles(DatabaseNow, "sqlite")
def _sqlite(element: DatabaseNow, compiler: Any, **options: Any) -> str:
    # The form in which moments are stored, see columns.py; SQLite's clock has milliseconds.
    seconds = compiler.process(element.seconds, **options)
    return f"strftime('%Y-%m-%d %H:%M:%f000+00:00', 'now', {seconds} || ' seconds')"
