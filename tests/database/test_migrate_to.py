"""`coatcheck migrate --to …` from outside: going down shows what is lost, and asks or takes --yes."""

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from coatcheck.database.migrate import Migrations, Standing
from tests.database.test_migrations import HISTORIES
from tests.support.server import clean_environment, install_application

MIGRATE = [sys.executable, "-m", "coatcheck", "migrate", "--app", "app:app"]
LOSS = "This undoes, and loses all data that only these revisions have a place for:\n  todos_0001 Todos.\n"


@pytest.fixture
def folder(tmp_path: Path, database_url: str) -> Path:
    """A folder with the todo application, whose schema is up to date."""
    install_application(tmp_path)
    Migrations(database_url, HISTORIES).upgrade()
    return tmp_path


def migrate(folder: Path, url: str, *arguments: str, answer: str = "") -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [*MIGRATE, *arguments],
        cwd=folder,
        env=clean_environment() | {"COATCHECK_DATABASE_URL": url},
        input=answer,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def migrate_at_a_terminal(folder: Path, url: str, *arguments: str, answer: str) -> "subprocess.CompletedProcess[str]":
    ours, theirs = pty.openpty()
    os.write(ours, answer.encode())
    try:
        return subprocess.run(
            [*MIGRATE, *arguments],
            cwd=folder,
            env=clean_environment() | {"COATCHECK_DATABASE_URL": url},
            stdin=theirs,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    finally:
        os.close(ours)
        os.close(theirs)


def standing(url: str) -> Standing:
    return Migrations(url, HISTORIES).standing()


def test_down_and_up_again(folder: Path, database_url: str) -> None:
    down = migrate(folder, database_url, "--to", "todos@base", "--yes")
    assert (down.returncode, down.stdout) == (0, "The schema is at todos@base now.\n")
    assert down.stderr.startswith("Database: ")
    assert down.stderr.endswith(LOSS)
    assert standing(database_url) is Standing.OLDER
    again = migrate(folder, database_url, "--to", "todos@base")
    assert (again.returncode, again.stdout) == (0, "The schema was at todos@base already.\n")
    up = migrate(folder, database_url, "--to", "todos@head")
    assert (up.returncode, up.stdout) == (0, "The schema is at todos@todos_0001 now.\n")
    assert LOSS not in up.stderr
    assert standing(database_url) is Standing.CURRENT


def test_without_a_terminal_going_down_takes_yes(folder: Path, database_url: str) -> None:
    done = migrate(folder, database_url, "--to", "todos@-1", answer="y\n")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.endswith(f"{LOSS}Nothing has changed. Without a terminal to ask at, this takes --yes.\n")
    assert standing(database_url) is Standing.CURRENT


@pytest.mark.parametrize(
    ("answer", "code", "end", "stands"),
    [
        ("y\n", 0, "Go down? [y/N]:", Standing.OLDER),
        ("n\n", 1, "Go down? [y/N]:Nothing has changed.\n", Standing.CURRENT),
        ("\n", 1, "Go down? [y/N]:Nothing has changed.\n", Standing.CURRENT),
    ],
)
def test_at_a_terminal_it_asks(
    folder: Path, database_url: str, answer: str, code: int, end: str, stands: Standing
) -> None:
    done = migrate_at_a_terminal(folder, database_url, "--to", "todos@base", answer=answer)
    assert (done.returncode, LOSS in done.stderr) == (code, True)
    assert done.stderr.endswith(end)
    assert standing(database_url) is stands


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
    assert standing(database_url) is Standing.CURRENT
