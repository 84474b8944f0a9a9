"""`coatcheck users import`: people come with the passwords they have elsewhere, each once, whatever happens."""

import json
import signal
import stat
import subprocess
import time
from collections import Counter
from io import BytesIO
from pathlib import Path
from typing import Any

import bcrypt
import django.conf  # type: ignore[import-untyped]
import pytest
from django.contrib.auth.hashers import PBKDF2PasswordHasher  # type: ignore[import-untyped]
from fastapi.testclient import TestClient
from pwdlib.hashers.argon2 import Argon2Hasher
from typer.testing import Result
from werkzeug.security import generate_password_hash

from coatcheck.accounts import Newcomer
from coatcheck.admin import incoming
from coatcheck.admin.users import Users
from tests.support.command import INTERRUPTIBLE, invoke, sentence
from tests.support.passwords import passwords_with
from tests.support.server import CHEAP, clean_environment
from tests.support.sql import run_sql

if not django.conf.settings.configured:
    django.conf.settings.configure()

PASSWORD = "pässwörd of old"
ORIGINS = {
    "php": "$2y$" + bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode().removeprefix("$2b$"),
    "django": PBKDF2PasswordHasher().encode(PASSWORD, "salt", 1_000),
    "fastapi-users": Argon2Hasher(time_cost=1, memory_cost=64).hash(PASSWORD),
    "flask": generate_password_hash(PASSWORD, "scrypt:1024:8:1"),
    "old-flask": generate_password_hash(PASSWORD, "pbkdf2:sha256:1000"),
}
BCRYPT = ORIGINS["php"]
NEXT = "They log in with the passwords they have; each hash becomes one of ours at its first login."


def write(folder: Path, *lines: Any, name: str = "people.jsonl") -> str:
    """A file with these lines: objects, or text as it is."""
    text = "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines)
    (folder / name).write_text(text + "\n", encoding="utf-8")
    return name


def take_in(*arguments: str) -> Result:
    return invoke("users", "import", *arguments)


def rows(url: str, what: str = "username") -> list[Any]:
    return [row[0] for row in run_sql(url, f"SELECT {what} FROM coatcheck_accounts ORDER BY id")]


def log_in(site: TestClient, username: str, password: str) -> int:
    return site.post("/login", json={"username": username, "password": password}).status_code


def test_they_log_in_with_their_passwords_and_their_hashes_become_ours(
    folder: Path, url: str, site: TestClient
) -> None:
    done = take_in(write(folder, *({"username": name, "password_hash": text} for name, text in ORIGINS.items())))
    assert (done.exit_code, done.stdout) == (0, f"Imported: 5. There already: 0. Refused: 0. {NEXT}\n")
    assert all(kept.startswith("$aes-256-gcm$") for kept in rows(url, "password_hash"))
    for name in ORIGINS:
        assert log_in(site, name, "another password") == 401
        assert log_in(site, name, PASSWORD) == 200
    kept = rows(url, "password_hash")
    assert all(text.startswith("$hmac-sha256$keyid=") for text in kept)
    for name in ORIGINS:
        assert log_in(site, name, "another password") == 401
        assert log_in(site, name, PASSWORD) == 200
    assert rows(url, "password_hash") == kept


def test_what_else_is_known_of_them_comes_along(folder: Path, url: str, site: TestClient) -> None:
    moments = {"created_at": "2024-01-02T05:04:05.5+02:00", "disabled_at": "2025-01-01T00:00:00Z"}
    lines = [
        {"id": 77, "username": "Alice@Example.com", "password_hash": BCRYPT, **moments},
        {"id": "b2c7", "email": "bob@example.com", "hashed_password": BCRYPT},
        {"username": "carol", "password_hash": None, "created_at": None, "disabled_at": None},
        {"username": "dora"},
    ]
    assert take_in(write(folder, *lines)).exit_code == 0
    alice, *others = map(json.loads, invoke("users", "list", "--json").stdout.splitlines())
    assert (alice["id"], alice["username"], alice["created_at"]) == (
        1,
        "Alice@Example.com",
        "2024-01-02T03:04:05.500000Z",
    )
    assert alice["disabled_at"] == "2025-01-01T00:00:00Z"
    assert [(one["id"], one["username"]) for one in others] == [(2, "bob@example.com"), (3, "carol"), (4, "dora")]
    assert rows(url, "password_hash")[2:] == [None, None]
    assert log_in(site, "alice@example.com", PASSWORD) == 401  # disabled
    assert log_in(site, "bob@example.com", PASSWORD) == 200
    assert log_in(site, "dora", PASSWORD) == 401


REFUSED: list[tuple[Any, str]] = [
    ("nothing", "This is no JSON object"),
    ("[]", "This is no JSON object"),
    ('"alice"', "This is no JSON object"),
    ('{"username": "alice"', "This is no JSON object"),
    ('{"username": "\\ud800"}', "This is no JSON object"),
    ('{"username": "alice"} {}', "This is no JSON object"),
    ({}, "It needs either username or email"),
    ({"username": None}, "It needs either username or email"),
    ({"username": "a", "email": "b"}, "It needs either username or email"),
    ({"username": 5}, "Its username is no text."),
    ({"username": ""}, "Its username is none that"),
    ({"username": "two words"}, "Its username is none that"),
    ({"username": "x" * 255}, "Its username is none that"),
    ({"username": "a\0b"}, "Its username is none that"),
    ({"username": "a", "is_active": True}, "It has a member that is not known here; known are id, username, email,"),
    ({"username": "a", BCRYPT: BCRYPT}, "It has a member that is not known here; known are id, username, email,"),
    ({"username": "a", "password_hash": BCRYPT, "hashed_password": BCRYPT}, "It has both"),
    ({"username": "a", "password_hash": 5}, "Its password_hash is no text."),
    ({"username": "a", "password_hash": ""}, "Its password hash is of no kind that is known here (bcrypt, argon2,"),
    ({"username": "a", "password_hash": "secret123"}, "Its password hash is of no kind that is known"),
    ({"username": "a", "password_hash": "!" + "x" * 40}, "Its password hash stands for no password at all"),
    ({"username": "a", "password_hash": BCRYPT[:-1]}, "This begins like a bcrypt hash but is none"),
    ({"username": "a", "password_hash": "$2b$31" + BCRYPT[6:]}, "This bcrypt hash has a cost of 31; at most 14"),
    ({"username": "a", "created_at": "yesterday"}, "Its created_at is no moment"),
    ({"username": "a", "created_at": "2024-01-02T03:04:05"}, "Its created_at is no moment"),
    ({"username": "a", "disabled_at": 1_700_000_000}, "Its disabled_at is no moment"),
    ({"username": "a", "created_at": "1700000000"}, "Its created_at is no moment"),
    ({"username": "a", "created_at": "-1700000000.5"}, "Its created_at is no moment"),
    ({"username": "a", "disabled_at": True}, "Its disabled_at is no moment"),
    ({"username": "a", "created_at": "0001-01-01T00:00:00+14:00"}, "One of its moments is no moment"),
    ({"username": "a" * 70_000}, "This line is longer than 65536 bytes."),
]


def read(line: bytes) -> Newcomer | str:
    return incoming.newcomer(line, passwords_with().foreign_refusal)


@pytest.mark.parametrize(("line", "why"), REFUSED)
def test_a_line_is_refused_with_a_reason_that_repeats_no_hash(line: Any, why: str) -> None:
    text = line if isinstance(line, str) else json.dumps(line)
    said = read(text.encode())
    assert isinstance(said, str)
    assert said.startswith(why)
    assert BCRYPT[7:] not in said
    assert "secret123" not in said


@pytest.mark.parametrize("line", [b"\xff\xfe", b'{"username": "\xff"}', b"\0", b"{" * 60_000, b"[" * 60_000])
def test_bytes_that_are_no_json_are_refused(line: bytes) -> None:
    assert read(line) == incoming.NO_OBJECT


def test_an_ordinary_line_is_read() -> None:
    said = read(b'{"username": "Alice"}\r\n')
    assert said == Newcomer("Alice", "alice", None, None, None)


def test_refused_lines_stand_in_the_report_and_all_others_are_in(folder: Path, url: str) -> None:
    lines = [line for line, _ in REFUSED]
    file = write(folder, {"username": "first"}, *lines, "", {"username": "last", "password_hash": BCRYPT})
    done = take_in(file, "--report", "refused.jsonl")
    assert done.exit_code == 1
    assert done.stdout.startswith("Imported: 2. There already: 0. Refused: 31. refused.jsonl says why; mend")
    assert rows(url) == ["first", "last"]
    report = folder / "refused.jsonl"
    assert stat.S_IMODE(report.stat().st_mode) == 0o600
    told = [json.loads(line) for line in report.read_text().splitlines()]
    assert [one["line"] for one in told] == list(range(2, 33))
    assert all(one["why"].startswith(why) for one, (_, why) in zip(told, REFUSED, strict=True))
    assert BCRYPT[7:] not in report.read_text()
    again = take_in(file, "--report", "refused.jsonl")
    assert sentence(again) == "refused.jsonl exists already, and a report never overwrites. Name another file."
    assert [json.loads(line) for line in report.read_text().splitlines()] == told


def test_without_a_report_the_first_ten_are_told(folder: Path) -> None:
    done = take_in(write(folder, *["nothing"] * 12))
    assert done.exit_code == 1
    assert done.stdout.startswith("Imported: 0. There already: 0. Refused: 12. A file for --report takes")
    told = [line for line in done.stderr.splitlines() if not line.startswith("Database: ")]
    assert told == [f"Line {number}: {incoming.NO_OBJECT}" for number in range(1, 11)]


def test_whoever_is_there_already_is_passed_over(folder: Path, url: str, site: TestClient) -> None:
    assert invoke("users", "create", "Alice", stdin="correct horse\n").exit_code == 0
    file = write(
        folder,
        {"username": "ALICE", "password_hash": BCRYPT},
        {"username": "bob", "password_hash": BCRYPT},
        {"username": "Bob"},
    )
    assert take_in(file).stdout.startswith("Imported: 1. There already: 2. Refused: 0.")
    assert take_in(file).stdout.startswith("Imported: 0. There already: 3. Refused: 0.")
    assert rows(url) == ["Alice", "bob"]
    assert log_in(site, "alice", "correct horse") == 200
    assert log_in(site, "alice", PASSWORD) == 401
    assert log_in(site, "bob", PASSWORD) == 200


def test_a_dry_run_counts_and_writes_nothing(folder: Path, url: str) -> None:
    assert invoke("users", "create", "alice", stdin="correct horse\n").exit_code == 0
    before = run_sql(url, "SELECT * FROM coatcheck_accounts")
    file = write(folder, {"username": "alice"}, {"username": "bob", "password_hash": BCRYPT}, "nothing")
    done = take_in(file, "--dry-run", "--report", "refused.jsonl")
    assert done.exit_code == 1
    assert done.stdout.startswith("Would be imported: 1. There already: 1. Refused: 1.")
    assert json.loads((folder / "refused.jsonl").read_text()) == {"line": 3, "why": incoming.NO_OBJECT}
    assert run_sql(url, "SELECT * FROM coatcheck_accounts") == before
    assert take_in(write(folder, {"username": "bob"}), "--dry-run").exit_code == 0
    take_in(file)
    assert rows(url, "id") == [1, 2]


def test_a_thousand_lines_of_all_kinds(folder: Path, url: str, site: TestClient) -> None:
    kinds = list(ORIGINS.items())
    lines: list[Any] = []
    for number in range(1_000):
        origin, text = kinds[number % 5]
        bad = {17: "nothing", 18: {"username": f"{origin}{number}", "password_hash": text[:20]}}
        lines.append(bad.get(number % 50, {"username": f"{origin}{number}", "password_hash": text}))
    done = take_in(write(folder, *lines), "--report", "refused.jsonl")
    assert done.stdout.startswith("Imported: 960. There already: 0. Refused: 40.")
    assert len(rows(url)) == len(set(rows(url))) == 960
    for number in (0, 1, 2, 3, 4, 995, 996, 997, 998, 999):
        assert log_in(site, f"{kinds[number % 5][0]}{number}", PASSWORD) == 200


@pytest.mark.parametrize("ending", ["", "\n", "\r\n"])
def test_a_file_may_begin_and_end_as_other_systems_write_it(folder: Path, url: str, ending: str) -> None:
    text = '\ufeff{"username": "alice"}\r\n\r\n{"username": "bob"}' + ending
    (folder / "people.jsonl").write_bytes(text.encode())
    assert take_in("people.jsonl").exit_code == 0
    assert rows(url) == ["alice", "bob"]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["missing.jsonl"], "missing.jsonl cannot be read (No such file or directory)."),
        (["."], ". cannot be read (Is a directory)."),
        (
            ["people.jsonl", "--report", "no/such/folder"],
            "no/such/folder cannot be made (No such file or directory).",
        ),
        (["people.jsonl", "--report", "people.jsonl"], "people.jsonl exists already, and a report never overwrites."),
    ],
)
def test_files_that_will_not_do_are_one_sentence(folder: Path, arguments: list[str], expected: str) -> None:
    write(folder, {"username": "alice"})
    assert sentence(take_in(*arguments)).startswith(expected)


class Endless(BytesIO):
    """A line that goes on for 200 MB, then an ordinary one; it remembers how much was asked for at once."""

    left = 3_000
    most = 0

    def readline(self, size: int | None = -1, /) -> bytes:
        """The next part of it."""
        assert size is not None
        self.most = max(self.most, size)
        self.left -= 1
        if self.left > 0:
            return b"x" * size
        return {0: b"\n", -1: b'{"username": "alice"}\n'}.get(self.left, b"")


async def test_a_line_without_an_end_takes_no_memory() -> None:
    class Nobody(Users):
        def __init__(self) -> None: ...

        async def free(self, some: Any) -> list[Newcomer]:
            """All of them."""
            return list(some)

    told: list[tuple[int, str]] = []
    file = Endless()
    tally = await incoming.take_in(
        Nobody(), file, lambda number, why: told.append((number, why)), lambda done: None, dry_run=True
    )
    assert told == [(1, incoming.TOO_LONG)]
    assert (tally.new, tally.refused) == (1, 1)
    assert file.most <= incoming.LONGEST_LINE + 1


@pytest.mark.slow
@pytest.mark.parametrize(("blow", "code"), [(signal.SIGKILL, -9), (signal.SIGINT, 130)], ids=["kill", "ctrl-c"])
def test_an_import_that_was_stopped_goes_on_where_it_was(
    folder: Path, url: str, site: TestClient, blow: signal.Signals, code: int
) -> None:
    total = 20_000
    people = [{"username": f"user{number}", "password_hash": BCRYPT} for number in range(total)]
    file = write(folder, *people)
    program = subprocess.Popen(
        [*INTERRUPTIBLE, "users", "import", file],
        cwd=folder,
        env=clean_environment() | CHEAP | {"COATCHECK_DATABASE_URL": url},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        while program.poll() is None and len(rows(url, "id")) < 3_000:
            time.sleep(0.01)
        program.send_signal(blow)
        _, stderr = program.communicate(timeout=30)
    finally:
        program.kill()
        program.communicate()
    assert program.returncode == code, stderr
    assert b"Traceback" not in stderr
    there = len(rows(url, "id"))
    assert 3_000 <= there < total
    assert there % 1_000 == 0  # some whole thousands, and no part of one
    done = take_in(file)
    assert done.stdout.startswith(f"Imported: {total - there}. There already: {there}. Refused: 0.")
    assert Counter(rows(url)) == Counter(f"user{number}" for number in range(total))
    assert len(set(rows(url, "id"))) == total
    for number in (0, there - 1, there, total - 1):
        assert log_in(site, f"user{number}", PASSWORD) == 200
