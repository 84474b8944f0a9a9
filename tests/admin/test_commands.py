"""`coatcheck users …`: what it does is there for the running application at once, on each engine."""

import json
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from coatcheck.database.url import shown
from coatcheck.keys import Secret
from tests.support.command import Terminal, invoke, sentence
from tests.support.person import Person
from tests.support.server import CHEAP
from tests.support.sql import run_sql

NEW_PASSWORD = "correct horse battery"


def log_in(site: TestClient, username: str, password: str) -> int:
    return site.post("/login", json={"username": username, "password": password}).status_code


def create(name: str = "alice", password: str = NEW_PASSWORD) -> int:
    done = invoke("users", "create", name, "--json", stdin=f"{password}\n")
    assert done.exit_code == 0, done.output
    return int(json.loads(done.stdout)["id"])


def test_a_created_account_can_log_in(site: TestClient, url: str) -> None:
    done = invoke("users", "create", "Alice", stdin=f"{NEW_PASSWORD}\n")
    assert (done.exit_code, done.stdout) == (0, "Created Alice with id 1.\n")
    assert done.stderr == f"Database: {shown(url)}\n"
    assert log_in(site, "alice", NEW_PASSWORD) == 200


def test_it_is_made_where_registration_is_closed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COATCHECK_REGISTRATION", "closed")
    assert create() == 1


def test_the_password_is_one_line_as_it_was_written(site: TestClient) -> None:
    for name, stdin, password in (
        ("a", " blanks stay \n", " blanks stay "),
        ("b", "one line only\nno second\n", "one line only"),
        ("c", "Windows' end\r\n", "Windows' end"),
        ("d", "no end of line", "no end of line"),
    ):
        assert invoke("users", "create", name, stdin=stdin).exit_code == 0
        assert log_in(site, name, password) == 200
    assert log_in(site, "a", "blanks stay") == 401


@pytest.mark.parametrize(
    ("name", "stdin", "expected"),
    [
        ("taken", "correct horse\n", "This username is taken. To see by whom: coatcheck users list"),
        ("TAKEN", "correct horse\n", "This username is taken. To see by whom: coatcheck users list"),
        ("two words", "correct horse\n", "Username: Use 1 to 254 letters"),
        ("alice", "short\n", "Password: Use at least 8 characters"),
        ("alice", "\n", "Password: Use at least 8 characters"),
        ("alice", "", "No password came."),
        ("alice", b"\xff\xfe\xff\xfe\xff\xfe\xff\xfe\n", "The password is not UTF-8 text"),
        ("alice", "x" * 100_000 + "\n", "Password: Use at most 1024 characters."),
    ],
)
def test_a_refused_account_is_one_sentence(folder: Path, name: str, stdin: str | bytes, expected: str) -> None:
    create("taken")
    assert sentence(invoke("users", "create", name, stdin=stdin)).startswith(expected)
    assert invoke("users", "list").stdout.count("\n") == 2


def test_a_list_is_a_line_each_or_an_object_each(folder: Path) -> None:
    create("alice")
    create("Bob")
    assert invoke("users", "disable", "bob").exit_code == 0
    header, alice, bob = invoke("users", "list").stdout.splitlines()
    assert header.split() == ["id", "created", "(UTC)", "disabled", "(UTC)", "username"]
    assert (alice.split()[0], alice.split()[-2:]) == ("1", ["-", "alice"])
    assert (bob.split()[0], bob.split()[-1], "-" in bob.split()) == ("2", "Bob", False)
    one, two = map(json.loads, invoke("users", "list", "--json").stdout.splitlines())
    assert (one["id"], one["username"], one["disabled_at"]) == (1, "alice", None)
    assert set(two) == {"id", "username", "created_at", "disabled_at"}
    assert two["disabled_at"] >= two["created_at"] >= one["created_at"]
    (found,) = invoke("users", "list", "--json", "--search", "BO").stdout.splitlines()
    assert json.loads(found) == two


def test_a_list_of_nobody(folder: Path) -> None:
    assert invoke("users", "list").stdout.count("\n") == 1
    done = invoke("users", "list", "--json")
    assert (done.exit_code, done.stdout) == (0, "")


def test_a_set_password_ends_every_session(site: TestClient) -> None:
    alice, bob = Person(site), Person(site)
    tokens = [alice.token, alice.log_in()]
    done = invoke("users", "set-password", alice.username.upper(), stdin=f"{NEW_PASSWORD}\n")
    assert (done.exit_code, done.stdout) == (0, f"{alice.username} has the new password; all sessions have ended.\n")
    assert alice.is_refused()
    assert [alice.get("/me", token=token).status_code for token in tokens] == [401, 401]
    assert bob.get("/me").status_code == 200
    assert log_in(site, alice.username, alice.password) == 401
    assert log_in(site, alice.username, NEW_PASSWORD) == 200


def test_a_refused_password_ends_nothing(site: TestClient) -> None:
    alice = Person(site)
    refused = sentence(invoke("users", "set-password", alice.username, stdin="short\n"))
    assert refused.startswith("Password: Use at least 8 characters")
    assert alice.get("/me").status_code == 200


def test_a_disabled_account_lets_nobody_in_until_it_is_enabled(site: TestClient) -> None:
    alice = Person(site)
    done = invoke("users", "disable", "--id", str(alice.id))
    assert (done.exit_code, done.stdout) == (0, f"{alice.username} is disabled; all sessions have ended.\n")
    assert alice.is_refused()
    assert log_in(site, alice.username, alice.password) == 401
    done = invoke("users", "enable", alice.username)
    assert (done.exit_code, done.stdout) == (0, f"{alice.username} is enabled.\n")
    assert alice.is_refused()  # its sessions stay ended
    assert log_in(site, alice.username, alice.password) == 200


def test_a_disabled_account_may_get_a_password_and_stays_disabled(site: TestClient) -> None:
    alice = Person(site)
    assert invoke("users", "disable", alice.username).exit_code == 0
    assert invoke("users", "set-password", alice.username, stdin=f"{NEW_PASSWORD}\n").exit_code == 0
    assert log_in(site, alice.username, NEW_PASSWORD) == 401
    assert invoke("users", "enable", alice.username).exit_code == 0
    assert log_in(site, alice.username, NEW_PASSWORD) == 200


def test_a_deleted_account_takes_with_it_what_belongs_to_it(site: TestClient) -> None:
    alice, bob = Person(site), Person(site)
    alice.add_todo()
    bob.add_todo()
    done = invoke("users", "delete", alice.username, "--yes")
    assert (done.exit_code, done.stdout) == (0, f"Deleted {alice.username}.\n")
    assert alice.is_refused()
    assert bob.get("/todos/stats").json()["total"] == 1
    again = Person(site, alice.username)
    assert again.id > bob.id
    assert again.get("/todos/stats").json()["total"] == 0


def test_a_name_that_is_taken_while_its_password_is_typed_is_told_to_an_operator(folder: Path, url: str) -> None:
    create("taken")
    run_sql(url, "UPDATE coatcheck_accounts SET username = 'other', mapped_username = 'other'")
    terminal = Terminal(folder, "users", "create", "taken", **CHEAP, COATCHECK_DATABASE_URL=url)
    terminal.until("Password: ")
    run_sql(url, "UPDATE coatcheck_accounts SET username = 'taken', mapped_username = 'taken'")
    terminal.type(f"{NEW_PASSWORD}\n")
    terminal.until("Again: ")
    terminal.type(f"{NEW_PASSWORD}\n")
    assert terminal.end() == 1
    assert terminal.seen.endswith("This username is taken. To see by whom: coatcheck users list\r\n")


def test_a_name_that_came_by_sql_gives_the_terminal_no_command(folder: Path, url: str) -> None:
    create("alice")
    create("Zoë")
    evil = "e\x1b[31mvil\nroot\u202etxt\u2028\x7f"
    letters = " || ".join(f"{'char' if url.startswith('sqlite') else 'chr'}({ord(letter)})" for letter in evil)
    run_sql(url, f"UPDATE coatcheck_accounts SET username = {letters} WHERE id = 1")
    shown = r"e\x1b[31mvil\nroot\u202etxt\u2028\x7f"
    _, first, second = invoke("users", "list").stdout.split("\n")[:-1]
    assert (first.split()[-1], second.split()[-1]) == (shown, "Zoë")
    assert json.loads(invoke("users", "list", "--json").stdout.split("\n")[0])["username"] == evil
    for command in (("disable",), ("enable",), ("set-password",), ("delete", "--yes")):
        done = invoke("users", *command, "--id", "1", stdin=f"{NEW_PASSWORD}\n")
        assert (done.exit_code, shown in done.stdout, done.stdout.count("\n")) == (0, True, 1)
        assert done.stdout.rstrip("\n").isprintable()


def test_a_row_that_needs_the_account_keeps_it(site: TestClient, url: str) -> None:
    alice = Person(site)
    statements = (
        "CREATE TABLE invoices (account_id INTEGER REFERENCES coatcheck_accounts (id))",
        f"INSERT INTO invoices VALUES ({alice.id})",
    )
    run_sql(url, *statements)
    refused = sentence(invoke("users", "delete", alice.username, "--yes"))
    assert refused.startswith(f"Rows of another table need {alice.username}, so nothing was deleted.")
    assert alice.get("/me").status_code == 200


@pytest.mark.parametrize("command", ["set-password", "disable", "enable", "delete"])
def test_whom_a_command_is_about(folder: Path, command: str) -> None:
    expected = "There is no such account. To see which there are: coatcheck users list"
    for whom in (("nobody",), ("two words",), ("--id", "7")):
        assert sentence(invoke("users", command, *whom)) == expected
    mistakes = ("", "alice --id 1", "--id 0", "--id 9223372036854775808", "--id x")
    for mistake in mistakes:
        assert invoke("users", command, *mistake.split()).exit_code == 2


def test_a_password_is_never_printed(folder: Path) -> None:
    for arguments in (("create", "alice"), ("create", "alice"), ("create", "b b"), ("set-password", "alice")):
        for password in ("hunter2", "hunter2hunter2"):
            assert "hunter2" not in invoke("users", *arguments, stdin=f"{password}\n").output


def test_production_refuses_an_older_schema_and_names_the_command(
    folder: Path, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COATCHECK_ENVIRONMENT", "production")
    monkeypatch.setenv("COATCHECK_SECRET", Secret.new_text())
    monkeypatch.setenv("COATCHECK_ISSUER", "https://example.org")
    monkeypatch.setenv("COATCHECK_ARGON2_MEMORY_KIB", "19456")
    monkeypatch.setenv("COATCHECK_ARGON2_TIME_COST", "2")
    assert "coatcheck migrate" in sentence(invoke("users", "list"))
    assert invoke("migrate").exit_code == 0
    assert invoke("users", "list").exit_code == 0


def test_a_wrong_setting_is_one_sentence(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COATCHECK_DATABASE_URL", "postgresql://x:hunter2@127.0.0.1:1/x")
    refused = invoke("users", "list")
    assert sentence(refused).startswith("PostgreSQL does not answer at COATCHECK_DATABASE_URL.")
    assert "hunter2" not in refused.output
    assert "Database: postgresql://x@127.0.0.1:1/x" in refused.stderr
