"""A SQLAlchemy Core statement, compiled once per dialect into text, parameters and rows.

SQLAlchemy writes the SQL, the driver runs it: SQLAlchemy's own execution costs more than the query.
"""

from collections import namedtuple
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from sqlalchemy import Dialect, Executable
from sqlalchemy.sql.compiler import SQLCompiler

from coatcheck.database.columns import Reader, from_driver, to_driver

# A program has a few dozen statements, written once at import; one that builds them afresh for
# every call must not make the process grow.
REMEMBERED_STATEMENTS = 1_000


class Prepared:
    """One statement in one dialect: what to send, and what comes back."""

    __slots__ = ("_binders", "_fixed", "_make", "_readers", "_row", "sql", "writes")

    def __init__(self, statement: Executable, dialect: Dialect) -> None:
        compiled = statement.compile(dialect=dialect)  # type: ignore[attr-defined]
        assert isinstance(compiled, SQLCompiler)
        self.sql = str(compiled)
        self.writes = not self.sql.lstrip().upper().startswith("SELECT")
        named = {compiled.bind_names[bind]: bind for bind in compiled.bind_names}
        self._fixed = {
            name: bind.effective_value
            for name, bind in named.items()
            if not bind.required and name in compiled.params
        }
        self._binders = {
            name: converter
            for name, bind in named.items()
            if (converter := to_driver(bind.type, dialect)) is not None
        }
        columns = list(_columns(statement))
        self._row: Any = namedtuple("Row", [name for name, _ in columns], rename=True)  # type: ignore[misc]
        self._make: Any = partial(tuple.__new__, self._row)  # what _make does, without its Python
        self._readers: tuple[tuple[int, Reader], ...] = tuple(
            (position, reader)
            for position, (_, column) in enumerate(columns)
            if (reader := from_driver(column, dialect)) is not None
        )

    def parameters(self, values: Mapping[str, object]) -> Mapping[str, object]:
        """The driver's parameters for the program's values."""
        if not self._binders and not self._fixed:
            return values
        merged = {**self._fixed, **values}
        for name, converter in self._binders.items():
            merged[name] = converter(merged[name])
        return merged

    def rows(self, raw: Sequence[Sequence[Any]]) -> list[Any]:
        """Named tuples in the program's types for the driver's rows; plain ones for textual SQL."""
        if not self._row._fields:
            return list(raw)
        if not self._readers or not raw:
            return list(map(self._make, raw))
        # By column, not by row: the loops are C's.
        columns: list[Iterable[Any]] = list(zip(*raw, strict=True))
        for position, reader in self._readers:
            columns[position] = reader(columns[position])
        return list(map(self._make, zip(*columns, strict=True)))


def _columns(statement: Executable) -> Iterable[tuple[str, Any]]:
    """The name and the column of each value that comes back, in order."""
    columns = getattr(statement, "exported_columns", None)
    return list(columns.items()) if columns is not None else []


class Statements:
    """The prepared statements of one engine, by the identity of the Core statement."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._prepared: dict[Executable, Prepared] = {}

    def __getitem__(self, statement: Executable) -> Prepared:
        prepared = self._prepared.get(statement)
        if prepared is None:
            prepared = Prepared(statement, self._dialect)
            if len(self._prepared) >= REMEMBERED_STATEMENTS:
                del self._prepared[next(iter(self._prepared))]
            self._prepared[statement] = prepared
        return prepared
