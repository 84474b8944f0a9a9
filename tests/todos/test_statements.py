"""A statement that forgets the owner shows everybody's todos; a page without an index reads them all."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.dialects import postgresql, sqlite

from tests.support.app import make_app
from todos import statements

DIALECTS: tuple[Any, ...] = (sqlite.dialect(), postgresql.dialect())  # type: ignore[no-untyped-call]
ALL: dict[str, Any] = {
    "get": statements.GET,
    "delete": statements.DELETE,
    "stats": statements.STATS,
    **{f"change {form}": statement for form, statement in statements.CHANGE.items()},
    **{f"page {form}": statement for form, statement in statements.PAGE.items()},
}


@pytest.mark.parametrize("name", ALL)
def test_every_statement_names_the_owner(name: str) -> None:
    for dialect in DIALECTS:
        where = str(ALL[name].compile(dialect=dialect)).partition("WHERE")[2]
        assert "todos.owner_id = " in where


def test_every_form_of_a_page_is_written_beforehand() -> None:
    assert len(statements.PAGE) == 8


@pytest.fixture(scope="module")
def schema(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sqlite3.Connection]:
    """The tables as the migrations make them."""
    folder: Path = tmp_path_factory.mktemp("schema")
    make_app(folder).state.coatcheck.migrations.upgrade()
    connection = sqlite3.connect(folder / "data" / "coatcheck.db")
    yield connection
    connection.close()


@pytest.mark.parametrize("form", statements.PAGE, ids=str)
def test_a_page_is_a_range_of_an_index_and_needs_no_sorting(form: Any, schema: sqlite3.Connection) -> None:
    compiled = statements.PAGE[form].compile(dialect=sqlite.dialect(paramstyle="named"))
    values: dict[str, Any] = dict.fromkeys(compiled.params, 1)
    plan = [row[3] for row in schema.execute(f"EXPLAIN QUERY PLAN {compiled}", values)]
    _, by_completed, _ = form
    index = "ix_todos_owner_id_completed_id" if by_completed else "ix_todos_owner_id_id"
    (step,) = plan
    assert f"USING INDEX {index}" in step
    assert "owner_id=?" in step
    assert "id<?" in step or "id>?" in step
