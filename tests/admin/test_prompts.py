"""A person at a terminal is asked for a password without echo, twice."""

import json
from pathlib import Path

from tests.support.command import Terminal, run, run_without_stdin
from tests.support.server import CHEAP

PASSWORD = "correct horse battery"


def listed(folder: Path) -> list[str]:
    done = run(folder, "users", "list", "--json", **CHEAP)
    return [json.loads(line)["username"] for line in done.stdout.splitlines()]


def test_a_password_is_asked_for_twice_and_never_shown(tmp_path: Path) -> None:
    terminal = Terminal(tmp_path, "users", "create", "alice", **CHEAP)
    terminal.until("Password: ")
    terminal.type(f"{PASSWORD}\n")
    terminal.until("Again: ")
    terminal.type("something else\n")
    terminal.until("Password: ")
    terminal.type(f"{PASSWORD}\n")
    terminal.until("Again: ")
    terminal.type(f"{PASSWORD}\n")
    assert terminal.end() == 0
    assert "Created alice with id 1." in terminal.seen
    assert PASSWORD not in terminal.seen
    assert listed(tmp_path) == ["alice"]


def test_a_closed_standard_input_is_one_sentence(tmp_path: Path) -> None:
    done = run_without_stdin(tmp_path, "users", "create", "alice", **CHEAP)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines()[1].startswith("No password came.")
    assert done.stderr.count("\n") == 2


def test_a_name_that_is_taken_is_told_before_a_password_is_asked_for(tmp_path: Path) -> None:
    assert run(tmp_path, "users", "create", "alice", stdin=PASSWORD, **CHEAP).returncode == 0
    terminal = Terminal(tmp_path, "users", "create", "ALICE", **CHEAP)
    assert terminal.end() == 1
    assert "This username is taken." in terminal.seen
    assert "Password: " not in terminal.seen
