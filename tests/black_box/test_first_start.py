"""The first start on nothing: what is made, with which modes, and that two who start at once agree."""

import os
import stat
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from tests.black_box.conftest import Start
from tests.support.person import Person
from tests.support.postgresql import Cluster, free_port
from tests.support.server import CHEAP, Server, clean_environment, install_application


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture(params=[0o000, 0o077], ids=oct)
def umask(request: pytest.FixtureRequest) -> Any:
    """What the shell takes away from every new file's mode; the server inherits it."""
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def test_what_is_made_is_closed_to_others_whatever_the_umask(umask: int, start: Start) -> None:
    server = start()
    data = server.folder / "data"
    assert mode(data) == 0o700
    assert mode(data / "secret") == 0o600
    with server.client() as client:
        Person(client)
        for file in data.iterdir():  # among them -wal, which holds what the database holds
            assert mode(file) & 0o077 == 0 or file.name.endswith(".lock"), file
    assert server.stop() == 0


def test_the_first_line_says_where_everything_is(start: Start) -> None:
    server = start()
    database = server.folder / "data" / "coatcheck.db"
    assert server.first_line == (
        f"Todos and accounts: http://127.0.0.1:{server.port}/docs · data in {database} · Ctrl+C stops"
    )
    with server.client() as client:
        person = Person(client)
        todo = person.add_todo()
        assert server.stop() == 0
        assert server.stderr.count("\n") == 3  # a line for each of the three requests, and nothing else
        secret = (server.folder / "data" / "secret").read_bytes()
        again = start(server.settings)
        assert again.first_line == server.first_line
        assert (server.folder / "data" / "secret").read_bytes() == secret
        assert person.get("/todos").json() == [todo]  # also the token is still good
        assert person.log_in()
        assert again.stop() == 0


def test_it_starts_from_any_folder(tmp_path: Path) -> None:
    """`python somewhere/app.py`: the data lie beside app.py, not where the shell happens to be."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    folder = tmp_path / "app"
    install_application(folder)
    process = subprocess.Popen(
        [sys.executable, "../app/app.py"],
        cwd=elsewhere,
        env=clean_environment() | CHEAP | {"COATCHECK_PORT": str(free_port())},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    with process:
        try:
            assert process.stdout is not None
            shown = process.stdout.readline().partition(" · data in ")[2].partition(" · ")[0]
        finally:
            process.terminate()
    assert process.returncode == 0
    assert Path(shown).is_absolute()
    assert Path(shown).resolve() == folder / "data" / "coatcheck.db"
    assert list(elsewhere.iterdir()) == []


def test_a_folder_that_is_open_to_others_is_closed(tmp_path: Path, start: Start) -> None:
    folder = tmp_path / "app"
    install_application(folder)
    (folder / "data").mkdir(mode=0o755)
    server = start()
    assert mode(folder / "data") == 0o700
    assert server.stop() == 0


def test_a_password_in_the_database_url_is_not_shown(cluster: Cluster, start: Start) -> None:
    name = cluster.new_database()
    url = cluster.url(name).replace("@/", ":hunter2secret@/")
    server = start({**CHEAP, "COATCHECK_DATABASE_URL": url})
    assert name in server.first_line
    assert "hunter2secret" not in server.first_line + server.stderr
    assert server.stop() == 0
    cluster.drop_database(name)


def start_at_once(start: Start, folder: Path, settings: dict[str, str]) -> list[Server]:
    """Two servers in one folder, started at the same moment."""
    install_application(folder)
    started: list[Server] = []
    threads = [threading.Thread(target=lambda: started.append(start(settings))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return started


@pytest.mark.parametrize("round_", range(5))
def test_two_who_start_at_once_agree_on_one_secret_and_one_schema(
    round_: int, database_url: str, start: Start, tmp_path: Path
) -> None:
    settings = CHEAP if database_url.startswith("sqlite") else {**CHEAP, "COATCHECK_DATABASE_URL": database_url}
    servers = start_at_once(start, tmp_path / "app", settings)
    assert len(servers) == 2, (tmp_path / "app" / "stderr.log").read_text()
    with servers[0].client() as one, servers[1].client() as other:
        person = Person(one)
        todo = person.add_todo()
        person.client = other  # a token of the one is a token of the other
        assert person.get("/todos").json() == [todo]
        assert person.get("/me", token=person.log_in()).json()["id"] == person.id == 1
    assert [server.stop() for server in servers] == [0, 0]
    assert "Traceback" not in servers[0].stderr
