"""A command that is ended while it writes a file leaves none: half a copy would pass for a copy."""

import signal
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.command import INTERRUPTIBLE, run
from tests.support.server import clean_environment

MEGABYTES = 80


@pytest.mark.parametrize(("given", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_backup_that_is_ended_leaves_no_half_of_it(tmp_path: Path, given: signal.Signals, code: int) -> None:
    assert run(tmp_path, "migrate").returncode == 0
    with closing(sqlite3.connect(tmp_path / "data" / "coatcheck.db")) as database:
        database.execute("CREATE TABLE large (bytes BLOB)")
        database.executemany("INSERT INTO large VALUES (zeroblob(1000000))", [()] * MEGABYTES)
        database.commit()
    copy = tmp_path / "copy.db"
    command = [*INTERRUPTIBLE, "backup", "copy.db"]
    with subprocess.Popen(command, cwd=tmp_path, env=clean_environment(), stderr=subprocess.PIPE) as program:
        while not (copy.exists() and copy.stat().st_size):
            assert program.poll() is None, program.stderr and program.stderr.read()
        program.send_signal(given)
        _, stderr = program.communicate(timeout=60)
    assert program.returncode == code, stderr
    assert b"Traceback" not in stderr
    assert not copy.exists()
    assert run(tmp_path, "backup", "copy.db").returncode == 0
