"""A batch change on SQLite makes a new table, copies, drops the old one and renames.

With foreign keys on, dropping the old accounts table silently deleted every todo; and the new table had
lost AUTOINCREMENT and gave an id a second time, so that the token of a deleted account fitted a new one.
"""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from coatcheck.database import Database, ForeignKeyViolation
from coatcheck.database.migrate import Migrations
from coatcheck.problems import StartRefused
from tests.database.histories import History
from tests.database.onlooker import is_ready, start
from tests.database.test_migrations import HISTORIES
from tests.database.test_sqlite_lost_batches import no_larger_files_than
from tests.database.test_sqlite_processes import SATURATE
from tests.database.things import make_tables

WHEN = "2026-07-14 09:30:15.123456+00:00"
REBUILD = """
with op.batch_alter_table("coatcheck_accounts", recreate="always") as batch:
    batch.add_column(sa.Column("nickname", sa.String(50)))
    batch.alter_column("username", new_column_name="shown_name")
"""


@pytest.fixture
def filled(file: Path) -> Path:
    """Three accounts, each with two sessions and three todos; a fourth, the highest, was deleted."""
    Migrations(f"sqlite:///{file}", HISTORIES).upgrade()
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA foreign_keys=ON")
        for account in (1, 2, 3, 4):
            name = f"name{account}"
            connection.execute(
                "INSERT INTO coatcheck_accounts (username, mapped_username, created_at) VALUES (?, ?, ?)",
                (name, name, WHEN),
            )
            for number in range(2):
                connection.execute(
                    "INSERT INTO coatcheck_sessions (id, account_id, auth_time, amr, expires_at) "
                    "VALUES (?, ?, ?, 'pwd', ?)",
                    (f"{account}-{number}", account, WHEN, WHEN),
                )
            for number in range(3):
                connection.execute(
                    "INSERT INTO todos (owner_id, title, searchable_title, completed, created_at, updated_at) "
                    "VALUES (?, ?, ?, 0, ?, ?)",
                    (account, f"todo {number}", f"todo {number}", WHEN, WHEN),
                )
        connection.execute("DELETE FROM coatcheck_accounts WHERE id = 4")
        connection.commit()
    return file


def rows(file: Path, sql: str) -> list[Any]:
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA foreign_keys=ON")
        found = connection.execute(sql).fetchall()
        connection.commit()
        return found


def content(file: Path) -> dict[str, list[Any]]:
    """Everything in it."""
    names = [name for (name,) in rows(file, "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")]
    schema = rows(file, "SELECT sql FROM sqlite_master ORDER BY name")
    return {"schema": schema, **{name: rows(file, f"SELECT * FROM {name} ORDER BY 1") for name in names}}


def next_account(file: Path) -> int:
    """The id that a new account gets."""
    ((given,),) = rows(
        file,
        "INSERT INTO coatcheck_accounts (shown_name, mapped_username, created_at) "
        f"SELECT 'new', 'new' || count(*) || random(), '{WHEN}' FROM coatcheck_accounts RETURNING id",
    )
    return int(given)


def test_nothing_that_hangs_on_the_accounts_is_lost(filled: Path, history: History) -> None:
    before = content(filled)
    Migrations(f"sqlite:///{filled}", [*HISTORIES, history.add(REBUILD).package]).upgrade()
    after = content(filled)
    assert [len(after[name]) for name in ("coatcheck_accounts", "coatcheck_sessions", "todos")] == [3, 6, 9]
    for name in ("coatcheck_sessions", "todos", "sqlite_sequence"):
        assert after[name] == before[name]
    assert [(*row, None) for row in before["coatcheck_accounts"]] == after["coatcheck_accounts"]
    assert rows(filled, "PRAGMA foreign_key_check") == []


def test_ids_go_on_after_the_highest_was_deleted(filled: Path, history: History) -> None:
    Migrations(f"sqlite:///{filled}", [*HISTORIES, history.add(REBUILD).package]).upgrade()
    ((sql,),) = rows(filled, "SELECT sql FROM sqlite_master WHERE name = 'coatcheck_accounts'")
    assert "AUTOINCREMENT" in sql
    assert next_account(filled) == 5
    rows(filled, "DELETE FROM coatcheck_accounts WHERE id = 5")
    assert next_account(filled) == 6


def test_ids_go_on_in_a_table_that_was_emptied(filled: Path, history: History) -> None:
    rows(filled, "DELETE FROM coatcheck_accounts")
    Migrations(f"sqlite:///{filled}", [*HISTORIES, history.add(REBUILD).package]).upgrade()
    assert next_account(filled) == 5


def test_ids_go_on_after_several_rebuilds_and_a_renaming(filled: Path, history: History) -> None:
    history.add(REBUILD)
    history.add('with op.batch_alter_table("todos", recreate="always") as b: b.drop_index("ix_todos_owner_id_id")')
    history.add('op.rename_table("todos", "tasks")')
    rows(filled, "DELETE FROM todos WHERE id > 5")
    Migrations(f"sqlite:///{filled}", [*HISTORIES, history.package]).upgrade()
    assert dict(rows(filled, "SELECT name, seq FROM sqlite_sequence"))["tasks"] == 12
    ((given,),) = rows(
        filled,
        "INSERT INTO tasks (owner_id, title, searchable_title, completed, created_at, updated_at) "
        f"VALUES (1, 'x', 'x', 0, '{WHEN}', '{WHEN}') RETURNING id",
    )
    assert given == 13


def test_ids_go_on_when_one_revision_rebuilds_and_renames(filled: Path, history: History) -> None:
    """The table has its old name neither before the next revision nor after this one."""
    history.add(
        """
        with op.batch_alter_table("todos", recreate="always") as batch:
            batch.drop_index("ix_todos_owner_id_id")
        op.rename_table("todos", "tasks")
        """
    )
    rows(filled, "DELETE FROM todos WHERE id > 5")
    Migrations(f"sqlite:///{filled}", [*HISTORIES, history.package]).upgrade()
    assert dict(rows(filled, "SELECT name, seq FROM sqlite_sequence"))["tasks"] == 12


def test_a_rebuild_by_hand_may_leave_its_ids_to_the_end(filled: Path, history: History) -> None:
    """Only what a revision leaves behind counts: here the table does not count ids for two statements."""
    history.add(
        """
        schema = op.get_bind().exec_driver_sql("SELECT sql FROM sqlite_master WHERE name = 'todos'").scalar_one()
        op.execute("CREATE TABLE kept AS SELECT * FROM todos WHERE id < 6")
        op.execute("DROP TABLE todos")
        op.execute("CREATE TABLE todos (id INTEGER)")
        op.execute("ALTER TABLE todos ADD COLUMN x INTEGER")
        op.execute("DROP TABLE todos")
        op.execute(schema)
        op.execute("INSERT INTO todos SELECT * FROM kept")
        op.execute("DROP TABLE kept")
        """
    )
    Migrations(f"sqlite:///{filled}", [*HISTORIES, history.package]).upgrade()
    assert dict(rows(filled, "SELECT name, seq FROM sqlite_sequence"))["todos"] == 12


def test_foreign_keys_hold_afterwards(filled: Path, history: History) -> None:
    Migrations(f"sqlite:///{filled}", [*HISTORIES, history.add(REBUILD).package]).upgrade()
    assert len(rows(filled, "DELETE FROM coatcheck_accounts WHERE id = 1 RETURNING id")) == 1
    assert rows(filled, "SELECT count(*) FROM todos") == [(6,)]
    assert rows(filled, "SELECT count(*) FROM coatcheck_sessions") == [(4,)]

    async def dangle() -> None:
        database = Database(f"sqlite:///{filled}")
        await database.open()
        try:
            await database.execute(
                # Account 1 is gone.
                text(
                    "INSERT INTO coatcheck_sessions (id, account_id, auth_time, amr, expires_at) "
                    f"VALUES ('x', 1, '{WHEN}', 'pwd', '{WHEN}')"
                )
            )
        finally:
            await database.close()

    with pytest.raises(ForeignKeyViolation):
        asyncio.run(dangle())


@pytest.mark.parametrize(
    ("step", "sentence"),
    [
        (
            'op.execute("DELETE FROM coatcheck_accounts WHERE id = 1")',
            r"^A migration would leave rows of coatcheck_sessions \(2\), todos \(3\) pointing at nothing; it was",
        ),
        (
            'op.execute("INSERT INTO coatcheck_sessions (id, account_id, auth_time, amr, expires_at) '
            "SELECT 'x', 77, auth_time, amr, expires_at FROM coatcheck_sessions LIMIT 1\")",
            r"^A migration would leave rows of coatcheck_sessions \(1\) pointing at nothing",
        ),
        (
            """
            op.execute("CREATE TABLE new AS SELECT * FROM todos")
            op.execute("DROP TABLE todos")
            op.execute("ALTER TABLE new RENAME TO todos")
            """,
            r"^A migration rebuilt the table todos without AUTOINCREMENT, so ids would be given twice",
        ),
    ],
    ids=["rows left behind", "a row that points at nothing", "ids given twice"],
)
def test_a_migration_that_would_harm_is_refused_and_undone(
    filled: Path, history: History, step: str, sentence: str
) -> None:
    before = content(filled)
    migrations = Migrations(f"sqlite:///{filled}", [*HISTORIES, history.add(REBUILD).add(step).package])
    with pytest.raises(StartRefused, match=sentence):
        migrations.upgrade()
    assert content(filled) == before
    assert migrations.is_older()


def test_a_disk_that_is_full_undoes_it(filled: Path, history: History) -> None:
    before = content(filled)
    history.add(REBUILD).add('op.execute("CREATE TABLE large AS SELECT zeroblob(20000000) AS bytes")')
    with no_larger_files_than(2_000_000), pytest.raises(Exception, match=r"disk I/O error|full"):
        Migrations(f"sqlite:///{filled}", [*HISTORIES, history.package]).upgrade()
    assert content(filled) == before


@pytest.mark.slow
def test_it_finds_its_turn_beside_a_saturated_process(filled: Path, history: History) -> None:
    make_tables(f"sqlite:///{filled}")
    writing = start(*SATURATE, filled, 1, 8, 1)
    assert is_ready(writing)
    Migrations(f"sqlite:///{filled}", [*HISTORIES, history.add(REBUILD).package]).upgrade()
    assert writing.poll() is None  # it was still at it
    said, _ = writing.communicate(timeout=20)
    assert '"refused": 0' in said
    assert next_account(filled) == 5
