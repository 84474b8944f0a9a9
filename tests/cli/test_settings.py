"""`coatcheck settings`: every value, whole, with where it comes from; no secret."""

import json
from pathlib import Path

import pytest

from coatcheck import Settings
from coatcheck.keys import Secret
from coatcheck.settings import MASK
from tests.support.command import invoke, run, sentence

SECOND_COLUMN = len("COATCHECK_ACCESS_TOKEN_SECONDS")
SECRET = Secret.new_text()


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def settings() -> dict[str, dict[str, object]]:
    done = invoke("settings", "--json")
    assert (done.exit_code, done.stderr) == (0, "")
    told: dict[str, dict[str, object]] = json.loads(done.stdout)
    return told


def test_all_of_them_are_there_with_default_and_meaning(tmp_path: Path) -> None:
    told = settings()
    fields = {name: field for name, field in Settings.model_fields.items() if name != "directory"}
    assert list(told) == [f"COATCHECK_{name.upper()}" for name in fields]
    for name, field in fields.items():
        one = told[f"COATCHECK_{name.upper()}"]
        assert one["default"] == (list(field.default) if isinstance(field.default, tuple) else field.default)
        assert (one["meaning"], one["from"]) == (field.description, "default")
        if name != "database_url":
            assert one["value"] == one["default"]
    assert told["COATCHECK_DATABASE_URL"]["value"] == str(tmp_path / "data" / "coatcheck.db")
    assert not (tmp_path / "data").exists()


def test_each_says_where_it_comes_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").write_text("COATCHECK_PORT=9000\nCOATCHECK_HOST=::1\n")
    monkeypatch.setenv("COATCHECK_HOST", "127.0.0.2")
    monkeypatch.setenv("coatcheck_allowed_origins", "https://a.example, https://b.example")
    told = settings()
    assert (told["COATCHECK_PORT"]["value"], told["COATCHECK_PORT"]["from"]) == (9000, ".env")
    assert (told["COATCHECK_HOST"]["value"], told["COATCHECK_HOST"]["from"]) == ("127.0.0.2", "environment")
    assert told["COATCHECK_ALLOWED_ORIGINS"]["value"] == ["https://a.example", "https://b.example"]
    assert told["COATCHECK_ALLOWED_ORIGINS"]["from"] == "environment"


def test_what_the_application_gives_itself_is_told(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "from fastapi import FastAPI\nfrom coatcheck import Coatcheck, Settings\n"
        "app = FastAPI()\nCoatcheck(app, Settings.read(port=9000, host='::1'))\n"
    )
    done = run(tmp_path, "settings", "--json", "--app", "mine:app", COATCHECK_PORT="7000", COATCHECK_HOST="::1")
    told = json.loads(done.stdout)
    assert (told["COATCHECK_PORT"]["value"], told["COATCHECK_PORT"]["from"]) == (9000, "application")
    assert told["COATCHECK_HOST"]["from"] == "environment"


def test_no_secret_is_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COATCHECK_SECRET", SECRET)
    for name in ("DATABASE_URL", "DATABASE_LISTEN_URL"):
        monkeypatch.setenv(f"COATCHECK_{name}", "postgresql://root:hunter2@db.example/x?sslpassword=hunter2")
    for arguments in (("settings",), ("settings", "--json")):
        done = invoke(*arguments)
        assert done.exit_code == 0
        assert SECRET not in done.stdout
        assert "hunter2" not in done.stdout
        assert done.stdout.count("postgresql://root@db.example/x") == 2
        assert done.stdout.count(MASK) == 1


def test_in_a_pipe_nothing_is_cut_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    long = "/".join(f"{number:020}" for number in range(10))
    monkeypatch.setenv("COATCHECK_DATABASE_URL", f"sqlite:////{long}")
    for columns in ("40", "80", "200"):
        monkeypatch.setenv("COLUMNS", columns)
        told = invoke("settings").stdout
        assert max(map(len, told.splitlines())) <= max(80, int(columns))
        assert long in "".join(line[SECOND_COLUMN:].strip() for line in told.splitlines())
        for name, field in Settings.model_fields.items():
            if name != "directory":
                assert f"COATCHECK_{name.upper()}" in told
                assert all(word in told for word in str(field.description).split() if len(word) < 40)
        assert "…" not in told


def test_a_mistake_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COATCHECK_PORT", "hunter2")
    refused = sentence(invoke("settings"))
    assert refused.startswith("COATCHECK_PORT is not usable: ")
    assert "hunter2" not in refused
