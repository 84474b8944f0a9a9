"""The todo app as a server with a database of its own, for commands that put that back."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.restored import Service
from tests.support.person import Person


@pytest.fixture
def service(tmp_path: Path, database_url: str) -> Iterator[Service]:
    service = Service(tmp_path / "app", database_url)
    yield service
    service.server.stop()


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[Service]:
    folder = tmp_path / "app"
    service = Service(folder, f"sqlite:///{folder / 'data' / 'coatcheck.db'}")
    yield service
    service.server.stop()


@pytest.fixture
def folder(sqlite: Service) -> Path:
    """A stopped server's folder: alice in the copy, alice and bob in the database."""
    with sqlite.server.client() as client:
        alice = Person(client, "alice")
        for number in range(100):
            alice.add_todo("x" * 400 + str(number))
        sqlite.command("backup", "copy.db")
        Person(client, "bob")
    sqlite.server.stop()
    return sqlite.folder
