"""The power fails while a copy is put in the place of the database. Whenever that is, there is one of the
two, whole, the next restore comes to its end, and what was there before is still kept."""

import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.command import run
from tests.support.person import Person
from tests.support.server import CHEAP, ROOT, Server, clean_environment

PAGES = 2_500  # more than two parts of a copying
STEPS_AT_LEAST = 40
NO_DRAFTS = {"coatcheck.db-shm", "coatcheck.db-turn", "coatcheck.db-wal"}  # some are there after a look


def grown(path: Path) -> None:
    """A table of the application's with some megabytes in it."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("CREATE TABLE filled (raw BLOB)")
        connection.execute(
            "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) "
            "INSERT INTO filled SELECT zeroblob(4000) FROM n",
            (PAGES,),
        )


@pytest.mark.slow
def test_killed_at_any_step_it_is_the_one_or_the_other(tmp_path: Path) -> None:
    server = Server(tmp_path / "app")
    with server.client() as client:
        Person(client, "alice")
        server.stop()
        grown(server.folder / "data" / "coatcheck.db")
        assert run(server.folder, "backup", "copy.db").returncode == 0
    server.start()
    with server.client() as client:
        Person(client, "bob")
    server.stop()
    done = subprocess.run(
        [sys.executable, "-m", "tests.faults.killed_restores"],
        cwd=server.folder,
        env=clean_environment() | CHEAP | {"PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"},
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )
    runs = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0, done.stderr
    assert len(runs) > STEPS_AT_LEAST
    assert [one["code"] for one in runs] == [-9] * (len(runs) - 1) + [0]
    before = {"names": ["alice", "bob"], "sessions": 2, "revoked": 0, "check": "ok"}
    after = {"names": ["alice"], "sessions": 0, "revoked": 2, "check": "ok"}
    states = [{name: one[name] for name in before} for one in runs]
    moment = states.index(after)
    assert states == [before] * moment + [after] * (len(runs) - moment)
    assert all(one["same_file"] for one in runs)  # whoever had it open goes on in what everybody sees
    assert moment < len(runs) - 1, "never killed between the exchange and the end"
    for one in runs:
        assert (one["again"], one["names_again"], set(one["left"]) - NO_DRAFTS) == (0, ["alice"], set())
        assert one["kept"][0] == ["alice", "bob"]
        assert one["kept"][1:] in ([], [["alice"]], [["alice", "bob"]])
