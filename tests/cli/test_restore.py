"""A database that is put back has forgotten: ids come again, ended sessions live, revoked keys are trusted.

Somebody who keeps a token from before must not be let in with it, least of all as somebody else.
"""

import signal
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from coatcheck.database.url import sqlite_path
from tests.cli.restored import Service
from tests.support.command import Terminal, run
from tests.support.person import Person
from tests.support.postgresql import Cluster
from tests.support.server import CHEAP
from tests.support.sql import run_sql

MILLION = 1_000_000
LAST = 2**63 - 1


def copied(service: Service, cluster: Callable[[], Cluster]) -> Callable[[], None]:
    """Copy the database of a stopped server; gives what puts the copy back."""
    path = sqlite_path(service.url)
    if path is not None:
        service.command("backup", "copy.db")
        return lambda: print(service.command("restore", "copy.db", "--yes"))
    postgresql, name = cluster(), urlsplit(service.url).path[1:]
    postgresql.run(f'CREATE DATABASE "{name}_copy" TEMPLATE "{name}"')

    def put_back() -> None:
        postgresql.run(f'DROP DATABASE "{name}" WITH (FORCE)')
        postgresql.run(f'ALTER DATABASE "{name}_copy" RENAME TO "{name}"')
        service.command("after-restore", "--yes")

    return put_back


def test_after_a_restore_everybody_logs_in_again_and_no_id_comes_twice(
    service: Service, request: pytest.FixtureRequest
) -> None:
    server = service.server
    with server.client() as client:
        alice = Person(client)
        early, refreshable = alice.token, alice.log_in_with_refresh()
        kept_todo = alice.add_todo()["id"]
    server.stop()
    put_back = copied(service, lambda: request.getfixturevalue("cluster"))
    server.start()
    with server.client() as client:
        alice.client = client
        alice.token = early
        assert alice.post("/logout").status_code == 204  # the copy knows nothing of that
        alice.token = refreshable["access_token"]
        new = {"old_password": alice.password, "new_password": "another secret"}
        assert alice.put("/me/password", json=new).status_code == 204
        bob = Person(client)
        later = bob.log_in_with_refresh()
        lost_todo = bob.add_todo()["id"]
        service.command("keys", "rotate", "--now")  # and its tokens are of a key that the copy has not
        newest = bob.log_in()
    server.stop()
    put_back()
    server.start()
    with server.client() as client:
        alice.client = client
        for token in (early, refreshable["access_token"], bob.token, later["access_token"], newest):
            assert alice.get("/me", token=token).status_code == 401
        for tokens in (refreshable, later):
            assert alice.refresh(tokens["refresh_token"]).status_code == 401
        alice.token = alice.log_in()  # with the password of the copy
        assert [todo["id"] for todo in alice.get("/todos").json()] == [kept_todo]
        assert client.post("/login", json=bob.credentials).status_code == 401
        carol = Person(client)
        assert carol.id > MILLION > bob.id
        assert carol.add_todo()["id"] > MILLION > lost_todo


def test_a_running_server_follows_after_restore(service: Service) -> None:
    with service.server.client() as client:
        alice = Person(client)
        tokens, todo = alice.log_in_with_refresh(), alice.add_todo()["id"]
        assert alice.get("/me").status_code == 200
        for _ in range(2):  # twice is no harm
            assert "Everybody logs in again" in service.command("after-restore", "--yes")
            assert alice.get("/me").status_code == 401
            assert alice.refresh(tokens["refresh_token"]).status_code == 401
            alice.token = alice.log_in()
            assert alice.get("/me").status_code == 200
        assert Person(client).id == alice.id + 2 * MILLION + 1
        assert alice.add_todo()["id"] == todo + 2 * MILLION + 1


@pytest.mark.postgresql
def test_a_server_that_has_outlived_a_failover_follows(tmp_path: Path, postgresql_url: str, cluster: Cluster) -> None:
    """Its database is gone, and an older one is there under the same name. What it remembers is of a future
    that has not been: also the number of a change of the keys, which the older one gives a second time."""
    service = Service(tmp_path / "app", postgresql_url)
    try:
        with service.server.client() as client:
            alice = Person(client)
        service.server.stop()
        put_back = copied(service, lambda: cluster)
        service.server.start()
        with service.server.client() as client:
            alice.client = client
            service.command("keys", "rotate", "--now")
            lost, tokens = alice.log_in(), alice.log_in_with_refresh()
            old = [alice.token, lost, tokens["access_token"]]
            assert {alice.get("/me", token=token).status_code for token in old} == {200}
            service.server.process.send_signal(signal.SIGSTOP)  # it does not look at the older one before
            put_back()
            service.server.process.send_signal(signal.SIGCONT)
            answers = {503}
            while 503 in answers:  # until it has found the new one; never 200
                answers = {alice.get("/me", token=token).status_code for token in old}
                answers.add(alice.refresh(tokens["refresh_token"]).status_code)
                assert answers <= {401, 503}
            alice.token = alice.log_in()
            assert alice.get("/me").status_code == 200
    finally:
        service.server.stop()


def test_ids_that_have_no_room_are_refused(service: Service) -> None:
    server = service.server
    with server.client() as client:
        alice = Person(client)
        alice.add_todo()
        if sqlite_path(service.url) is not None:
            run_sql(service.url, f"UPDATE sqlite_sequence SET seq = {LAST - MILLION + 1} WHERE name = 'todos'")
        else:
            run_sql(service.url, f"SELECT setval(pg_get_serial_sequence('todos', 'id'), {LAST - MILLION + 1})")
        assert service.refusal("after-restore", "--yes").startswith(f"The ids of todos are at {LAST - MILLION + 1} ")
        assert alice.get("/me").status_code == 200


@pytest.mark.postgresql
def test_a_role_that_may_not_move_our_ids_is_refused_and_changes_nothing(tmp_path: Path, postgresql_url: str) -> None:
    """It may write every row and no counter, and would give an id to carol that somebody has had."""
    service = Service(tmp_path / "app", postgresql_url)
    role = f"app_{urlsplit(postgresql_url).path[1:]}"
    try:
        with service.server.client() as client:
            alice = Person(client)
            run_sql(postgresql_url, f"CREATE ROLE {role} LOGIN")
            run_sql(postgresql_url, f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role}")
            owner = service.settings["COATCHECK_DATABASE_URL"]
            service.settings["COATCHECK_DATABASE_URL"] = owner.replace("postgres@", f"{role}@")
            refused = service.refusal("after-restore", "--yes")
            assert refused.startswith("The ids of coatcheck_")
            assert " cannot go a million ahead, for this role may not change coatcheck_" in refused
            assert alice.get("/me").status_code == 200
            assert Person(client).id == alice.id + 1
            run_sql(postgresql_url, f"GRANT SELECT, UPDATE ON coatcheck_accounts_id_seq TO {role}")
            assert "The ids of coatcheck_" in service.refusal("after-restore", "--yes")
            run_sql(postgresql_url, f"GRANT SELECT, UPDATE ON ALL SEQUENCES IN SCHEMA public TO {role}")
            run_sql(postgresql_url, f"REVOKE UPDATE ON todos_id_seq FROM {role}")
            service.command("after-restore", "--yes")  # somebody else's table, as far as it may
            assert Person(client).id == alice.id + MILLION + 2
    finally:
        service.server.stop()
        run_sql(postgresql_url, f"DROP OWNED BY {role}")
        run_sql(postgresql_url, f"DROP ROLE {role}")


def test_it_asks_first(service: Service) -> None:
    with service.server.client() as client:
        alice = Person(client)
        refused = service.refusal("after-restore")
        assert refused == "Nothing has changed. Without a terminal to ask at, this takes --yes."
        assert alice.get("/me").status_code == 200
        terminal = Terminal(service.folder, "after-restore", "--app", "app:app", **service.settings)
        terminal.until("[y/N]")
        terminal.type("y\n")
        assert terminal.end() == 0
        assert alice.get("/me").status_code == 401


def test_production_migrates_first(service: Service) -> None:
    service.server.stop()
    service.command("migrate", "--to", "coatcheck@-1", "--yes")
    secret = (service.folder / "data" / "secret").read_text().strip()
    service.settings |= {
        "COATCHECK_ENVIRONMENT": "production",
        "COATCHECK_ISSUER": "https://example.org",
        "COATCHECK_ARGON2_MEMORY_KIB": "19456",
        "COATCHECK_ARGON2_TIME_COST": "2",
        "COATCHECK_SECRET": secret,
    }
    run_sql(service.url, "UPDATE coatcheck_issuer SET issuer = 'https://example.org'")
    assert "Run coatcheck migrate" in service.refusal("after-restore", "--yes")
    service.command("migrate")
    service.command("after-restore", "--yes")


@pytest.mark.postgresql
def test_on_postgresql_restore_names_the_tool(tmp_path: Path, postgresql_url: str) -> None:
    done = run(tmp_path, "restore", "a copy.dump", "--yes", **CHEAP, COATCHECK_DATABASE_URL=postgresql_url)
    assert (done.returncode, done.stdout) == (1, "")
    _, tool, then = done.stderr.splitlines()
    assert tool.startswith("PostgreSQL brings a tool of its own: pg_restore --no-owner ")
    assert tool.endswith("'a copy.dump'")
    assert then.endswith("coatcheck after-restore")
