"""The todo app whose database is put back, and what is in its files."""

import sqlite3
from contextlib import closing
from pathlib import Path

from tests.support.command import run
from tests.support.server import CHEAP, Server


class Service:
    """The todo app on one database, and its commands."""

    def __init__(self, folder: Path, url: str) -> None:
        self.url = url
        self.settings = {**CHEAP, "COATCHECK_DATABASE_URL": url}
        self.server = Server(folder, self.settings)
        self.folder = folder

    def command(self, *arguments: str) -> str:
        """What it prints; fails where it is refused."""
        done = run(self.folder, *arguments, "--app", "app:app", **self.settings)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def refusal(self, *arguments: str) -> str:
        """The one sentence of a refused command."""
        done = run(self.folder, *arguments, "--app", "app:app", **self.settings)
        assert (done.returncode, done.stdout) == (1, ""), done.stderr
        (sentence,) = [line for line in done.stderr.splitlines() if not line.startswith("Database: ")]
        return sentence


def contents(folder: Path) -> dict[str, bytes]:
    """Every file there; the locks of processes that have come and gone are none of them."""
    return {
        file.name: file.read_bytes()
        for file in folder.iterdir()
        if file.suffix not in {".lock", ".db-turn", ".db-shm"}
    }


def names(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        return [name for (name,) in connection.execute("SELECT username FROM coatcheck_accounts ORDER BY id")]
