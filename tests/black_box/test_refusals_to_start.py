"""What cannot start says so in one sentence on standard error, with exit code 1 and without a trace."""

import os
import shutil
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from tests.black_box.conftest import Start
from tests.support.person import Person
from tests.support.postgresql import Cluster, free_port
from tests.support.server import CHEAP, ROOT, clean_environment, install_application, run_app

SECRET = "Jq0cWm3mQw6nJ3m9dZr1n5cJ0a8bS2tKxUeY4hVgPfM"
OTHER = "0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f1"


def refusal(folder: Path, settings: dict[str, str] | None = None) -> str:
    """The one sentence."""
    return sentence_of(run_app(folder, {"COATCHECK_PORT": str(free_port()), **CHEAP, **(settings or {})}))


def sentence_of(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 1, done
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    sentence = done.stderr.strip()
    assert sentence.endswith((".", "coatcheck secret new")), sentence
    return sentence


def used(start: Start, settings: dict[str, str] | None = None) -> Path:
    """A folder in which alice has registered."""
    server = start({**CHEAP, **(settings or {})})
    with server.client() as client:
        Person(client, "alice")
    assert server.stop() == 0
    return server.folder


def data(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (folder / "data").glob("*") if path.suffix != ".lock"}


def test_a_port_in_use_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        sentence = refusal(tmp_path / "app", {"COATCHECK_PORT": port})
    assert f"Port {port} on 127.0.0.1 cannot be used (Address already in use)" in sentence
    assert "COATCHECK_PORT" in sentence


def test_an_address_of_another_machine_is_named(tmp_path: Path) -> None:
    assert "on 192.0.2.77 cannot be used" in refusal(tmp_path / "app", {"COATCHECK_HOST": "192.0.2.77"})


@pytest.mark.parametrize("file", ["data/secret", "COATCHECK_SECRET"])
def test_a_secret_of_another_database_is_refused_before_anything_is_written(file: str, start: Start) -> None:
    folder = used(start)
    with closing(sqlite3.connect(folder / "data" / "coatcheck.db", isolation_level=None)) as database:
        # As an older version left it: a start that is not refused makes this table.
        database.execute("DROP TABLE todos")
        database.execute("DELETE FROM todos_schema_version")
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    settings = {"COATCHECK_SECRET": OTHER} if file == "COATCHECK_SECRET" else {}
    if not settings:
        (folder / "data" / "secret").write_text(OTHER)
    before = data(folder)
    sentence = refusal(folder, settings)
    assert f"The secret does not belong to the database {folder / 'data' / 'coatcheck.db'}." in sentence
    assert "Set COATCHECK_SECRET to the one it was made with" in sentence
    assert data(folder) == before


def test_a_lost_secret_is_not_replaced_by_a_new_one(start: Start) -> None:
    """A new one would make every key in the database worthless."""
    folder = used(start)
    secret = (folder / "data" / "secret").read_bytes()
    (folder / "data" / "secret").unlink()
    before = data(folder)
    sentence = refusal(folder)
    assert "that file is gone" in sentence
    assert data(folder) == before
    (folder / "data" / "secret").write_bytes(secret)
    again = start()
    with again.client() as client:
        assert client.post("/login", json={"username": "alice", "password": "secret123"}).status_code == 200
    assert again.stop() == 0


@pytest.mark.postgresql
def test_a_secret_of_another_database_is_refused_on_postgresql(cluster: Cluster, start: Start) -> None:
    name = cluster.new_database()
    url = {"COATCHECK_DATABASE_URL": cluster.url(name)}
    folder = used(start, {**url, "COATCHECK_SECRET": SECRET})
    sentence = refusal(folder, {**url, "COATCHECK_SECRET": OTHER})
    assert "The secret does not belong to the database" in sentence
    assert name in sentence
    cluster.drop_database(name)


@pytest.mark.parametrize(
    "break_it",
    [
        pytest.param(lambda data: data.write_text("a file"), id="a file in place of data"),
        pytest.param(lambda data: (data / "secret").mkdir(parents=True), id="a folder in place of secret"),
        pytest.param(lambda data: (data / "coatcheck.db").mkdir(parents=True), id="a folder for the database"),
        pytest.param(lambda data: data.symlink_to("/nowhere/at/all"), id="a link to nowhere"),
    ],
)
def test_a_place_that_cannot_be_used_is_named(break_it: Callable[[Path], object], tmp_path: Path) -> None:
    folder = tmp_path / "app"
    install_application(folder)
    break_it(folder / "data")
    assert str(folder / "data") in refusal(folder)


@pytest.mark.parametrize("content", [b"", b"not a database at all" * 500, b"SQLite format 3\x00" + b"\xff" * 8_000])
def test_a_file_that_is_no_database_is_named_and_left_alone(content: bytes, tmp_path: Path, start: Start) -> None:
    folder = tmp_path / "app"
    install_application(folder)
    (folder / "data").mkdir()
    (folder / "data" / "coatcheck.db").write_bytes(content)
    if content == b"":  # an empty file is an empty database
        assert start().stop() == 0
        return
    assert "coatcheck.db" in refusal(folder)
    assert (folder / "data" / "coatcheck.db").read_bytes() == content


@pytest.mark.parametrize("secret", ["", "short", "ä" * 43, "A" * 64])
def test_a_secret_file_that_holds_none_is_refused_without_repeating_it(secret: str, tmp_path: Path) -> None:
    folder = tmp_path / "app"
    install_application(folder)
    (folder / "data").mkdir()
    (folder / "data" / "secret").write_text(secret)
    sentence = refusal(folder)
    assert not secret or secret not in sentence
    assert (folder / "data" / "secret").read_text() == secret


@pytest.mark.parametrize("mode", [0o555, 0o000], ids=oct)
def test_a_folder_that_may_not_be_written_or_read_is_named(mode: int, tmp_path: Path) -> None:
    folder = tmp_path / "app"
    install_application(folder)
    (folder / "data").mkdir()
    (folder / "data" / "coatcheck.db").touch(mode=0o400)
    (folder / "data").chmod(mode)
    held_up: list[str] = []
    if os.geteuid() == 0:  # modes do not hold root up, unless it gives these two rights away
        setpriv = shutil.which("setpriv")
        if setpriv is None:
            pytest.skip("root needs setpriv, of Debian's util-linux, to be held up by modes")
        held_up = [setpriv, "--bounding-set=-dac_override,-dac_read_search"]
    done = subprocess.run(
        [*held_up, sys.executable, str(folder / "app.py")],
        env=clean_environment() | {"COATCHECK_PORT": str(free_port())},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    (folder / "data").chmod(0o700)
    assert str(folder / "data") in sentence_of(done)


# One of each kind; every setting and value is in tests/test_settings.py, without a process for each.
MALFORMED = [
    ("COATCHECK_ENVIRONMENT", "Production"),
    ("COATCHECK_DATABASE_URL", "mysql://hunter2secret@localhost/x"),
    ("COATCHECK_DATABASE_URL", "postgresql://user:hunter2secret@localhost:port/x"),
    ("COATCHECK_DATABASE_PREPARE", "maybe"),
    ("COATCHECK_SECRET", "hunter2secret"),
    ("COATCHECK_SECRET", "A" * 43),
    ("COATCHECK_SECRET_FILE", "/nowhere/secret"),
    ("COATCHECK_PORT", "65536"),
    ("COATCHECK_ISSUER", "https://todos.example/path"),
    ("COATCHECK_ISSUER", "https://todos.example:port"),
    ("COATCHECK_ARGON2_MEMORY_KIB", "7"),
    ("COATCHECK_ALLOWED_ORIGINS", "https://app.example,app2.example"),
]


@pytest.mark.parametrize(("name", "value"), MALFORMED)
def test_a_malformed_setting_is_named_without_its_value(name: str, value: str, tmp_path: Path) -> None:
    sentence = refusal(tmp_path / "app", {name: value})
    assert name in sentence or (name == "COATCHECK_SECRET_FILE" and value in sentence)
    if len(value) > 10 and name != "COATCHECK_SECRET_FILE":
        assert value not in sentence
    assert "hunter2secret" not in sentence
    assert not (tmp_path / "app" / "data").exists()


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("COATCHECK_SECRT", "COATCHECK_SECRET"),
        ("COATCHECK_ALLOWED_ORIGIN", "COATCHECK_ALLOWED_ORIGINS"),
        ("COATCHECK_DIRECTORY", ""),
        ("COATCHECK_", ""),
    ],
)
def test_an_unknown_setting_is_refused_with_the_nearest(name: str, nearest: str, tmp_path: Path) -> None:
    sentence = refusal(tmp_path / "app", {name: "hunter2secret"})
    assert sentence.startswith(f"There is no setting {name}.")
    assert f"The nearest is {nearest}" in sentence
    assert "hunter2secret" not in sentence


def test_the_dotenv_file_is_read_and_other_peoples_lines_in_it_are_not_ours(tmp_path: Path, start: Start) -> None:
    folder = tmp_path / "app"
    install_application(folder)
    dotenv = folder / ".env"
    dotenv.write_text("SOMEBODY_ELSES=1\nCOATCHECK_REGISTRATION=closed\n")
    server = start()
    with server.client() as client:
        answer = client.post("/register", json={"username": "alice", "password": "secret123"})
        assert answer.json()["type"] == "urn:coatcheck:problem:registration-closed"
    assert server.stop() == 0
    dotenv.write_text("COATCHECK_PORT=hunter2secret\n")
    without = dict(CHEAP)
    assert "COATCHECK_PORT" in sentence_of(run_app(folder, without))
    dotenv.write_text("COATCHECK_PROT=1\n")
    assert "There is no setting COATCHECK_PROT" in sentence_of(run_app(folder, without))


@pytest.mark.postgresql
@pytest.mark.parametrize("what", ["no server there", "no such database", "no such user"])
def test_a_postgresql_that_does_not_answer_is_named_without_its_password(
    what: str, cluster: Cluster, tmp_path: Path
) -> None:
    url = {
        "no server there": f"postgresql://alice:hunter2secret@127.0.0.1:{free_port()}/todos",
        "no such database": cluster.url("not_there").replace("@/", ":hunter2secret@/"),
        "no such user": cluster.url("postgres").replace(f"{cluster.user}@", "nobody_at_all:hunter2secret@"),
    }[what]
    sentence = refusal(tmp_path / "app", {"COATCHECK_DATABASE_URL": url})
    assert "hunter2secret" not in sentence


@pytest.mark.parametrize("virtual_environment", [False, True])
def test_without_the_dependencies_it_prints_what_works_there(virtual_environment: bool, tmp_path: Path) -> None:
    folder = tmp_path / "app"
    install_application(folder)
    if virtual_environment:
        (folder / ".venv" / "bin").mkdir(parents=True)
        (folder / ".venv" / "bin" / "python").touch()
    bare = [getattr(sys, "_base_executable", sys.executable), "-I", "-S", str(folder / "app.py")]
    done = subprocess.run(bare, capture_output=True, text=True, timeout=30, check=False, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("This Python has no fastapi.")
    last = done.stderr.rstrip().splitlines()[-1].strip()
    assert last == (".venv/bin/python app.py" if virtual_environment else "make run")
    assert "Traceback" not in done.stderr
    assert not (folder / "data").exists()


def test_what_it_prints_there_is_in_the_makefile() -> None:
    assert "\nrun: " in (ROOT / "Makefile").read_text()
