"""A person at a terminal: asked without echo, twice; Ctrl+C ends it without a trace."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.command import Terminal, run
from tests.support.server import CHEAP, clean_environment

PASSWORD = "correct horse battery"
CREATE = [sys.executable, "-m", "coatcheck", "users", "create", "alice"]
CTRL_C = "\x03"


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


@pytest.mark.parametrize(("command", "question"), [("set-password", "Password: "), ("delete", "[y/N]")])
def test_ctrl_c_at_a_question_ends_it_and_changes_nothing(tmp_path: Path, command: str, question: str) -> None:
    assert run(tmp_path, "users", "create", "alice", stdin=PASSWORD, **CHEAP).returncode == 0
    terminal = Terminal(tmp_path, "users", command, "alice", **CHEAP)
    terminal.until(question)
    terminal.type(CTRL_C)
    assert terminal.end() in {1, 130}
    assert "Traceback" not in terminal.seen
    assert listed(tmp_path) == ["alice"]


def test_a_closed_standard_input_is_one_sentence(tmp_path: Path) -> None:
    closed = [sys.executable, "-c", f"import os; os.close(0); os.execv({sys.executable!r}, {CREATE!r})"]
    done = subprocess.run(
        closed, cwd=tmp_path, env=clean_environment() | CHEAP, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines()[1].startswith("No password came.")
    assert done.stderr.count("\n") == 2


def test_a_name_that_is_taken_is_told_before_a_password_is_asked_for(tmp_path: Path) -> None:
    assert run(tmp_path, "users", "create", "alice", stdin=PASSWORD, **CHEAP).returncode == 0
    terminal = Terminal(tmp_path, "users", "create", "ALICE", **CHEAP)
    assert terminal.end() == 1
    assert "This username is taken." in terminal.seen
    assert "Password: " not in terminal.seen
