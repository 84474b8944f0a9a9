"""A program of its own: runs `coatcheck restore copy.db --yes` again and again, each time from the same
beginning, and kills it a step further each time. Prints a JSON object for each: what was found afterwards.

Forked from one process, which has everything imported and no thread: a run takes no second.
"""

import json
import os
import shutil
import signal
import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from types import FrameType
from typing import Any

from coatcheck.admin import after_restore
from coatcheck.cli import cli
from coatcheck.database import restore, sqlite_files

LOOKED_AT = {restore.__file__, after_restore.__file__}
DATABASE = Path("data/coatcheck.db")


class Killer:
    """Kills this process before the n-th new line, or part of a copying, that it comes to."""

    def __init__(self, number: int) -> None:
        self._left = number
        self._seen: set[tuple[str, int]] = set()

    def __call__(self, frame: FrameType, event: str, _: object) -> "Killer | None":
        code = frame.f_code
        is_part = code.co_filename == sqlite_files.__file__ and code.co_name == "<lambda>"
        if code.co_filename not in LOOKED_AT and not is_part:
            return None
        place = (code.co_filename, frame.f_lineno)
        if event == "line" and (is_part or place not in self._seen):
            self._seen.add(place)
            self._left -= 1
            if not self._left:
                os.kill(os.getpid(), signal.SIGKILL)
        return self


def in_a_fork(work: Callable[[], object]) -> int:
    """Its exit code; -9 if it was killed."""
    child = os.fork()
    if not child:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        try:
            work()
        except SystemExit as end:
            os._exit(int(end.code or 0))
        os._exit(70)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def restoring(number: int | None) -> Callable[[], object]:
    """The command, killed at the step of this number."""

    def work() -> None:
        if number is not None:
            sys.settrace(Killer(number))
        cli(["restore", "copy.db", "--yes"])

    return work


def names(path: Path) -> list[str]:
    """Who has an account there."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        return [name for (name,) in connection.execute("SELECT username FROM coatcheck_accounts ORDER BY id")]


def found() -> dict[str, Any]:
    """What is in the database, told by a process that only reads, as the first look of a start does."""
    with closing(sqlite3.connect(f"file:{DATABASE}?mode=ro", uri=True)) as connection:
        one = "SELECT {} FROM {}".format
        return {
            "names": names(DATABASE),
            "sessions": connection.execute(one("count(*)", "coatcheck_sessions")).fetchone()[0],
            "revoked": connection.execute(one("count(revoked_at)", "coatcheck_keys")).fetchone()[0],
            "check": connection.execute("PRAGMA integrity_check").fetchone()[0],
        }


def main() -> None:
    """Kill at each step, until one run comes to its end."""
    shutil.copytree("data", "pristine")
    code, number = -9, 0
    while code == -9:
        number += 1
        shutil.rmtree("data")
        shutil.copytree("pristine", "data")
        inode = DATABASE.stat().st_ino
        code = in_a_fork(restoring(number))
        told = found() | {"code": code, "same_file": DATABASE.stat().st_ino == inode}
        again = in_a_fork(restoring(None)) if code == -9 else 0
        kept = sorted(DATABASE.parent.glob("*.before-restore-*"))
        left = sorted({path.name for path in DATABASE.parent.glob("coatcheck.db?*")} - {path.name for path in kept})
        more = {"again": again, "names_again": found()["names"], "left": left, "kept": [*map(names, kept)]}
        print(json.dumps(told | more))


if __name__ == "__main__":
    main()
