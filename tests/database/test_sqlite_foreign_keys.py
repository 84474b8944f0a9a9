"""While a SQLite schema changes, foreign keys are off. What a migration leaves behind is compared with
what was there before it: only new faults are its own."""

import logging
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from coatcheck.database.migrate import Migrations
from coatcheck.problems import StartRefused
from tests.database.histories import History
from tests.database.test_migrations import HISTORIES, MAKE_NOTES

DANGLING_TODO = (
    "INSERT INTO todos (owner_id, title, searchable_title, completed, created_at, updated_at) "
    "VALUES (77, 'x', 'x', 0, '2026-01-01', '2026-01-01')"
)


@pytest.fixture
def dangling(file: Path) -> Path:
    """Two todos of nobody, as another program with foreign keys off leaves them."""
    Migrations(f"sqlite:///{file}", HISTORIES).upgrade()
    run(file, DANGLING_TODO, DANGLING_TODO)
    return file


def run(file: Path, *statements: str) -> None:
    with closing(sqlite3.connect(file)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()


def upgrade(file: Path, history: History) -> bool:
    return Migrations(f"sqlite:///{file}", [*HISTORIES, history.package]).upgrade()


def test_rows_that_pointed_at_nothing_before_are_told_and_hold_nothing_up(
    dangling: Path, history: History, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "coatcheck"):
        assert upgrade(dangling, history.add(MAKE_NOTES))
    assert caplog.messages == ["Rows of todos (2) pointed at nothing before the migration, and still do."]


def test_more_of_them_are_refused_and_told_apart_from_those_before(dangling: Path, history: History) -> None:
    history.add(f'op.execute("{DANGLING_TODO}")')
    with pytest.raises(StartRefused, match=r"rows of todos \(1, beside 2 that did before\) pointing at nothing"):
        upgrade(dangling, history)


def test_a_rebuild_that_numbers_rows_anew_makes_no_new_ones(dangling: Path, history: History) -> None:
    """A table without an integer key has hidden row numbers, which a rebuild gives again from 1."""
    session = (
        "INSERT INTO coatcheck_sessions (id, account_id, auth_time, amr, expires_at) "
        "VALUES ('{}', 77, '2026-01-01', 'pwd', '2026-01-01')"
    )
    run(
        dangling, session.format("first"), session.format("second"), "DELETE FROM coatcheck_sessions WHERE id='first'"
    )
    history.add(
        """
        with op.batch_alter_table("coatcheck_sessions", recreate="always") as batch:
            batch.add_column(sa.Column("device", sa.String(50)))
        """
    )
    assert upgrade(dangling, history)


def test_a_migration_may_mend_them(dangling: Path, history: History, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "coatcheck"):
        assert upgrade(dangling, history.add('op.execute("DELETE FROM todos")'))
    assert caplog.messages == []


@pytest.mark.parametrize(
    "step",
    [
        'op.drop_table("todos"); op.drop_table("coatcheck_sessions"); op.drop_table("coatcheck_accounts")',
        'op.execute("ALTER TABLE coatcheck_accounts RENAME TO people"); '
        'op.execute("CREATE TABLE coatcheck_accounts (id INTEGER PRIMARY KEY AUTOINCREMENT)"); '
        'op.drop_table("people")',
        """
        op.drop_index("names", "coatcheck_accounts")
        with op.batch_alter_table("coatcheck_accounts", recreate="always") as batch:
            batch.drop_column("username")
        """,
        'op.drop_index("names", "coatcheck_accounts")',
    ],
    ids=["the table goes", "its new namesake is another", "the column goes", "nothing makes the column unique"],
)
def test_a_key_that_would_lead_nowhere_is_refused_although_no_row_uses_it(
    file: Path, history: History, step: str
) -> None:
    Migrations(f"sqlite:///{file}", HISTORIES).upgrade()
    run(
        file,
        "CREATE UNIQUE INDEX names ON coatcheck_accounts (username)",
        "CREATE TABLE profiles (name TEXT REFERENCES Coatcheck_Accounts (Username))",
        "CREATE TABLE friends (account INTEGER REFERENCES coatcheck_accounts)",
    )
    with pytest.raises(StartRefused, match=r"needs \(.*(profiles|friends) holds a foreign key to"):
        upgrade(file, history.add(step))


def test_keys_that_led_nowhere_before_hold_nothing_up(file: Path, history: History) -> None:
    Migrations(f"sqlite:///{file}", HISTORIES).upgrade()
    run(
        file,
        "CREATE TABLE lost (id INTEGER REFERENCES nowhere)",
        "CREATE TABLE mismatched (name TEXT REFERENCES coatcheck_accounts (username))",
        'CREATE TABLE "odd ""name" (id INTEGER REFERENCES coatcheck_accounts)',
        "INSERT INTO lost VALUES (1)",
    )
    assert upgrade(file, history.add(MAKE_NOTES))
