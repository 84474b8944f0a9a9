"""Commands of this process in a folder of their own, on each engine, beside the todo application."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from tests.support.app import make_app
from tests.support.server import CHEAP


@pytest.fixture
def folder(tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, whose settings name a new database."""
    monkeypatch.chdir(tmp_path)
    for name, value in {**CHEAP, "COATCHECK_DATABASE_URL": database_url}.items():
        monkeypatch.setenv(name, value)
    return tmp_path


@pytest.fixture
def site(folder: Path, database_url: str) -> Iterator[TestClient]:
    """The todo application, running on the same database."""
    with TestClient(make_app(folder, database_url)) as client:
        yield client


@pytest.fixture
def url(folder: Path, database_url: str) -> str:
    """The address of the database that the commands use."""
    return database_url
