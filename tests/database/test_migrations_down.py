"""One history goes up or down to a revision. Going down takes what another history stands on only when
nothing stands there; otherwise nothing changes."""

import threading

import pytest
from sqlalchemy import Engine, inspect, text

from coatcheck.database.migrate import Migrations, Step
from coatcheck.problems import StartRefused
from tests.database.histories import History
from tests.database.test_migrations import ADD_ACCOUNT, HISTORIES, MAKE_MORE, MAKE_NOTES, engine, tables

__all__ = ["engine"]  # the fixture

ADD_TODO = (
    "INSERT INTO todos (owner_id, title, searchable_title, completed, created_at, updated_at) "
    "VALUES (1, 'x', 'x', false, '2026-01-01', '2026-01-01')"
)
LIBRARY = "SELECT version_num FROM coatcheck_schema_version"
TODOS = "SELECT version_num FROM todos_schema_version"
DROP_NOTES = 'op.drop_table("notes")'
DROP_MORE = 'op.drop_table("more")'


@pytest.fixture
def migrations(database_url: str) -> Migrations:
    """The library's and the todo application's histories, carried out, on each engine."""
    migrations = Migrations(database_url, HISTORIES)
    migrations.upgrade()
    return migrations


def go(migrations: Migrations, to: str) -> Step:
    step = migrations.step(to)
    migrations.go(step)
    return step


def run(engine: Engine, *statements: str) -> None:
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))


def rows(engine: Engine, sql: str) -> list[object]:
    with engine.connect() as connection:
        return list(connection.execute(text(sql)).scalars())


def content(engine: Engine) -> dict[str, object]:
    """Everything in it: each table, its rows, and what leads from it to others."""
    look = inspect(engine)
    with engine.connect() as connection:
        return {
            name: (
                sorted(map(str, connection.execute(text(f'SELECT * FROM "{name}"')).all())),
                sorted(str(key["referred_table"]) for key in look.get_foreign_keys(name)),
            )
            for name in look.get_table_names()
        }


def test_every_shipped_revision_can_be_undone_and_done_again(migrations: Migrations, engine: Engine) -> None:
    before = content(engine)
    down = [go(migrations, "todos@base"), go(migrations, "coatcheck@base")]
    assert all(step.down and step.revisions for step in down)
    assert tables(engine) - {"sqlite_sequence"} == {"coatcheck_schema_version", "todos_schema_version"}
    assert migrations.is_older()
    up = [go(migrations, "coatcheck@head"), go(migrations, "todos@head")]
    assert [step.revisions for step in up] == [step.revisions[::-1] for step in reversed(down)]
    assert not any(step.down for step in up)
    assert not migrations.is_older()
    assert content(engine).keys() == before.keys()


def test_going_down_touches_no_other_history(migrations: Migrations, engine: Engine) -> None:
    run(engine, ADD_ACCOUNT, ADD_TODO)
    step = go(migrations, "todos@base")
    assert step == Step("todos", "base", ("todos_0001 Todos.",), down=True)
    assert "todos" not in tables(engine)
    assert rows(engine, "SELECT username FROM coatcheck_accounts") == ["a"]
    assert (rows(engine, TODOS), len(rows(engine, LIBRARY))) == ([], 1)


def test_the_way_is_shown_step_by_step(database_url: str, history: History, engine: Engine) -> None:
    """Named, at an end, or counted from where it stands; the newest first going down."""
    history.add(MAKE_NOTES, DROP_NOTES).add(MAKE_MORE, DROP_MORE).add("pass", "pass")
    migrations = Migrations(database_url, [*HISTORIES, history.package])
    migrations.upgrade()
    name = history.name
    one, two, three = (f"{name}_{number:04}" for number in (1, 2, 3))
    shown = {
        to: (step.down, [revision.split()[0] for revision in step.revisions])
        for to in ("base", "head", one, three, "-1", "-3")
        for step in [migrations.step(f"{name}@{to}")]
    }
    assert shown == {
        "base": (True, [three, two, one]),
        "head": (False, []),
        one: (True, [three, two]),
        three: (False, []),
        "-1": (True, [three]),
        "-3": (True, [three, two, one]),
    }
    assert {"notes", "more"} <= tables(engine)  # looking undid nothing
    go(migrations, f"{name}@{one}")
    assert "notes" in tables(engine)
    assert "more" not in tables(engine)
    assert migrations.step(f"{name}@+2") == migrations.step(f"{name}@head")
    assert migrations.step(f"{name}@head").revisions == (f"{two} A step.", f"{three} A step.")
    go(migrations, f"{name}@+1")
    assert "more" in tables(engine)


def test_the_library_goes_last(migrations: Migrations, engine: Engine, database_url: str) -> None:
    run(engine, ADD_ACCOUNT)
    before = content(engine)
    alone = Migrations(database_url, HISTORIES[:1])  # as without --app: the todos are found all the same
    for asked in (migrations, alone):
        with pytest.raises(
            StartRefused,
            match=r"^The history todos is at todos_0001 and stands on coatcheck, which goes last\. Nothing has "
            r"changed; run first: coatcheck migrate --app module:app --to todos@base$",
        ):
            asked.step("coatcheck@base")
    assert content(engine) == before
    go(migrations, "todos@base")
    run(engine, "CREATE TABLE film_schema_version (film TEXT, version TEXT)")  # no history's
    go(alone, "coatcheck@base")
    assert "coatcheck_accounts" not in tables(engine)


def test_the_library_goes_first(database_url: str, engine: Engine) -> None:
    migrations = Migrations(database_url, HISTORIES)
    with pytest.raises(StartRefused, match=r"Run first: coatcheck migrate --to coatcheck@head$"):
        migrations.step("todos@head")
    assert tables(engine) == set()
    assert migrations.step("todos@base").revisions == ()


@pytest.mark.parametrize("owner", ["a table of nobody's history", "a table of an application's history"])
def test_a_step_that_would_take_what_another_table_leads_to_is_undone(
    database_url: str, history: History, engine: Engine, owner: str
) -> None:
    """Whoever made it: a host's own Alembic, or a history that holds to more than the library."""
    migrations = Migrations(database_url, ["coatcheck.migrations", history.add(MAKE_NOTES, DROP_NOTES).package])
    migrations.upgrade()
    if owner == "a table of nobody's history":
        run(engine, "CREATE TABLE pins (note INTEGER REFERENCES notes (id))")
        to = f"{history.name}@base"
    else:
        run(engine, "CREATE TABLE pins (account BIGINT REFERENCES coatcheck_accounts (id))")
        go(migrations, f"{history.name}@base")
        to = "coatcheck@base"
    before = content(engine)
    with pytest.raises(
        StartRefused, match=r"^This would take what something else in the database needs \(.*pins.*\)\. Nothing has"
    ):
        go(migrations, to)
    assert content(engine) == before


def test_going_down_keeps_what_hangs_on_a_changed_table_and_the_id_counter(
    migrations: Migrations, database_url: str, history: History, engine: Engine
) -> None:
    """On SQLite the revision rebuilds the accounts table twice, up and down; the highest id was deleted."""
    run(
        engine,
        ADD_ACCOUNT,
        ADD_TODO,
        ADD_ACCOUNT.replace("'a'", "'b'"),
        "DELETE FROM coatcheck_accounts WHERE id = 2",
    )
    before = content(engine)
    history.add(
        """
        with op.batch_alter_table("coatcheck_accounts") as batch:
            batch.add_column(sa.Column("nickname", sa.String(50)))
        """,
        """
        with op.batch_alter_table("coatcheck_accounts") as batch:
            batch.drop_column("nickname")
        """,
    )
    more = Migrations(database_url, [*HISTORIES, history.package])
    more.upgrade()
    assert content(engine) != before
    go(more, f"{history.name}@base")
    after = content(engine)
    assert after.pop(f"{history.name}_schema_version") == ([], [])
    assert after == before
    run(engine, ADD_ACCOUNT.replace("'a'", "'c'"))
    assert rows(engine, "SELECT max(id) FROM coatcheck_accounts") == [3]


@pytest.mark.parametrize(
    ("to", "sentence"),
    [
        ("todo@base", r"^There is no history todo; there is: coatcheck, todos\.$"),
        ("todos", r"^Write history@revision, such as coatcheck@head or todos@base\.$"),
        ("todos@", r"^Write history@revision"),
        ("@base", r"^Write history@revision"),
        ("todos@0001", r"at todos_0001, has no revision 0001; it has: base, todos_0001\.$"),
        ("todos@heads", r"has no revision heads; it has: base"),
        ("todos@-2", r"has no revision -2; it has: base"),
        ("todos@+1", r"has no revision \+1; it has: base"),
        ("todos@-", r"has no revision -; it has: base"),
        ("todos@todos_0001@base", r"has no revision todos_0001@base; it has: base"),
    ],
)
def test_an_unknown_place_is_refused_with_what_there_is(
    migrations: Migrations, engine: Engine, to: str, sentence: str
) -> None:
    before = content(engine)
    with pytest.raises(StartRefused, match=sentence):
        migrations.step(to)
    assert content(engine) == before


def test_without_the_application_its_history_is_not_known(database_url: str) -> None:
    with pytest.raises(StartRefused, match=r"^There is no history todos; there is: coatcheck\. .* known with --app"):
        Migrations(database_url, HISTORIES[:1]).step("todos@base")


def test_a_newer_database_goes_nowhere(database_url: str, history: History, engine: Engine) -> None:
    Migrations(database_url, [*HISTORIES, history.add(MAKE_NOTES, DROP_NOTES).package]).upgrade()
    history.forget_last()
    migrations = Migrations(database_url, [*HISTORIES, history.package])
    for ask in (lambda: migrations.step("todos@base"), migrations.is_older):
        with pytest.raises(StartRefused, match="newer version of this program"):
            ask()
    assert {"todos", "notes"} <= tables(engine)


def test_older_and_current_are_told_apart(database_url: str) -> None:
    migrations = Migrations(database_url, HISTORIES)
    assert migrations.is_older() is True
    migrations.upgrade()
    assert migrations.is_older() is False


def test_what_cannot_be_undone_is_refused_and_all_of_the_step_with_it(
    database_url: str, history: History, engine: Engine
) -> None:
    history.add(MAKE_NOTES).add(MAKE_MORE, DROP_MORE)
    migrations = Migrations(database_url, [*HISTORIES, history.package])
    migrations.upgrade()
    before = content(engine)
    with pytest.raises(StartRefused, match=r"cannot be undone: .* restore a backup from before it instead\.$"):
        go(migrations, f"{history.name}@base")
    assert content(engine) == before


def test_a_step_that_somebody_else_has_taken_meanwhile_is_refused(migrations: Migrations, engine: Engine) -> None:
    """Between the question and the answer another process may have gone up or down."""
    shown = migrations.step("todos@base")
    go(migrations, "todos@base")
    before = content(engine)
    with pytest.raises(StartRefused, match=r"^Another process has changed the schema meanwhile\."):
        migrations.go(shown)
    assert content(engine) == before


def test_two_that_go_down_at_once_go_down_once(migrations: Migrations, engine: Engine) -> None:
    step = migrations.step("todos@base")
    told: list[str] = []
    ready = threading.Barrier(2)

    def go_down() -> None:
        ready.wait(10)
        try:
            migrations.go(step)
            told.append("done")
        except StartRefused as refusal:
            told.append(refusal.sentence[:15])

    threads = [threading.Thread(target=go_down) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(told) == ["Another process", "done"]
    assert "todos" not in tables(engine)


def test_histories_that_would_share_a_version_table_are_refused(database_url: str, engine: Engine) -> None:
    for one, other in [("shop.a", "shop.b"), ("todos.migrations", "todos.migrations"), ("Shop.a", "shop.a")]:
        with pytest.raises(StartRefused, match=rf"^The histories {one} and {other} would share the version table"):
            Migrations(database_url, ["coatcheck.migrations", one, other])
    with pytest.raises(StartRefused, match="share the version table coatcheck_schema_version"):
        Migrations(database_url, ["coatcheck.migrations", "coatcheck.more"])
    assert tables(engine) == set()


def test_a_history_with_branches_follows_no_single_line(database_url: str, history: History, engine: Engine) -> None:
    history.add(MAKE_NOTES, DROP_NOTES).add(MAKE_MORE, DROP_MORE).add("pass", "pass", after=1)
    migrations = Migrations(database_url, [*HISTORIES, history.package])
    migrations.upgrade()
    name = history.name
    before = content(engine)
    with pytest.raises(StartRefused, match=rf"^The history {name} has several heads; name one: {name}_0002, "):
        migrations.step(f"{name}@head")
    with pytest.raises(StartRefused, match=rf"^The history {name} branches on the way to {name}@{name}_0002"):
        go(migrations, f"{name}@{name}_0002")
    assert content(engine) == before
    go(migrations, f"{name}@{name}_0001")
    assert "more" not in tables(engine)
    go(migrations, f"{name}@{name}_0002")
    with pytest.raises(StartRefused, match=rf"^The history {name} branches on the way to {name}@{name}_0003"):
        migrations.step(f"{name}@{name}_0003")
