"""What the page about versions promises, as far as a test can hold it."""

import base64
import importlib
import inspect
import json
import pkgutil
import re
import sqlite3
import tomllib

from fastapi.testclient import TestClient

import coatcheck.migrations
import todos.migrations
from app import app
from tests.docs.pages import plain
from tests.support.postgresql import VERSION
from tests.support.server import ROOT

PAGE = plain((ROOT / "docs" / "versioning.md").read_text(encoding="utf-8"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def test_a_token_has_exactly_the_claims_that_are_promised(local_client: TestClient) -> None:
    person = {"username": "alice", "password": "secret123"}
    assert local_client.post("/register", json=person).status_code == 201
    token: str = local_client.post("/login", json=person).json()["access_token"]
    header, payload = (json.loads(base64.urlsafe_b64decode(part + "==")) for part in token.split(".")[:2])
    sentence = re.search(r"the claims (.*?), and `typ` `([^`]+)`", PAGE)
    assert sentence is not None
    assert re.findall(r"`(\w+)`", sentence[1]) == list(payload)
    assert header["typ"] == sentence[2]


def test_the_pythons_are_those_of_the_package() -> None:
    named = re.findall(r"Python :: (3\.\d+)", " ".join(PROJECT["classifiers"]))
    assert f"| Python | {', '.join(named)} |" in PAGE
    assert PROJECT["requires-python"] == f">={named[0]}"


def test_the_databases_and_fastapi_are_those_that_are_tested() -> None:
    assert f"tested with {VERSION} " in PAGE
    assert sqlite3.sqlite_version_info >= (3, 40)
    (fastapi,) = [one for one in PROJECT["dependencies"] if one.startswith("fastapi>=")]
    assert f"| FastAPI | {fastapi.removeprefix('fastapi>=').removesuffix('.0')} or later |" in PAGE


def test_the_version_is_said_once_and_the_pin_fits_it() -> None:
    major, minor, _ = PROJECT["version"].split(".")
    assert app.version == PROJECT["version"]
    assert f"`coatcheck>={major}.{minor},<{major}.{int(minor) + 1}`" in PAGE


def test_every_step_of_the_schema_has_a_way_back() -> None:
    for package in (coatcheck.migrations, todos.migrations):
        steps = [module.name for module in pkgutil.iter_modules(package.__path__) if module.name[0].isdigit()]
        assert steps
        for name in steps:
            step = importlib.import_module(f"{package.__name__}.{name}")
            assert "pass" not in inspect.getsource(step.downgrade).split()
