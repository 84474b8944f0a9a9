"""How the file is made and opened: durable, closed to other users, whatever its name is."""

import asyncio
import gc
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from coatcheck.database import Database
from coatcheck.database.url import absolute, sqlite_path
from coatcheck.problems import StartRefused
from tests.database.as_nobody import NOBODY
from tests.database.inside import read_connection, write_connection
from tests.database.things import ADD_QUIETLY, NAMES, make_tables

SCRIPT = Path(__file__).with_name("as_nobody.py")


@pytest.mark.parametrize(
    ("pragma", "value"),
    [
        ("journal_mode", "wal"),
        ("synchronous", 2),  # FULL: with NORMAL a power cut can undo a logout that was acknowledged
        ("foreign_keys", 1),
        ("wal_autocheckpoint", 1_000),
        ("journal_size_limit", 64 * 1024 * 1024),
        ("busy_timeout", 0),
    ],
)
async def test_the_writing_connection_is_set_up(database: Database, pragma: str, value: object) -> None:
    await database.execute(ADD_QUIETLY, {"name": "alice"})
    assert write_connection(database).execute(f"PRAGMA {pragma}").fetchall() == [(value,)]


async def test_the_reading_connection_waits_for_nobody(database: Database) -> None:
    assert read_connection(database).execute("PRAGMA busy_timeout").fetchall() == [(0,)]


async def test_a_database_that_nobody_closed_is_forgotten_without_a_word(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A host's tests may make warnings errors; Python 3.13 warns of a connection that is left open."""
    said: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", said.append)
    url = f"sqlite:///{tmp_path / 'forgotten.db'}"
    make_tables(url)
    database = Database(url)
    await database.open()
    assert await database.all(NAMES) == []
    assert [fd for fd in open_files() if fd.startswith(str(tmp_path))]
    del database
    gc.collect()
    assert not [fd for fd in open_files() if fd.startswith(str(tmp_path))]
    assert said == []


def open_files() -> list[str]:
    """The names of the files that this process has open."""
    return [os.path.realpath(link) for link in Path("/proc/self/fd").iterdir()]


@pytest.fixture
def nobodys_folder() -> Iterator[Path]:
    """A folder that a user without rights may write to; pytest's own is closed to others."""
    folder = Path(tempfile.mkdtemp(prefix="coatcheck-"))
    if os.geteuid() == 0:
        os.chown(folder, NOBODY, NOBODY)
    yield folder
    shutil.rmtree(folder)


def as_nobody(path: Path, umask: str = "022") -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, SCRIPT, path, umask], capture_output=True, text=True, check=True, timeout=30
    )
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


@pytest.mark.parametrize("umask", ["000", "022", "777"])
def test_its_files_are_closed_to_others_whatever_the_umask(nobodys_folder: Path, umask: str) -> None:
    modes = as_nobody(nobodys_folder / "data" / "test.db", umask)
    assert modes.pop("folder") == "0o700"
    assert set(modes) >= {"test.db", "test.db-wal", "test.db-shm", "test.db-turn", "copy"}
    assert set(modes.values()) == {"0o600"}


def test_a_file_that_was_open_to_others_is_closed_to_them(file: Path) -> None:
    file.touch(0o666)
    file.chmod(0o666)
    asyncio.run(opened(f"sqlite:///{file}"))
    assert file.stat().st_mode & 0o777 == 0o600


async def opened(url: str) -> None:
    """Open it, write, close it."""
    database = Database(url)
    await database.open()
    await database.execute(text("CREATE TABLE IF NOT EXISTS words (word TEXT)"))
    await database.execute(text("INSERT INTO words VALUES ('kept')"))
    await database.close()


async def test_closing_leaves_the_database_in_one_file(address: Any, file: Path) -> None:
    await opened(address.url)
    assert {path.name for path in file.parent.iterdir()} == {file.name, f"{file.name}-turn"}


@pytest.mark.parametrize(
    "name",
    [
        "with space.db",
        "100%.db",
        "a%20b.db",
        "what?.db",
        "#1.db",
        "a&b=c;d.db",
        "Müller 🧥.db",
        "file:x.db",
        "'\".db",
    ],
)
def test_a_file_may_have_any_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    folder = tmp_path / f"in {name}"
    folder.mkdir()
    url = absolute("sqlite:///" + name.replace("%", "%25").replace("?", "%3F"), folder)
    assert sqlite_path(url) == folder / name
    make_tables(url)
    asyncio.run(opened(url))
    with closing(sqlite3.connect(folder / name)) as other:
        assert other.execute("SELECT word FROM words").fetchall() == [("kept",)]
    assert {path.name for path in folder.iterdir()} == {name, f"{name}-turn"}


def test_an_escaped_name_is_read_as_in_any_url() -> None:
    assert sqlite_path("sqlite:///my%20data/50%25.db") == Path("my data/50%.db")
    assert sqlite_path("sqlite:////srv/x.db") == Path("/srv/x.db")
    assert sqlite_path("postgresql://host/name") is None


async def test_a_relative_path_stays_the_file_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each scan opens a connection of its own; a changed working directory must not open another file."""
    monkeypatch.chdir(tmp_path)
    make_tables("sqlite:///relative.db")
    database = Database("sqlite:///relative.db")
    await database.open()
    await database.execute(ADD_QUIETLY, {"name": "alice"})
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    assert await database.scan(NAMES) == [("alice",)]
    await database.execute(ADD_QUIETLY, {"name": "bob"})
    await database.close()
    assert list(elsewhere.iterdir()) == []


async def test_a_symbolic_link_leads_to_one_queue(tmp_path: Path, file: Path) -> None:
    make_tables(f"sqlite:///{file}")
    link = tmp_path / "link"
    link.mkdir()
    (link / "linked.db").symlink_to(file)
    await opened(f"sqlite:///{link / 'linked.db'}")
    assert {path.name for path in link.iterdir()} == {"linked.db"}


@pytest.mark.parametrize(
    "spoil",
    [
        lambda file: file.mkdir(),
        lambda file: file.write_bytes(b"This is no database, but somebody's letter. " * 100),
        lambda file: file.write_bytes(b"SQLite format 3\0" + bytes(range(1, 200)) * 100),
        lambda file: file.parent.joinpath("test.db-turn").mkdir() or file.mkdir(),
        lambda file: file.symlink_to(file),
    ],
    ids=["a folder", "a letter", "a torn database", "folders", "a link to itself"],
)
def test_what_is_no_database_is_refused_with_a_sentence(file: Path, spoil: Any) -> None:
    spoil(file)
    before = file.read_bytes() if file.is_file() else None
    with pytest.raises(StartRefused) as refused:
        asyncio.run(opened(f"sqlite:///{file}"))
    assert str(file) in refused.value.sentence
    assert refused.value.sentence.endswith(".")
    assert "COATCHECK_DATABASE_URL" in refused.value.sentence
    assert (file.read_bytes() if file.is_file() else None) == before


def test_a_folder_that_cannot_be_made_is_refused_with_a_sentence(file: Path) -> None:
    file.touch()
    with pytest.raises(StartRefused, match=r"cannot be opened .* COATCHECK_DATABASE_URL\.$"):
        asyncio.run(opened(f"sqlite:///{file / 'below' / 'a file.db'}"))


def test_a_file_that_may_not_be_read_is_refused_with_a_sentence(nobodys_folder: Path) -> None:
    file = nobodys_folder / "test.db"
    file.touch(0o400)
    if os.geteuid() != 0:
        file.chmod(0o000)
    assert "cannot be opened (Permission denied)" in as_nobody(file)["refused"]
    closed = nobodys_folder / "closed"
    closed.mkdir(0o500)
    assert "cannot be opened (Permission denied)" in as_nobody(closed / "test.db")["refused"]


@pytest.mark.parametrize(
    "url",
    [
        "",
        "data.db",
        "sqlite:data.db",
        "sqlite://",
        "sqlite:///",
        "sqlite://data.db",
        "sqlite:///:memory:",
        "sqlite:///data.db?mode=ro",
        "sqlite:///nul%00.db",
        "sqlite+aiosqlite:///data.db",
        "postgres://host/name",
        "postgresql+psycopg://user:geheim@host/name",
        "mysql://user:geheim@host/name",
        "postgresql://user:geheim@host/name?no_such_option=1",
        "postgresql://user:gehe/im@host/name",
        "postgresql://user:gehe@im@host/name",
        "postgresql://user:geh%eim@host/name",
    ],
)
def test_any_other_url_is_refused_with_a_sentence_that_does_not_repeat_it(url: str) -> None:
    with pytest.raises(StartRefused) as refused:
        Database(url)
    sentence = refused.value.sentence
    assert sentence.startswith("COATCHECK_DATABASE_URL ")
    assert sentence.endswith((".", ")."))
    assert "gehe" not in sentence
    assert "data.db" not in sentence


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("sqlite:////srv/my%20data.db", "/srv/my data.db"),
        ("postgresql://user:geheim@host:5433/name", "postgresql://user@host:5433/name"),
        ("postgresql://host/name?user=me&password=geheim", "postgresql://me@host/name"),
        ("postgresql://u:geheim@one:1,two:2/name?target_session_attrs=read-write", "postgresql://u@one:1,two:2/name"),
        ("postgresql:///name?host=/run/postgresql", "postgresql:///run/postgresql/name"),
    ],
)
def test_a_url_is_shown_without_its_password(url: str, shown: str) -> None:
    assert str(Database(url)) == shown
