"""`coatcheck restore` exchanges a file's content: alone, whole, with what was there kept, or not at all."""

import os
import shutil
import sqlite3
import stat
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from coatcheck.keys import Secret
from tests.cli.restored import Service, contents, names
from tests.support.command import Terminal
from tests.support.person import Person
from tests.support.sql import run_sql

MILLION = 1_000_000
LAST = 2**63 - 1


def test_a_running_server_is_left_alone_and_goes_on(sqlite: Service) -> None:
    with sqlite.server.client() as client:
        alice = Person(client)
        sqlite.command("backup", "copy.db")
        alice.add_todo("before")
        before = contents(sqlite.folder / "data")
        refused = sqlite.refusal("restore", "copy.db", "--yes")
        path = sqlite.folder / "data" / "coatcheck.db"
        assert refused == (
            f"Another program has {path} open. Nothing has changed; stop every server on it, then try again."
        )
        assert contents(sqlite.folder / "data") == before
        sqlite.command("users", "list")  # had the server lost its locks, this would take the log away under it
        alice.add_todo("after")
    sqlite.server.stop(9)
    sqlite.server.start()
    with sqlite.server.client() as client:
        alice.client = client
        assert sorted(todo["title"] for todo in alice.get("/todos").json()) == ["after", "before"]


def test_the_present_database_is_kept_and_the_copy_is_only_read(folder: Path, sqlite: Service) -> None:
    copy, database = folder / "copy.db", folder / "data" / "coatcheck.db"
    was, inode = copy.read_bytes(), database.stat().st_ino
    first, last, *_ = sqlite.command("restore", "copy.db", "--yes").splitlines()
    kept = Path(first.removeprefix("What was there before is kept in ").removesuffix("."))
    assert kept.parent == database.parent
    assert kept.name.startswith("coatcheck.db.before-restore-2")
    assert last.startswith(f"{database} is what copy.db was. Everybody logs in again: ")
    assert (names(kept), names(database)) == (["alice", "bob"], ["alice"])
    assert copy.read_bytes() == was
    assert [path.name for path in folder.glob("copy.db*")] == ["copy.db"]
    assert database.stat().st_ino == inode
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in database.parent.iterdir()}
    assert set(modes.values()) == {0o600}
    assert set(modes) == {"coatcheck.db", "coatcheck.db-turn", kept.name, "secret", "secret.lock", ".gitignore"}
    sqlite.command("restore", str(kept), "--yes")
    assert names(database) == ["alice", "bob"]


def test_it_is_restored_where_there_is_none(folder: Path, sqlite: Service) -> None:
    for file in (folder / "data").glob("coatcheck.db*"):
        file.unlink()
    (told,) = sqlite.command("restore", "copy.db", "--yes").splitlines()
    assert "kept" not in told
    assert names(folder / "data" / "coatcheck.db") == ["alice"]
    assert stat.S_IMODE((folder / "data" / "coatcheck.db").stat().st_mode) == 0o600
    (folder / "data" / "secret").unlink()
    (folder / "data" / "coatcheck.db").unlink()
    refused = sqlite.refusal("restore", "copy.db", "--yes")
    assert refused.startswith(f"The secret in {folder / 'data' / 'secret'} cannot be read")
    assert not (folder / "data" / "coatcheck.db").exists()


def test_an_older_schema_is_brought_up_to_date(folder: Path, sqlite: Service) -> None:
    url = sqlite.settings["COATCHECK_DATABASE_URL"]
    sqlite.settings["COATCHECK_DATABASE_URL"] = f"sqlite:///{folder / 'copy.db'}"
    # That version checks no password of this one, and going back with one is refused.
    run_sql(sqlite.settings["COATCHECK_DATABASE_URL"], "UPDATE coatcheck_accounts SET password_hash = NULL")
    for place in ("todos@base", "coatcheck@0001"):
        sqlite.command("migrate", "--to", place, "--yes")
    sqlite.settings["COATCHECK_DATABASE_URL"] = url
    was = (folder / "copy.db").read_bytes()
    sqlite.command("restore", "copy.db", "--yes")
    assert (folder / "copy.db").read_bytes() == was
    sqlite.server.start()
    with sqlite.server.client() as client:
        assert Person(client).add_todo()["id"] > MILLION


def test_a_copy_with_other_pages_is_restored_too(folder: Path, sqlite: Service) -> None:
    with closing(sqlite3.connect(folder / "copy.db", isolation_level=None)) as connection:
        for statement in ("PRAGMA journal_mode=DELETE", "PRAGMA page_size=8192", "VACUUM"):
            connection.execute(statement)
    sqlite.command("restore", "copy.db", "--yes")
    assert names(folder / "data" / "coatcheck.db") == ["alice"]


@pytest.mark.parametrize("linked", [False, True], ids=["named", "named by a link"])
def test_what_lies_in_the_log_of_a_copied_file_belongs_to_it(folder: Path, sqlite: Service, *, linked: bool) -> None:
    """Somebody has copied both files of a server that was killed."""
    sqlite.server.start()
    with sqlite.server.client() as client:
        Person(client, "carol")
        for end in ("", "-wal"):
            shutil.copy(folder / "data" / f"coatcheck.db{end}", folder / f"killed.db{end}")
    sqlite.server.stop()
    was = (folder / "killed.db").read_bytes()
    (folder / "links").mkdir()
    (folder / "links" / "latest.db").symlink_to(folder / "killed.db")
    sqlite.command("restore", "links/latest.db" if linked else "killed.db", "--yes")
    assert names(folder / "data" / "coatcheck.db") == ["alice", "bob", "carol"]
    assert (folder / "killed.db").read_bytes() == was


def test_a_copy_from_before_a_change_of_the_secret_opens_with_the_new_one_alone(
    folder: Path, sqlite: Service
) -> None:
    """Whoever changed it was told to take the old one away, and does so after the restore at the latest."""
    old = (folder / "data" / "secret").read_text().strip()
    sqlite.command("secret", "rotate")
    given = {"COATCHECK_SECRET_FILE": str(folder / "data" / "secret")}
    assert "COATCHECK_SECRET_PREVIOUS" in sqlite.refusal("restore", "copy.db", "--yes")
    sqlite.settings |= {**given, "COATCHECK_SECRET_PREVIOUS": old}
    sqlite.command("restore", "copy.db", "--yes")
    del sqlite.settings["COATCHECK_SECRET_PREVIOUS"]
    assert "alice" in sqlite.command("users", "list")


def is_text(copy: Path) -> None:
    copy.write_text("alice,secret123\n" * 100)


def is_of_another_program(copy: Path) -> None:
    copy.unlink()
    run_sql(f"sqlite:///{copy}", "CREATE TABLE theirs (id INTEGER)")


def is_truncated(copy: Path) -> None:
    os.truncate(copy, copy.stat().st_size // 2)


def is_damaged(copy: Path) -> None:
    """One page in the middle, which only who looks at all of it finds."""
    with copy.open("r+b") as file:
        file.seek(copy.stat().st_size // 4096 // 2 * 4096)
        file.write(b"\xff" * 4096)


def is_newer(copy: Path) -> None:
    run_sql(f"sqlite:///{copy}", "UPDATE coatcheck_schema_version SET version_num = '9999'")


def has_no_room(copy: Path) -> None:
    run_sql(f"sqlite:///{copy}", f"UPDATE sqlite_sequence SET seq = {LAST} WHERE name = 'coatcheck_accounts'")


def is_gone(copy: Path) -> None:
    copy.unlink()


def is_a_folder(copy: Path) -> None:
    copy.unlink()
    copy.mkdir()


def is_itself(copy: Path) -> None:
    copy.unlink()
    copy.hardlink_to(copy.parent / "data" / "coatcheck.db")


def is_itself_by_a_link(copy: Path) -> None:
    copy.unlink()
    copy.symlink_to(copy.parent / "data" / "coatcheck.db")


def has_another_secret(copy: Path) -> None:
    (copy.parent / "data" / "secret").write_text(f"{Secret.new_text()}\n")


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (is_gone, "There is no file copy.db."),
        (is_a_folder, "There is no file copy.db."),
        (is_itself, "copy.db is the database itself."),
        (is_itself_by_a_link, "copy.db is the database itself."),
        (is_text, "copy.db cannot be read as a whole database (file is not a database)."),
        (is_of_another_program, "copy.db holds no accounts of Coatcheck."),
        (is_truncated, "copy.db cannot be read as a whole database (database disk image is malformed)."),
        (is_damaged, "copy.db cannot be read as a whole database ("),
        (is_newer, "The database was made by a newer version of this program."),
        (has_no_room, f"The ids of coatcheck_accounts are at {LAST} and cannot go a million ahead"),
        (has_another_secret, "The copy was made with another secret."),
    ],
)
def test_what_cannot_be_restored_is_one_sentence_and_changes_nothing(
    folder: Path, sqlite: Service, spoil: Callable[[Path], None], said: str
) -> None:
    spoil(folder / "copy.db")
    before = contents(folder / "data")
    assert sqlite.refusal("restore", "copy.db", "--yes").startswith(said)
    assert contents(folder / "data") == before
    assert names(folder / "data" / "coatcheck.db") == ["alice", "bob"]


def test_a_broken_database_is_not_thrown_away(folder: Path, sqlite: Service) -> None:
    database = folder / "data" / "coatcheck.db"
    is_text(database)
    was = database.read_bytes()
    assert "if the present database is broken, move it elsewhere" in sqlite.refusal("restore", "copy.db", "--yes")
    assert database.read_bytes() == was
    database.rename(folder / "broken.db")
    sqlite.command("restore", "copy.db", "--yes")
    assert names(database) == ["alice"]


def test_it_says_what_it_replaces_and_asks(folder: Path, sqlite: Service) -> None:
    before = contents(folder / "data")
    assert sqlite.refusal("restore", "copy.db").startswith("Nothing has changed.")
    for answer, code in (("n\n", 1), ("y\n", 0)):
        assert contents(folder / "data") == before
        terminal = Terminal(folder, "restore", "copy.db", "--app", "app:app", **sqlite.settings)
        terminal.until("What came since the copy is lost, and everybody logs in again. [y/N]")
        terminal.type(answer)
        assert terminal.end() == code
    assert names(folder / "data" / "coatcheck.db") == ["alice"]
