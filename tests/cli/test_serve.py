"""`coatcheck serve`: accounts alone, or an application, started and stopped as `python app.py` is."""

import signal
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest

from tests.black_box.test_stopping import second
from tests.support.command import run
from tests.support.person import Person
from tests.support.postgresql import free_port
from tests.support.server import CHEAP, clean_environment, install_application


@contextmanager
def serving(folder: Path, *arguments: str, **settings: str) -> Generator[subprocess.Popen[str], None, None]:
    with (folder / "stderr.log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "coatcheck", "serve", *arguments],
            cwd=folder,
            env=clean_environment() | CHEAP | settings,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait(10)
        assert process.stdout is not None
        process.stdout.close()


def first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_accounts_alone_until_a_signal(tmp_path: Path, database_url: str, number: int) -> None:
    port = free_port()
    with serving(tmp_path, COATCHECK_DATABASE_URL=database_url, COATCHECK_PORT=str(port)) as process:
        assert first_line(process).startswith(f"Accounts: http://127.0.0.1:{port}/docs · data in ")
        with httpx2.Client(base_url=f"http://127.0.0.1:{port}") as client:
            alice = Person(client)
            assert alice.get("/me").json()["username"] == alice.username
            assert client.get("/todos").status_code == 404
            assert client.get("/nothing").headers["content-type"] == "application/problem+json"
            assert [client.get(path).status_code for path in ("/docs", "/health", "/ready")] == [200] * 3
        asked = time.monotonic()
        process.send_signal(number)
        assert process.wait(10) == 0
        assert time.monotonic() - asked < second()


def test_an_application_at_another_address(tmp_path: Path) -> None:
    install_application(tmp_path)
    port = free_port()
    arguments = ("--app", "app:app", "--host", "127.0.0.2", "--port", str(port))
    with serving(tmp_path, *arguments, COATCHECK_PORT="1") as process:
        assert first_line(process).startswith(f"Todos and accounts: http://127.0.0.2:{port}/docs")
        with httpx2.Client(base_url=f"http://127.0.0.2:{port}") as client:
            assert Person(client).add_todo()["id"] == 1
    assert (tmp_path / "data" / "coatcheck.db").exists()


def test_a_start_that_is_refused_is_one_sentence(tmp_path: Path) -> None:
    with serving(tmp_path, "--port", str(free_port())) as process:
        port = first_line(process).partition("/docs")[0].rpartition(":")[2]
        refused = run(tmp_path, "serve", "--port", port, **CHEAP)
        assert (refused.returncode, refused.stdout) == (1, "")
        assert refused.stderr.startswith(f"Port {port} on 127.0.0.1 cannot be used")
        assert refused.stderr.count("\n") == 1
    refused = run(tmp_path, "serve", COATCHECK_ENVIRONMENT="production")
    assert refused.returncode == 1
    assert refused.stderr.startswith("In production set COATCHECK_SECRET or COATCHECK_SECRET_FILE.")
