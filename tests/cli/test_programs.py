"""Commands as programs: in a pipe, with an application of one's own, with an exit code for a script."""

import subprocess
import sys
from pathlib import Path

import pytest

from coatcheck.database.url import shown
from tests.support.command import run
from tests.support.server import CHEAP, clean_environment, install_application
from tests.support.sql import run_sql

MANY = 30_000  # more than a pipe holds
FILL = """
INSERT INTO coatcheck_accounts (username, mapped_username, created_at)
WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {many})
SELECT 'user' || n, 'user' || n, '2026-01-31 09:30:00.000000+00:00' FROM numbers
"""


def test_a_reader_that_leaves_early_sees_no_trace(tmp_path: Path, database_url: str) -> None:
    assert run(tmp_path, "migrate", COATCHECK_DATABASE_URL=database_url).returncode == 0
    run_sql(database_url, FILL.format(many=MANY) if database_url.startswith("sqlite") else _postgresql(FILL))
    listing = subprocess.Popen(
        [sys.executable, "-m", "coatcheck", "users", "list", "--json"],
        cwd=tmp_path,
        env=clean_environment() | {"COATCHECK_DATABASE_URL": database_url},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert listing.stdout is not None
    assert listing.stderr is not None
    assert '"user1"' in listing.stdout.readline()
    listing.stdout.close()
    assert listing.stderr.read() == f"Database: {shown(database_url)}\n"
    listing.stderr.close()
    assert listing.wait(30) == 1


def test_a_whole_list_goes_through_a_pipe(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'many.db'}"
    assert run(tmp_path, "migrate", COATCHECK_DATABASE_URL=url).returncode == 0
    run_sql(url, FILL.format(many=2_500))
    done = run(tmp_path, "users", "list", COATCHECK_DATABASE_URL=url)
    _, *lines = done.stdout.splitlines()
    assert [line.split()[-1] for line in lines] == [f"user{number}" for number in range(1, 2_501)]


def test_app_names_the_program_whose_settings_are_meant(tmp_path: Path, database_url: str) -> None:
    install_application(tmp_path)
    (tmp_path / ".env").write_text(f"COATCHECK_DATABASE_URL={database_url}\n")
    created = run(tmp_path, "users", "create", "alice", "--app", "app:app", stdin="secret123\n", **CHEAP)
    assert (created.returncode, created.stdout) == (0, "Created alice with id 1.\n")
    assert created.stderr == f"Database: {shown(database_url)}\n"
    assert run_sql(database_url, "SELECT count(*) FROM todos") == [(0,)]  # its tables were made, too
    assert run(tmp_path, "users", "list", "--app", "nothing:app").returncode == 1


@pytest.mark.parametrize(
    ("arguments", "code"),
    [(("--version",), 0), (("nothing",), 2), (("users", "list", "--nothing"), 2), (("serve", "--port", "x"), 2)],
)
def test_exit_codes(tmp_path: Path, arguments: tuple[str, ...], code: int) -> None:
    done = run(tmp_path, *arguments)
    assert done.returncode == code
    assert "Traceback" not in done.stderr
    assert (done.stdout == "") == (code != 0)


def _postgresql(statement: str) -> str:
    return statement.format(many=MANY).replace("'2026-01-31 09:30:00.000000+00:00'", "now()")
