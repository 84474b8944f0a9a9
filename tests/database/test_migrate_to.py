"""`coatcheck migrate --to …` from outside: going down shows what is lost, and asks or takes --yes."""

import subprocess
from pathlib import Path

import pytest

from coatcheck.database.migrate import Migrations
from tests.database.test_migrations import HISTORIES
from tests.support.command import Terminal, run
from tests.support.server import install_application

MIGRATE = ["migrate", "--app", "app:app"]
LOSS = "This undoes, and loses all data that only these revisions have a place for:\n  todos_0001 Todos.\n"


@pytest.fixture
def folder(tmp_path: Path, database_url: str) -> Path:
    """A folder with the todo application, whose schema is up to date."""
    install_application(tmp_path)
    Migrations(database_url, HISTORIES).upgrade()
    return tmp_path


def migrate(folder: Path, url: str, *arguments: str, answer: str = "") -> "subprocess.CompletedProcess[str]":
    return run(folder, *MIGRATE, *arguments, stdin=answer, COATCHECK_DATABASE_URL=url)


def is_older(url: str) -> bool:
    return Migrations(url, HISTORIES).is_older()


def test_down_and_up_again(folder: Path, database_url: str) -> None:
    down = migrate(folder, database_url, "--to", "todos@base", "--yes")
    assert (down.returncode, down.stdout) == (0, "The schema is at todos@base now.\n")
    assert down.stderr.startswith("Database: ")
    assert down.stderr.endswith(LOSS)
    assert is_older(database_url)
    again = migrate(folder, database_url, "--to", "todos@base")
    assert (again.returncode, again.stdout) == (0, "The schema was at todos@base already.\n")
    up = migrate(folder, database_url, "--to", "todos@head")
    assert (up.returncode, up.stdout) == (0, "The schema is at todos@todos_0001 now.\n")
    assert LOSS not in up.stderr
    assert not is_older(database_url)


def test_without_a_terminal_going_down_takes_yes(folder: Path, database_url: str) -> None:
    done = migrate(folder, database_url, "--to", "todos@-1", answer="y\n")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.endswith(f"{LOSS}Nothing has changed. Without a terminal to ask at, this takes --yes.\n")
    assert not is_older(database_url)


@pytest.mark.parametrize(
    ("answer", "code", "end", "goes_down"),
    [
        ("y\n", 0, "The schema is at todos@base now.\r\n", True),
        ("n\n", 1, "Nothing has changed.\r\n", False),
        ("\n", 1, "Nothing has changed.\r\n", False),
    ],
)
def test_at_a_terminal_it_asks(
    folder: Path, database_url: str, answer: str, code: int, end: str, goes_down: bool
) -> None:
    terminal = Terminal(folder, *MIGRATE, "--to", "todos@base", COATCHECK_DATABASE_URL=database_url)
    terminal.until("Go down? [y/N]")
    terminal.type(answer)
    assert terminal.end() == code
    assert LOSS.replace("\n", "\r\n") in terminal.seen
    assert terminal.seen.endswith(end)
    assert is_older(database_url) is goes_down


@pytest.mark.parametrize(
    ("to", "sentence"),
    [
        ("coatcheck@base", "The history todos is at todos_0001 and stands on coatcheck, which goes last."),
        ("notes@base", "There is no history notes; there is: coatcheck, todos.\n"),
        ("todos@0009", "has no revision 0009; it has: base, todos_0001.\n"),
    ],
)
def test_a_refusal_is_one_sentence_and_changes_nothing(
    folder: Path, database_url: str, to: str, sentence: str
) -> None:
    done = migrate(folder, database_url, "--to", to, "--yes")
    assert (done.returncode, done.stdout) == (1, "")
    assert sentence in done.stderr
    assert len(done.stderr.splitlines()) == 2  # the database, the sentence
    assert not is_older(database_url)
