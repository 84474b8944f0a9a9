"""What is deleted is asked about first: a person at a terminal answers, and nobody and nothing else does."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.command import Terminal, run, run_without_stdin
from tests.support.server import CHEAP

CTRL_C, CTRL_D = "\x03", "\x04"
ASKING = [
    (("users", "delete", "alice"), "Nothing was deleted."),
    (("reset",), "Nothing was deleted."),
    (("migrate", "--to", "coatcheck@base"), "Nothing has changed."),
]
asking = pytest.mark.parametrize(("command", "nothing"), ASKING, ids=["delete", "reset", "migrate"])


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("filled")
    assert run(folder, "users", "create", "alice", stdin="secret123\n", **CHEAP).returncode == 0
    return folder


@pytest.fixture
def folder(filled: Path, tmp_path: Path) -> Path:
    """A folder whose database has one account."""
    shutil.copytree(filled / "data", tmp_path / "data")
    return tmp_path


def accounts(folder: Path) -> int:
    with closing(sqlite3.connect(folder / "data" / "coatcheck.db")) as database:
        try:
            ((count,),) = database.execute("SELECT count(*) FROM coatcheck_accounts").fetchall()
        except sqlite3.OperationalError:  # the schema went down, and the table with it
            return 0
    return int(count)


@asking
def test_without_a_terminal_it_takes_yes(folder: Path, command: tuple[str, ...], nothing: str) -> None:
    """In `while read name; do coatcheck users delete "$name"; done < names` the answer would be the next name."""
    for answer in ("y\n", ""):
        refused = run(folder, *command, stdin=answer, **CHEAP)
        assert (refused.returncode, refused.stdout) == (1, "")
        assert refused.stderr.endswith(f"\n{nothing} Without a terminal to ask at, this takes --yes.\n")
    assert accounts(folder) == 1
    assert run(folder, *command, "--yes", **CHEAP).returncode == 0
    assert accounts(folder) == 0


@asking
def test_a_closed_standard_input_is_no_terminal(folder: Path, command: tuple[str, ...], nothing: str) -> None:
    refused = run_without_stdin(folder, *command, **CHEAP)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr.endswith(f"\n{nothing} Without a terminal to ask at, this takes --yes.\n")
    assert accounts(folder) == 1


@asking
def test_no_is_the_answer_unless_a_person_says_yes(folder: Path, command: tuple[str, ...], nothing: str) -> None:
    terminal = Terminal(folder, *command, **CHEAP)
    terminal.until("[y/N]")
    terminal.type("\n")
    assert terminal.end() == 1
    assert terminal.seen.endswith(f"{nothing}\r\n")
    assert accounts(folder) == 1


@asking
def test_yes_goes_on(folder: Path, command: tuple[str, ...], nothing: str) -> None:
    terminal = Terminal(folder, *command, **CHEAP)
    terminal.until("[y/N]")
    terminal.type("y\n")
    assert terminal.end() == 0
    assert nothing not in terminal.seen
    assert accounts(folder) == 0


@pytest.mark.parametrize(("key", "code"), [(CTRL_C, 130), (CTRL_D, 1)], ids=["Ctrl+C", "Ctrl+D"])
@pytest.mark.parametrize("command", [*(command for command, _ in ASKING), ("users", "set-password", "alice")])
def test_a_question_left_changes_nothing(folder: Path, command: tuple[str, ...], key: str, code: int) -> None:
    terminal = Terminal(folder, *command, **CHEAP)
    terminal.until("Password: " if "set-password" in command else "[y/N]")
    assert terminal.leave(key) == code
    assert terminal.seen.endswith("\nAborted.\r\n")
    assert "Traceback" not in terminal.seen
    assert accounts(folder) == 1
