"""Section 2 of the contract: adding, replacing, changing, deleting and counting todos."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.black_box.problem import pointers, problem
from tests.support.person import Person


def test_a_new_todo_may_be_completed_already(person: Person) -> None:
    assert person.add_todo("Done", completed=True)["completed"] is True
    assert person.add_todo("Not done", completed=False)["completed"] is False


def test_times_are_utc_and_now(person: Person) -> None:
    todo = person.add_todo()
    assert todo["created_at"].endswith("Z")
    age = datetime.now(UTC) - datetime.fromisoformat(todo["created_at"])
    assert timedelta(0) <= age < timedelta(seconds=30)


def test_a_todo_is_read_as_it_was_answered(person: Person) -> None:
    added = person.add_todo()
    assert person.get(f"/todos/{added['id']}").json() == added
    assert person.get("/todos").json() == [added]
    changed = person.patch(f"/todos/{added['id']}", json={"completed": True}).json()
    assert person.get(f"/todos/{added['id']}").json() == changed


def test_put_without_completed_makes_it_false(person: Person) -> None:
    todo = person.add_todo(completed=True)
    answer = person.put(f"/todos/{todo['id']}", json={"title": "Other"})
    assert answer.status_code == 200
    assert (answer.json()["title"], answer.json()["completed"]) == ("Other", False)


def test_put_needs_a_title(person: Person) -> None:
    todo = person.add_todo()
    assert pointers(person.put(f"/todos/{todo['id']}", json={"completed": True})) == ["#/title"]
    assert person.get(f"/todos/{todo['id']}").json() == todo


def test_what_a_get_gave_can_be_put_back_whole(person: Person) -> None:
    todo = person.add_todo()
    answer = person.put(f"/todos/{todo['id']}", json={**todo, "title": "Learn RFC 9457"})
    assert answer.json() == {**todo, "title": "Learn RFC 9457", "updated_at": answer.json()["updated_at"]}


@pytest.mark.parametrize("value", [7, "7", None, [], {}, "2020-01-01T00:00:00Z"])
def test_id_and_times_in_a_put_are_ignored(value: Any, person: Person) -> None:
    todo = person.add_todo()
    mine = {"title": "Same", "id": value, "created_at": value, "updated_at": value}
    answer = person.put(f"/todos/{todo['id']}", json=mine).json()
    assert (answer["id"], answer["created_at"]) == (todo["id"], todo["created_at"])
    assert answer["updated_at"] >= todo["updated_at"]
    assert person.get("/todos").json() == [answer]


@pytest.mark.parametrize(
    "change", [{"title": "Other"}, {"completed": True}, {"title": "Other", "completed": True}, {"completed": False}]
)
def test_patch_changes_what_is_given_and_leaves_the_rest(change: dict[str, Any], person: Person) -> None:
    todo = person.add_todo()
    neighbour = person.add_todo("Neighbour")
    answer = person.patch(f"/todos/{todo['id']}", json=change)
    assert answer.status_code == 200
    assert answer.json() == {**todo, **change, "updated_at": answer.json()["updated_at"]}
    assert answer.json()["updated_at"] > todo["updated_at"]
    assert person.get("/todos").json() == [answer.json(), neighbour]


def test_patch_with_nothing_changes_nothing(person: Person) -> None:
    todo = person.add_todo()
    answer = person.patch(f"/todos/{todo['id']}", json={})
    assert (answer.status_code, answer.json()) == (200, todo)


@pytest.mark.parametrize("member", ["title", "completed"])
def test_patch_takes_no_null(member: str, person: Person) -> None:
    todo = person.add_todo()
    assert pointers(person.patch(f"/todos/{todo['id']}", json={member: None})) == [f"#/{member}"]
    assert person.get("/todos").json() == [todo]


@pytest.mark.parametrize("member", ["id", "created_at", "updated_at", "owner_id"])
@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_only_a_put_takes_what_the_server_decides(method: str, member: str, person: Person) -> None:
    todo = person.add_todo()
    path = "/todos" if method == "POST" else f"/todos/{todo['id']}"
    assert pointers(person.request(method, path, json={"title": "x", member: 1})) == ["#"]
    assert person.get("/todos").json() == [todo]


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("  Learn JWT \t", "Learn JWT"),
        ("\u2003wide\u3000", "wide"),
        ("Learn JWT\n", "Learn JWT"),
        ("x" * 500, "x" * 500),
        (" " + "x" * 500 + " ", "x" * 500),
        ("🎫" * 500, "🎫" * 500),
        ("e\u0301", "e\u0301"),
        ("\u202eright to left", "\u202eright to left"),
        ("two  words", "two  words"),
        ("\u2028", None),
        ("a\u2028b", "a\u2028b"),
        ("\U0010ffff", "\U0010ffff"),
        ("'; DROP TABLE todos; --", "'; DROP TABLE todos; --"),
    ],
)
def test_a_title_is_trimmed_and_kept_as_typed(typed: str, kept: str | None, person: Person) -> None:
    answer = person.post("/todos", json={"title": typed})
    if kept is None:  # a line separator is space to Python's trimming, and nothing is left
        assert pointers(answer) == ["#/title"]
    else:
        assert answer.json()["title"] == kept
        assert person.get("/todos").json()[0]["title"] == kept


@pytest.mark.parametrize("title", ["", " ", "\n\t", "\u3000", "x" * 501, "🎫" * 501])
def test_a_title_has_1_to_500_characters(title: str, person: Person) -> None:
    answer = person.post("/todos", json={"title": title})
    assert pointers(answer) == ["#/title"]
    assert answer.json()["errors"][0]["detail"] == "Use 1 to 500 characters."
    assert person.get("/todos").json() == []


def test_stats_count_the_callers_own(person: Person, client: Any) -> None:
    assert person.get("/todos/stats").json() == {"total": 0, "completed": 0, "pending": 0}
    for completed in (True, False, False):
        person.add_todo(completed=completed)
    Person(client).add_todo(completed=True)
    answer = person.get("/todos/stats")
    assert answer.status_code == 200
    assert list(answer.json().items()) == [("total", 3), ("completed", 1), ("pending", 2)]
    first = person.get("/todos").json()[0]
    person.delete(f"/todos/{first['id']}")
    assert person.get("/todos/stats").json() == {"total": 2, "completed": 0, "pending": 2}


def test_an_id_is_never_given_twice(person: Person) -> None:
    last = person.add_todo()["id"]
    for _ in range(3):
        assert person.delete(f"/todos/{last}").status_code == 204
        todo = person.add_todo()
        assert todo["id"] > last
        last = todo["id"]


def test_another_ones_todo_is_neither_read_nor_changed_nor_counted(person: Person, client: Any) -> None:
    mine = person.add_todo("Mine")
    other = Person(client)
    bodies: dict[str, Any] = {"GET": None, "PUT": {"title": "x"}, "PATCH": {"title": "x"}, "DELETE": None}
    for method, body in bodies.items():
        theirs = problem(other.request(method, f"/todos/{mine['id']}", json=body), 404, "not-found")
        nobodys = problem(other.request(method, "/todos/987654321", json=body), 404, "not-found")
        assert {**theirs, "instance": ""} == {**nobodys, "instance": ""}
    assert other.get("/todos").json() == []
    assert person.get("/todos").json() == [mine]
