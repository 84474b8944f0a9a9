"""Sessions end: by a changed password all the others, by deletion all of them."""

from typing import Any

from fastapi.testclient import TestClient

from tests.black_box.problem import challenge, pointers, problem
from tests.support.clock import Clock
from tests.support.person import Person

NEW = "correct horse battery"


def test_a_new_password_ends_the_other_sessions_and_not_this_one(person: Person) -> None:
    others = [person.log_in() for _ in range(3)]
    change = {"old_password": person.password, "new_password": NEW}
    assert person.put("/me/password", json=change).status_code == 204
    for token in others:
        answer = person.get("/todos", token=token)
        problem(answer, 401, "invalid-token")
        assert challenge(answer) == 'Bearer realm="coatcheck", error="invalid_token"'
    assert person.add_todo("still here")["title"] == "still here"
    problem(person.client.post("/login", json=person.credentials), 401, "wrong-credentials")
    person.password = NEW
    assert person.get("/me", token=person.log_in()).status_code == 200


def test_a_changed_password_is_nobody_elses_business(person: Person, client: Any) -> None:
    other = Person(client)
    person.put("/me/password", json={"old_password": person.password, "new_password": NEW})
    assert other.get("/me").status_code == 200
    assert other.log_in()


def test_a_refused_change_ends_no_session(person: Person) -> None:
    other = person.log_in()
    wrong = {"old_password": "not it at all", "new_password": NEW}
    problem(person.put("/me/password", json=wrong), 400, "wrong-old-password")
    short = {"old_password": person.password, "new_password": "short"}
    assert pointers(person.put("/me/password", json=short)) == ["#/new_password"]
    assert person.get("/me", token=other).status_code == 200
    assert person.log_in()


def test_any_odd_old_password_is_just_wrong(person: Person) -> None:
    for odd in ("", " ", "\x00", "x" * 60_000, person.password + " ", person.password.upper(), "🎫"):
        answer = person.put("/me/password", json={"old_password": odd, "new_password": NEW})
        problem(answer, 400, "wrong-old-password")
        assert person.log_in()  # else the sixth would have to wait


def test_a_deleted_account_is_gone_with_its_sessions_and_todos(person: Person, client: Any) -> None:
    other, token = Person(client), person.log_in()
    todo = person.add_todo("to be deleted")
    kept = other.add_todo("to be kept")
    answer = person.delete("/me")
    assert (answer.status_code, answer.content) == (204, b"")
    for old in (person.token, token):
        problem(person.get("/me", token=old), 401, "invalid-token")
        problem(person.get(f"/todos/{todo['id']}", token=old), 401, "invalid-token")
    problem(person.delete("/me"), 401, "invalid-token")
    problem(client.post("/login", json=person.credentials), 401, "wrong-credentials")
    assert other.get("/todos").json() == [kept]


def test_who_registers_a_deleted_name_is_somebody_new(person: Person, client: Any) -> None:
    person.add_todo("the old one's")
    assert person.delete("/me").status_code == 204
    again = Person(client, person.username)
    assert again.id > person.id
    assert again.get("/todos").json() == []
    problem(person.get("/me"), 401, "invalid-token")


def test_b13_deleting_needs_a_login_within_5_minutes(local_client: TestClient, clock: Clock) -> None:
    person = Person(local_client)
    clock.forward(seconds=300)
    old = person.token
    clock.forward(seconds=1)
    answer = person.delete("/me")
    problem_of_step_up(answer)
    assert person.get("/me").status_code == 200
    person.token = person.log_in()
    assert person.delete("/me", token=old).status_code == 401  # a fresh login elsewhere freshens no older one
    assert person.delete("/me").status_code == 204


def test_a_login_of_5_minutes_ago_still_deletes(local_client: TestClient, clock: Clock) -> None:
    person = Person(local_client)
    clock.forward(seconds=300)
    assert person.delete("/me").status_code == 204


def problem_of_step_up(answer: Any) -> None:
    """RFC 9470 section 3, word by word; the id header comes with the request log, which is not in this process."""
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"] == "urn:coatcheck:problem:login-too-old"
    assert challenge(answer) == 'Bearer realm="coatcheck", error="insufficient_user_authentication", max_age=300'
