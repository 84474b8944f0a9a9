"""`coatcheck users export`: everybody can leave, with their password, and be let in elsewhere."""

import errno
import json
import os
import signal
import stat
import subprocess
from pathlib import Path
from typing import Any

import bcrypt
import pytest
from fastapi.testclient import TestClient

from coatcheck.passwords.formats import format_of
from tests.support.app import make_app
from tests.support.command import INTERRUPTIBLE, invoke, sentence
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


@pytest.mark.parametrize(
    "damaged",
    [
        "$hmac-sha256$keyid=gone$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHRzYWx0c2E$aGFzaGhhc2hoYXNoaGFzaGhhc2hoYXM",
        "$hmac-sha256$keyid=gone$argon2id$v=19$x",
        "$hmac-sha256$keyid={key_id}$argon2id$v=19$é",
        "$aes-256-gcm$keyid=gone$AAAA",
        "of a kind that nobody knows",
        "",
    ],
)
def test_one_damaged_row_keeps_nobody_else_from_leaving(
    folder: Path, url: str, site: TestClient, damaged: str
) -> None:
    people(folder, site)
    ((kept,),) = run_sql(url, "SELECT password_hash FROM coatcheck_accounts WHERE username = 'Alice'")
    text = damaged.replace("{key_id}", kept.split("keyid=")[1].partition("$")[0])
    run_sql(url, f"UPDATE coatcheck_accounts SET password_hash = '{text}' WHERE username = 'ann'")
    done = invoke("users", "export", "all.jsonl", "--with-hashes")
    assert done.exit_code == 1
    assert "No password opens what is stored for id 2: written without a hash." in done.stderr
    assert (
        "Accounts whose passwords are lost: 1. All others are written whole. To give one a new password: "
        in done.stderr
    )
    everybody = exported((folder / "all.jsonl").read_text())
    assert {name for name, one in everybody.items() if one["password_hash"] is None} == {"ann", "dora"}
    assert invoke("users", "export").exit_code == 0
    counted = invoke("users", "hashes")
    assert counted.exit_code == 0
    assert sum(int(line.split()[0]) for line in counted.stdout.splitlines()) == 6
    assert "damaged" in counted.stdout or "a key that is not here" in counted.stdout
    assert log_in(site, "ann", "éclair und Brot") in {401, 503}
    assert log_in(site, "alice", "correct horse") == 200


def many(folder: Path, number: int) -> None:
    """More than is written before somebody can press Ctrl+C."""
    (folder / "many.jsonl").write_text("\n".join(json.dumps({"username": f"user{one}"}) for one in range(number)))
    assert invoke("users", "import", "many.jsonl").exit_code == 0


@pytest.mark.slow
@pytest.mark.parametrize("given", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_an_export_that_is_ended_leaves_no_half_of_it(folder: Path, given: signal.Signals) -> None:
    many(folder, 6_000)
    command = [*INTERRUPTIBLE, "users", "export", "all.jsonl", "--with-hashes"]
    with subprocess.Popen(command, cwd=folder, stderr=subprocess.DEVNULL) as process:
        while not any(one.stat().st_size for one in folder.glob(".all.jsonl.*")):
            assert process.poll() is None
        process.send_signal(given)
    assert process.returncode == {signal.SIGTERM: 143, signal.SIGINT: 130, signal.SIGKILL: -signal.SIGKILL}[given]
    assert not (folder / "all.jsonl").exists()
    if given is not signal.SIGKILL:
        assert not list(folder.glob(".all.jsonl.*"))
    assert invoke("users", "export", "all.jsonl").exit_code == 0


def test_an_export_to_a_full_disk_leaves_no_half_of_it(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a small one all comes to the disk at the end."""
    assert invoke("users", "create", "alice", stdin="correct horse\n").exit_code == 0

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    done = invoke("users", "export", "all.jsonl")
    assert "No space left on device" in sentence(done)
    assert not list(folder.glob("*all.jsonl*"))


def test_a_file_that_somebody_makes_meanwhile_is_not_overwritten(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert invoke("users", "create", "alice", stdin="correct horse\n").exit_code == 0
    sync = os.fsync

    def synced(descriptor: int) -> None:
        sync(descriptor)
        if list(folder.glob(".all.jsonl.*")):
            (folder / "all.jsonl").write_text("theirs")

    monkeypatch.setattr(os, "fsync", synced)
    done = invoke("users", "export", "all.jsonl")
    assert sentence(done) == "all.jsonl exists already, and an export never overwrites. Name another file."
    assert (folder / "all.jsonl").read_text() == "theirs"
    assert not list(folder.glob(".all.jsonl.*"))


def test_where_a_file_cannot_have_two_names_it_is_written_all_the_same(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert invoke("users", "create", "alice", stdin="correct horse\n").exit_code == 0

    def refused(_: Path, __: Path) -> None:
        raise PermissionError(1, "Operation not permitted")  # as FAT says it

    monkeypatch.setattr(Path, "hardlink_to", refused)
    assert invoke("users", "export", "all.jsonl").exit_code == 0
    assert list(exported((folder / "all.jsonl").read_text())) == ["alice"]
    assert stat.S_IMODE((folder / "all.jsonl").stat().st_mode) == 0o600
    assert not list(folder.glob(".all.jsonl.*"))
