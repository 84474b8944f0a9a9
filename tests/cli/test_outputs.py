"""A disk that is full under the output: one sentence, and a script sees exit code 1."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.command import run
from tests.support.server import CHEAP, clean_environment

FULL = Path("/dev/full")
COMMANDS = [
    ("settings",),
    ("settings", "--json"),
    ("users", "list"),
    ("secret", "new"),
    ("migrate",),
    ("--version",),
    ("--help",),
]
pytestmark = pytest.mark.skipif(not FULL.exists(), reason="this system has no /dev/full")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    assert run(tmp_path, "migrate").returncode == 0
    return tmp_path


@pytest.mark.parametrize("unbuffered", ["", "1"], ids=["buffered", "unbuffered"])
@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_an_output_that_cannot_be_written_is_one_sentence(
    folder: Path, command: tuple[str, ...], unbuffered: str
) -> None:
    with FULL.open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "coatcheck", *command],
            cwd=folder,
            env=clean_environment() | CHEAP | {"PYTHONUNBUFFERED": unbuffered},
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )
    told = [line for line in done.stderr.splitlines() if not line.startswith("Database: ")]
    assert (done.returncode, told) == (
        1,
        ["The output cannot be written (No space left on device). What was asked for may have been done."],
    )


def test_a_standard_error_that_cannot_be_written_ends_with_1(folder: Path) -> None:
    with FULL.open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "coatcheck", "users", "list"],
            cwd=folder,
            env=clean_environment() | CHEAP,
            stdout=subprocess.PIPE,
            stderr=full,
            timeout=60,
            check=False,
        )
    assert (done.returncode, done.stdout) == (1, b"")
