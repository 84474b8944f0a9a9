"""Another process on the same database, that knows nothing of Coatcheck: plain drivers, plain SQL.

Run as a script it answers one line of JSON for each line of SQL; `Onlooker` is its other end.
"""

import json
import sqlite3
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any

import psycopg

ROOT = Path(__file__).parent.parent.parent


class Onlooker:
    """`with Onlooker(path_or_url) as other: other.rows("SELECT 1")`."""

    def __init__(self, where: object) -> None:
        self._where = str(where)

    def __enter__(self) -> "Onlooker":
        self.process = subprocess.Popen(
            [sys.executable, __file__, self._where], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.communicate(timeout=10)

    def rows(self, sql: str) -> list[Any]:
        """What it is told. Raises RuntimeError with what the driver says."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{sql}\n")
        self.process.stdin.flush()
        answer: dict[str, Any] = json.loads(self.process.stdout.readline())
        if "error" in answer:
            raise RuntimeError(answer["error"])
        rows: list[Any] = answer["rows"]
        return rows

    def value(self, sql: str) -> Any:
        """The one value of the one row."""
        ((value,),) = self.rows(sql)
        return value


def start(*command: object, quiet: bool = True) -> "subprocess.Popen[str]":
    """Start it; it says in a line when it is ready. quiet=False: what it says to stderr is wanted."""
    return subprocess.Popen(
        [str(part) for part in command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=None if quiet else subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )


def is_ready(process: "subprocess.Popen[str]") -> bool:
    """Wait for that line."""
    assert process.stdout is not None
    return process.stdout.readline() != ""


def main(where: str) -> None:
    connection: Any
    if where.startswith("postgresql:"):
        connection = psycopg.connect(where, autocommit=True)
    else:
        connection = sqlite3.connect(where, isolation_level=None, timeout=5)
    for line in sys.stdin:
        try:
            cursor = connection.execute(line)
            rows = [list(row) for row in cursor.fetchall()] if cursor.description else []
            print(json.dumps({"rows": rows}), flush=True)
        except (sqlite3.Error, psycopg.Error) as error:
            print(json.dumps({"error": f"{type(error).__name__}: {error}"}), flush=True)
    connection.close()


if __name__ == "__main__":
    main(sys.argv[1])
