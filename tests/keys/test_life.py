"""What becomes of people's tokens when the keys change, seen over HTTP."""

from pathlib import Path

import argon2
import pytest
from fastapi.testclient import TestClient

from coatcheck.database.migrate import Migrations
from tests.keys.test_key_set import call, keyring_of
from tests.support.app import make_app
from tests.support.clock import Clock
from tests.support.person import PASSWORD, Person
from tests.support.sql import run_sql
from tests.tokens.test_tokens import part


def kid(token: str) -> str:
    return str(part(token, 0)["kid"])


def test_a_rotation_logs_nobody_out(local_client: TestClient, clock: Clock) -> None:
    person = Person(local_client)
    clock.forward(300)
    call(local_client, keyring_of(local_client).rotate)
    assert person.get("/me").status_code == 200
    second = person.log_in()
    assert kid(second) != kid(person.token)
    assert person.get("/me", token=second).status_code == 200


def test_on_schedule_a_login_signs_with_the_next_key(local_client: TestClient, clock: Clock) -> None:
    person = Person(local_client)
    clock.forward(30 * 86_400)
    token = person.log_in()
    assert kid(token) != kid(person.token)
    assert person.get("/me", token=token).status_code == 200


def test_a_revoked_key_ends_its_tokens_at_once_also_one_that_was_used_just_before(local_client: TestClient) -> None:
    person = Person(local_client)
    assert person.get("/me").status_code == 200
    call(local_client, keyring_of(local_client).revoke, kid(person.token))
    refused = person.get("/me")
    assert (refused.status_code, 'error="invalid_token"' in refused.headers["www-authenticate"]) == (401, True)
    assert person.get("/me", token=person.log_in()).status_code == 200


def test_after_a_leak_tokens_of_the_old_keys_are_good_until_those_are_revoked(local_client: TestClient) -> None:
    person = Person(local_client)
    call(local_client, keyring_of(local_client).rotate_all)
    assert person.get("/me").status_code == 200
    assert kid(person.log_in()) != kid(person.token)


def test_another_server_takes_what_a_key_has_signed_that_it_never_heard_of(
    tmp_path: Path, database_url: str, clock: Clock
) -> None:
    """`keys rotate --now` twice, and the token is at the other server before the news is."""
    with (
        TestClient(make_app(tmp_path, database_url, clock=clock)) as one,
        TestClient(make_app(tmp_path, database_url, clock=clock)) as other,
    ):
        person = Person(one)
        call(one, keyring_of(one).rotate_all)
        token = person.log_in()
        assert kid(token) not in keyring_of(other).signing
        answer = other.get("/me", headers={"Authorization": f"Bearer {token}"})
        assert (answer.status_code, answer.json()["id"]) == (200, person.id)


def test_a_server_that_is_told_of_a_revocation_refuses(tmp_path: Path, database_url: str, clock: Clock) -> None:
    with (
        TestClient(make_app(tmp_path, database_url, clock=clock)) as one,
        TestClient(make_app(tmp_path, database_url, clock=clock)) as other,
    ):
        person = Person(one)
        headers = {"Authorization": f"Bearer {person.token}"}
        assert other.get("/me", headers=headers).status_code == 200
        call(one, keyring_of(one).revoke, kid(person.token))
        keyring_of(other).told(keyring_of(one).revision)
        assert other.get("/me", headers=headers).status_code == 401
        assert other.get("/me", headers=headers).status_code == 401


@pytest.mark.parametrize(("before", "after"), [("EdDSA", "ES256"), ("ES256", "EdDSA")])
def test_another_algorithm_in_the_settings_takes_over_after_five_minutes(
    before: str, after: str, tmp_path: Path, database_url: str, clock: Clock
) -> None:
    with TestClient(make_app(tmp_path, database_url, clock=clock, signing_algorithm=before)) as client:
        person = Person(client)
    with TestClient(make_app(tmp_path, database_url, clock=clock, signing_algorithm=after)) as client:
        person.client = client
        assert part(person.log_in(), 0)["alg"] == before
        clock.forward(300)
        new = person.log_in()
        assert part(new, 0)["alg"] == after
        assert person.get("/me", token=new).status_code == person.get("/me").status_code == 200


# Of secret123, as that version stored it.
OF_BEFORE = argon2.PasswordHasher(1, 8, 1).hash(PASSWORD)


def test_an_upgraded_database_goes_on_accepting_its_tokens(tmp_path: Path, database_url: str, clock: Clock) -> None:
    """Down to the schema of the version before and up again: one Ed25519 key, and nothing says when it signs."""
    with TestClient(make_app(tmp_path, database_url, clock=clock)) as client:
        person = Person(client)
        call(client, keyring_of(client).revoke, kid(person.token))
        person.token = person.log_in()
    run_sql(database_url, "UPDATE coatcheck_accounts SET password_hash = '" + OF_BEFORE + "'")
    migrations = Migrations(database_url, ["coatcheck.migrations", "todos.migrations"])
    migrations.go(migrations.step("coatcheck@0002"))
    # That version accepts whatever key it finds: the revoked one is gone.
    clock.forward(60)  # the key has signed for longer than this start
    ((left,),) = run_sql(database_url, "SELECT key_id FROM coatcheck_keys")
    assert left == kid(person.token)
    with TestClient(make_app(tmp_path, database_url, clock=clock)) as client:
        person.client = client
        assert person.get("/me").status_code == 200
        (old, state), (following, its_state) = keyring_of(client).listed()
        assert (old.id, state, its_state) == (left, "current", "next")
        assert old.signs_from == old.published_at
        clock.forward(300)
        call(client, keyring_of(client).rotate)
        assert kid(person.log_in()) == following.id
        assert person.get("/me").status_code == 200
