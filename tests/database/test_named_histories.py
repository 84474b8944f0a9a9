"""What `migrations=` names may be wrong in many ways; each is one sentence."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI

from coatcheck import Coatcheck, Settings
from coatcheck.database.migrate import Migrations
from coatcheck.problems import StartRefused
from tests.database.histories import History

OWN = "coatcheck.migrations"
ABSENT = ["no_such_application.migrations", "coatcheck.no_such_room", "no_such_package", "json.decoder"]
NO_NAMES = ["", ".", ".x", "json.", "json..x", " json"]
A_LIST = r'^migrations= is a list of packages by name, such as \["todos\.migrations"\]\.$'


@pytest.mark.parametrize("package", [*ABSENT, *NO_NAMES])
def test_a_history_that_is_not_there_is_refused_with_a_sentence(database_url: str, package: str) -> None:
    migrations = Migrations(database_url, [package])
    sentence = f"There is no package {package}; migrations= names packages of Alembic files."
    for ask in (migrations.is_older, migrations.upgrade):
        with pytest.raises(StartRefused, match=f"^{re.escape(sentence)}$"):
            ask()


@pytest.mark.parametrize(
    ("package", "file"), [("json", "decoder.py"), ("todos", "routes.py"), ("pytest", "__main__.py")]
)
def test_a_package_of_something_else_is_refused_with_a_sentence(database_url: str, package: str, file: str) -> None:
    migrations = Migrations(database_url, [OWN, package])
    sentence = (
        f"The package {package} holds {file}, which is no Alembic file; migrations= names packages of Alembic files."
    )
    for ask in (migrations.is_older, migrations.upgrade):
        with pytest.raises(StartRefused, match=f"^{re.escape(sentence)}$"):
            ask()


def test_nothing_of_it_runs(database_url: str, history: History) -> None:
    history.add("pass").write("0000_before.py", 'raise LookupError("it ran")\n')
    with pytest.raises(StartRefused, match=r"holds 0000_before\.py, which is no Alembic file"):
        Migrations(database_url, [history.package]).is_older()


def test_what_alembic_passes_over_is_passed_over(database_url: str, history: History) -> None:
    history.add("pass").write(".#0001_step.py", "an editor's lock")
    assert Migrations(database_url, [OWN, history.package]).upgrade()


def test_a_migration_that_fails_to_load_shows_where(database_url: str, history: History) -> None:
    """Its author needs the trace."""
    history.add("pass").write("0002_step.py", 'import no_such_module\n\nrevision: str = "0002"\n')
    with pytest.raises(ModuleNotFoundError, match="no_such_module"):
        Migrations(database_url, [history.package]).is_older()


@pytest.mark.parametrize("given", ["todos.migrations", "t", ""])
def test_one_name_is_not_taken_for_a_list_of_its_letters(given: str, tmp_path: Path) -> None:
    sentence = f'migrations= is a list of packages by name: write migrations=["{given}"].'
    with pytest.raises(StartRefused, match=f"^{re.escape(sentence)}$"):
        Coatcheck(FastAPI(), Settings.read(tmp_path), migrations=given)


@pytest.mark.parametrize("given", [None, 1, b"todos.migrations", [None], [b"todos"], [json], [Path("todos")]])
def test_what_is_no_list_of_names_is_refused_with_a_sentence(given: Any, tmp_path: Path) -> None:
    with pytest.raises(StartRefused, match=A_LIST):
        Coatcheck(FastAPI(), Settings.read(tmp_path), migrations=given)


def test_a_tuple_is_a_list_too(tmp_path: Path) -> None:
    assert Coatcheck(FastAPI(), Settings.read(tmp_path), migrations=("todos.migrations",)).migrations.names == [
        "coatcheck",
        "todos",
    ]
