"""Schema histories on both engines: all of it or nothing, in any number of processes at once."""

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Column, Connection, Engine, Identity, Integer, MetaData, create_engine, inspect
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.pool import NullPool

from coatcheck.database import METADATA
from coatcheck.database.migrate import Migrations
from coatcheck.database.postgresql_schema import LOCK
from coatcheck.database.sqlite_schema import _counts_ids, schema_look
from coatcheck.database.url import sqlite_path
from coatcheck.problems import StartRefused
from tests.database.address import Address
from tests.database.histories import History
from tests.database.onlooker import ROOT, Onlooker
from tests.support.postgresql import Cluster
from todos.tables import todos

HISTORIES = ["coatcheck.migrations", "todos.migrations"]
UPGRADE_ONCE = [sys.executable, "-m", "tests.database.upgrade_once"]
ADD_ACCOUNT = "INSERT INTO coatcheck_accounts (username, mapped_username, created_at) VALUES ('a', 'a', '2026-01-01')"
MAKE_NOTES = 'op.create_table("notes", sa.Column("id", sa.Integer, primary_key=True))'
MAKE_MORE = 'op.create_table("more", sa.Column("id", sa.Integer, primary_key=True))'


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """SQLAlchemy's own view of the database."""
    path = sqlite_path(database_url)
    engine = (
        create_engine("postgresql+psycopg://", creator=lambda: psycopg.connect(database_url), poolclass=NullPool)
        if path is None
        else create_engine(f"sqlite:///{path}", poolclass=NullPool)
    )
    yield engine
    engine.dispose()


def tables(engine: Engine) -> set[str]:
    return set(inspect(engine).get_table_names())


def differences(connection: Connection, metadata: MetaData) -> list[Any]:
    """What Alembic would change to make the database as the tables in the code are."""
    ours = set(metadata.tables)
    context = MigrationContext.configure(
        connection,
        opts={
            "compare_type": True,
            "compare_server_default": True,
            "include_name": lambda name, kind, parents: kind != "table" or name in ours,
            "include_object": lambda item, name, kind, reflected, other: kind != "table" or name in ours,
        },
    )
    found: list[Any] = list(compare_metadata(context, metadata))
    if connection.dialect.name == "postgresql":
        return found
    # SQLite has AUTOINCREMENT where PostgreSQL has identity columns; Alembic compares the latter alone.
    assert {table.name for table in metadata.sorted_tables if table.dialect_options["sqlite"]["autoincrement"]} == {
        table.name for table in metadata.sorted_tables if _counts_ids(connection, table.name)
    }
    return [one for one in found if not (isinstance(one, list) and isinstance(one[0][-1], Identity))]


def test_a_new_database_gets_every_table_once(database_url: str, engine: Engine) -> None:
    migrations = Migrations(database_url, HISTORIES)
    assert migrations.is_older()
    assert migrations.upgrade() is True
    assert not migrations.is_older()
    assert migrations.upgrade() is False
    assert {*METADATA.tables, "todos"} <= tables(engine)


def test_all_that_is_the_librarys_says_so_in_its_name(database_url: str, engine: Engine) -> None:
    """A host has accounts and sessions of its own, and an alembic_version too."""
    Migrations(database_url, HISTORIES[:1]).upgrade()
    found = tables(engine) - {"sqlite_sequence"}
    assert found == {*METADATA.tables, "coatcheck_schema_version"}
    assert all(name.startswith("coatcheck_") for name in found)
    Migrations(database_url, HISTORIES).upgrade()
    assert tables(engine) - found - {"sqlite_sequence"} == {"todos", "todos_schema_version"}


def test_the_tables_made_are_the_tables_in_the_code(database_url: str, engine: Engine) -> None:
    Migrations(database_url, HISTORIES).upgrade()
    with engine.connect() as connection:
        assert differences(connection, METADATA) == []
        assert differences(connection, todos.metadata) == []
        changed = MetaData()
        for table in METADATA.sorted_tables:
            table.to_metadata(changed)
        changed.tables["coatcheck_accounts"].append_column(Column("forgotten", Integer))
        changed.tables["coatcheck_keys"].constraints.clear()
        assert {difference[0] for difference in differences(connection, changed)} >= {
            "add_column",
            "remove_constraint",
        }


def test_the_names_of_constraints_are_the_same_on_both_engines(database_url: str, engine: Engine) -> None:
    """A migration names what it drops."""
    Migrations(database_url, HISTORIES).upgrade()
    look = inspect(engine)
    assert {
        constraint["name"]
        for name in (*METADATA.tables, "todos")
        for constraint in (*look.get_unique_constraints(name), *look.get_foreign_keys(name), *look.get_indexes(name))
    } == {
        "uq_coatcheck_keys_key_id",
        "uq_coatcheck_keys_purpose_serial",
        "ix_coatcheck_keys_revision",
        "uq_coatcheck_accounts_mapped_username",
        "fk_coatcheck_sessions_account_id",
        "ix_coatcheck_sessions_account_id_expires_at",
        "ix_coatcheck_sessions_refresh_salt",
        "ix_coatcheck_revocations_session_id",
        "ix_coatcheck_revocations_expires_at",
        "fk_coatcheck_guess_counts_account_id",
        "ix_coatcheck_guess_counts_account_id",
        "ix_coatcheck_guess_counts_failed_at",
        "ix_coatcheck_guess_counts_known_at",
        "ix_coatcheck_budgets_empty_at",
        "fk_todos_owner_id",
        "ix_todos_owner_id_id",
        "ix_todos_owner_id_completed_id",
    }


def test_six_processes_at_once_make_one_schema(database_url: str, engine: Engine) -> None:
    done = subprocess.run(
        [*UPGRADE_ONCE, database_url, "6"], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    assert sorted(done.stdout.split()) == ["False"] * 5 + ["True"]
    assert not Migrations(database_url, HISTORIES).is_older()
    assert {*METADATA.tables, "todos"} <= tables(engine)


def test_a_newer_database_is_refused_with_a_sentence(database_url: str, history: History, engine: Engine) -> None:
    Migrations(database_url, [*HISTORIES, history.add(MAKE_NOTES).package]).upgrade()
    history.add(MAKE_MORE)
    Migrations(database_url, [history.package]).upgrade()
    history.forget_last()
    older = Migrations(database_url, [*HISTORIES, history.package])
    with pytest.raises(StartRefused, match="made by a newer version"):
        older.is_older()
    with pytest.raises(StartRefused, match=r"newer version of this program\. Install that version again, or restore"):
        older.upgrade()
    assert {"notes", "more"} <= tables(engine)


def test_newer_counts_for_more_than_older(database_url: str, history: History) -> None:
    Migrations(database_url, [history.add(MAKE_NOTES).package]).upgrade()
    history.forget_last()
    with pytest.raises(StartRefused, match="made by a newer version"):
        Migrations(database_url, [history.package]).is_older()
    with pytest.raises(StartRefused, match="made by a newer version"):
        Migrations(database_url, [*HISTORIES, history.package]).is_older()
    with pytest.raises(StartRefused):
        Migrations(database_url, [*HISTORIES, history.package]).upgrade()
    assert Migrations(database_url, HISTORIES).is_older()


@pytest.mark.parametrize(
    "mistake",
    [
        'op.execute("INSERT INTO no_such_table VALUES (1)")',
        "raise LookupError",
        'op.execute("INSERT INTO notes VALUES (1)"); op.execute("INSERT INTO notes VALUES (1)")',
    ],
)
def test_a_migration_that_fails_changes_nothing(
    database_url: str, history: History, engine: Engine, mistake: str
) -> None:
    migrations = Migrations(database_url, [*HISTORIES, history.package])
    history.add(MAKE_NOTES).add(mistake)
    with pytest.raises((StartRefused, LookupError, IntegrityError, OperationalError)):
        migrations.upgrade()
    assert tables(engine) - {"sqlite_sequence"} == set()
    history.forget_last()
    history.add(MAKE_MORE)
    assert migrations.upgrade()
    assert {"notes", "more", "coatcheck_accounts", "todos"} <= tables(engine)


def test_the_librarys_history_is_there_before_the_applications(
    database_url: str, history: History, engine: Engine
) -> None:
    history.add(
        """
        op.create_table(
            "notes",
            sa.Column("id", sa.Integer, primary_key=True),
            sa.Column("owner_id", sa.BigInteger, sa.ForeignKey("coatcheck_accounts.id"), nullable=False),
        )
        """
    )
    assert Migrations(database_url, ["coatcheck.migrations", history.package]).upgrade()
    assert "notes" in tables(engine)


def test_looking_and_finding_nothing_to_do_wait_for_nobody(database_url: str) -> None:
    """Every start looks. It must not stop those who write, nor wait for a migration of somebody else's."""
    migrations = Migrations(database_url, HISTORIES)
    migrations.upgrade()
    path = sqlite_path(database_url)
    with Onlooker(path or database_url) as other:
        other.rows("BEGIN IMMEDIATE" if path else "BEGIN")
        if path is None:
            other.rows(str(LOCK))
        began = time.monotonic()
        assert not migrations.is_older()
        assert migrations.upgrade() is False
        assert time.monotonic() - began < 2
        other.rows(ADD_ACCOUNT)
        other.rows("COMMIT")


def test_apps_in_one_process_may_migrate_at_once(tmp_path: Path, cluster: Cluster, history: History) -> None:
    """Alembic's `op` and `context` are one for the whole process; no module state of ours meets there."""
    history.add(MAKE_NOTES)
    names = [cluster.new_database() for _ in range(2)]
    urls = [*(cluster.url(name) for name in names), *(f"sqlite:///{tmp_path / f'{n}.db'}" for n in range(4))]
    answers: dict[str, object] = {}

    def bring_up(url: str, packages: list[str]) -> None:
        try:
            answers[url] = Migrations(url, packages).upgrade()
        except BaseException as error:
            answers[url] = error

    threads = [
        threading.Thread(target=bring_up, args=(url, [*HISTORIES, history.package] if number % 2 else HISTORIES))
        for number, url in enumerate(urls)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert answers == dict.fromkeys(urls, True)
    for number, url in enumerate(urls):
        packages = [*HISTORIES, history.package] if number % 2 else HISTORIES
        assert not Migrations(url, packages).is_older()
    for name in names:
        cluster.drop_database(name)


def test_a_waiting_writer_is_served_after_the_migration(database_url: str, history: History, engine: Engine) -> None:
    """The write comes in the middle of it, and finds the new schema."""
    Migrations(database_url, HISTORIES).upgrade()
    history.add(f"{MAKE_NOTES}; import time; time.sleep(0.3)")
    migrating = threading.Thread(target=Migrations(database_url, [history.package]).upgrade)
    with Onlooker(sqlite_path(database_url) or database_url) as other:
        migrating.start()
        time.sleep(0.15)
        other.rows(ADD_ACCOUNT)
        migrating.join(10)
        assert other.value("SELECT count(*) FROM coatcheck_accounts") == 1
        assert other.value("SELECT count(*) FROM notes") == 0


def test_what_is_no_database_is_refused_with_a_sentence(file: Path) -> None:
    file.write_bytes(b"This is no database, but somebody's letter. " * 100)
    migrations = Migrations(f"sqlite:///{file}", HISTORIES)
    for ask in (migrations.is_older, migrations.upgrade):
        with pytest.raises(StartRefused, match=r"cannot be used as a database"):
            ask()
    with pytest.raises(StartRefused, match="PostgreSQL does not answer"):
        Migrations("postgresql://nobody@127.0.0.1:1/nothing", HISTORIES).upgrade()


def test_looking_changes_nothing(address: Address, file: Path) -> None:
    with Onlooker(file) as other:
        other.rows("PRAGMA journal_mode=WAL")
        version = other.value("PRAGMA data_version")
        assert Migrations(address.url, HISTORIES).is_older()
        assert other.value("PRAGMA data_version") == version
    with schema_look(file) as connection, pytest.raises(Exception, match="readonly"):
        connection.exec_driver_sql("DELETE FROM parents")


def test_the_histories_are_found_from_any_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert Migrations(f"sqlite:///{tmp_path / 'a.db'}", HISTORIES).upgrade()
