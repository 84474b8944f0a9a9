"""`coatcheck users export`: everybody can leave, with their password, and be let in elsewhere."""

import json
import stat
from pathlib import Path
from typing import Any

import bcrypt
import pytest
from fastapi.testclient import TestClient

from coatcheck.passwords.formats import format_of
from tests.support.app import make_app
from tests.support.command import invoke, sentence
from tests.support.sql import run_sql

BCRYPT = bcrypt.hashpw(b"of old", bcrypt.gensalt(4)).decode()


def log_in(site: TestClient, username: str, password: str) -> int:
    return site.post("/login", json={"username": username, "password": password}).status_code


def people(folder: Path, site: TestClient) -> None:
    """Ours, one with an accent in it; two from elsewhere, of whom one has logged in; one disabled; one without."""
    for name, password in (("Alice", "correct horse"), ("ann", "e\u0301clair und Brot"), ("eve", "battery staple")):
        assert site.post("/register", json={"username": name, "password": password}).status_code == 201
    lines = [
        {"username": "bob", "password_hash": BCRYPT},
        {"username": "carol", "password_hash": BCRYPT},
        {"username": "dora"},
    ]
    (folder / "people.jsonl").write_text("\n".join(map(json.dumps, lines)))
    assert invoke("users", "import", "people.jsonl").exit_code == 0
    assert log_in(site, "carol", "of old") == 200
    assert invoke("users", "disable", "eve").exit_code == 0


def exported(text: str) -> dict[str, dict[str, Any]]:
    return {one["username"]: one for one in map(json.loads, text.splitlines())}


def test_all_accounts_are_written_as_the_list_shows_them(folder: Path, site: TestClient) -> None:
    people(folder, site)
    done = invoke("users", "export")
    assert done.exit_code == 0
    assert done.stdout == invoke("users", "list", "--json").stdout
    assert list(exported(done.stdout)["eve"]) == ["id", "username", "created_at", "disabled_at"]
    assert invoke("users", "export", "all.jsonl").stdout == f"Accounts written to {folder / 'all.jsonl'}: 6.\n"
    assert (folder / "all.jsonl").read_text() == done.stdout
    assert stat.S_IMODE((folder / "all.jsonl").stat().st_mode) == 0o600
    again = invoke("users", "export", "all.jsonl", "--with-hashes")
    assert sentence(again) == "all.jsonl exists already, and an export never overwrites. Name another file."
    assert (folder / "all.jsonl").read_text() == done.stdout


def test_more_than_a_page_is_written_whole(folder: Path) -> None:
    lines = [{"username": f"user{number}"} for number in range(2_500)]
    (folder / "people.jsonl").write_text("\n".join(map(json.dumps, lines)))
    assert invoke("users", "import", "people.jsonl").exit_code == 0
    assert list(exported(invoke("users", "export").stdout)) == [f"user{number}" for number in range(2_500)]


def test_with_hashes_each_can_be_checked_without_our_keys(folder: Path, url: str, site: TestClient) -> None:
    people(folder, site)
    all_of_them = exported(invoke("users", "export", "--with-hashes").stdout)
    assert {name: one["password_hash"] is None for name, one in all_of_them.items()} == {
        **dict.fromkeys(("Alice", "ann", "eve", "bob", "carol"), False),
        "dora": True,
    }
    assert all_of_them["bob"]["password_hash"] == BCRYPT
    for name, password in (("Alice", "correct horse"), ("ann", "éclair und Brot"), ("carol", "of old")):
        text = all_of_them[name]["password_hash"]
        assert text.startswith("$hmac-sha256$key=")
        its_format = format_of(text)
        assert its_format is not None
        assert its_format.refusal(text) is None
        assert its_format.verify(password, text)
        assert not its_format.verify("another", text)
    ann = all_of_them["ann"]["password_hash"]
    its_format = format_of(ann)
    assert its_format is not None
    assert its_format.verify("e\u0301clair und Brot", ann)  # another keyboard's é
    kept = run_sql(url, "SELECT password_hash FROM coatcheck_accounts")
    assert not any("$key=" in (text or "") for (text,) in kept)


def test_everybody_logs_in_at_another_coatcheck(
    folder: Path,
    url: str,
    site: TestClient,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    people(folder, site)
    assert invoke("users", "export", "all.jsonl", "--with-hashes").exit_code == 0
    file = str(folder / "all.jsonl")
    other = tmp_path_factory.mktemp("other")
    monkeypatch.chdir(other)
    other_url = f"sqlite:///{other / 'other.db'}"
    monkeypatch.setenv("COATCHECK_DATABASE_URL", other_url)
    done = invoke("users", "import", file)
    assert done.stdout.startswith("Imported: 6. There already: 0. Refused: 0."), done.output
    assert (other / "data" / "secret").read_text() != (folder / "data" / "secret").read_text()
    with TestClient(make_app(other, other_url)) as there:
        logins = {"alice": "correct horse", "ann": "éclair und Brot", "bob": "of old", "carol": "of old"}
        for name, password in logins.items():
            assert log_in(there, name, "another password") == 401
            assert log_in(there, name, password) == 200
            assert log_in(there, name, password) == 200
        assert log_in(there, "eve", "battery staple") == 401  # disabled there as here
        assert invoke("users", "enable", "eve").exit_code == 0
        assert log_in(there, "eve", "battery staple") == 200
    kept = run_sql(other_url, "SELECT password_hash FROM coatcheck_accounts WHERE username <> 'dora'")
    assert all(text.startswith("$hmac-sha256$keyid=") for (text,) in kept)
    ours = {one["username"]: one["created_at"] for one in map(json.loads, Path(file).read_text().splitlines())}
    theirs = exported(invoke("users", "export").stdout)
    assert {name: one["created_at"] for name, one in theirs.items()} == ours


def test_an_export_that_fails_leaves_no_half_of_it(folder: Path, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert invoke("users", "create", "alice", stdin="correct horse\n").exit_code == 0
    run_sql(url, "UPDATE coatcheck_accounts SET password_hash = '$hmac-sha256$keyid=gone$argon2id$v=19$x'")
    assert sentence(invoke("users", "export", "all.jsonl", "--with-hashes"))
    assert not (folder / "all.jsonl").exists()
    assert invoke("users", "export", "all.jsonl").exit_code == 0
