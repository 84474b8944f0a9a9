"""JSON as it should be with values that should not: each is named by a pointer, refused, and changes nothing."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.black_box.problem import pointers, problem
from tests.black_box.unchanged import nothing_changes
from tests.support.person import Person, new_name
from tests.support.server import Server

NO_STRINGS: list[Any] = [0, 1, -1, 1.5, 10**30, 2**63, True, False, None, [], ["x"], {}, {"title": "x"}]
NO_BOOLEANS: list[Any] = [0, 1, "true", "false", "", None, [], {}, 1.0, "yes"]
CONTROLS = ["\x00", "\x01", "\x08", "\x0b", "\x1f", "\x7f", "\x80", "\x85", "\x9f", "\n", "\r", "\t", "\x1b"]


@pytest.mark.parametrize("value", NO_STRINGS)
def test_a_title_is_a_string(value: Any, person: Person) -> None:
    todo = person.add_todo()
    with nothing_changes(person):
        for answer in (
            person.post("/todos", json={"title": value}),
            person.put(f"/todos/{todo['id']}", json={"title": value}),
            person.patch(f"/todos/{todo['id']}", json={"title": value}),
        ):
            assert pointers(answer) == ["#/title"]
            assert answer.json()["errors"][0]["detail"] == "This must be a string."


@pytest.mark.parametrize("value", NO_BOOLEANS)
def test_completed_is_true_or_false(value: Any, person: Person) -> None:
    todo = person.add_todo()
    with nothing_changes(person):
        for answer in (
            person.post("/todos", json={"title": "x", "completed": value}),
            person.put(f"/todos/{todo['id']}", json={"title": "x", "completed": value}),
            person.patch(f"/todos/{todo['id']}", json={"completed": value}),
        ):
            assert pointers(answer) == ["#/completed"]
            assert answer.json()["errors"][0]["detail"] == "This must be true or false."


@pytest.mark.parametrize("control", CONTROLS)
def test_a_title_has_no_control_characters(control: str, person: Person) -> None:
    todo = person.add_todo()
    with nothing_changes(person):
        for answer in (
            person.post("/todos", json={"title": f"a{control}b"}),
            person.put(f"/todos/{todo['id']}", json={"title": f"a{control}b"}),
            person.patch(f"/todos/{todo['id']}", json={"title": f"a{control}b"}),
        ):
            assert pointers(answer) == ["#/title"]
            expected = "Leave out control characters, such as line breaks."
            assert answer.json()["errors"][0]["detail"] == expected


def test_every_mistake_is_named(person: Person) -> None:
    with nothing_changes(person):
        answer = person.post("/todos", json={"title": 1, "completed": "x", "more": 2})
        assert sorted(pointers(answer)) == ["#", "#/completed", "#/title"]
        answer = person.get("/todos?limit=0&after=x&order=y&completed=z")
        assert sorted(pointers(answer)) == ["?after", "?completed", "?limit", "?order"]
        assert pointers(person.client.post("/login", json={})) == ["#/username", "#/password"]


@pytest.mark.parametrize("value", NO_STRINGS)
@pytest.mark.parametrize("member", ["username", "password"])
def test_names_and_passwords_are_strings(member: str, value: Any, client: Any) -> None:
    body = {"username": new_name(), "password": "secret123", member: value}
    for path in ("/register", "/login"):
        assert pointers(client.post(path, json=body)) == [f"#/{member}"]


@pytest.mark.parametrize("member", ["old_password", "new_password"])
def test_a_password_change_needs_two_strings(member: str, person: Person) -> None:
    change: dict[str, Any] = {"old_password": person.password, "new_password": "long enough"}
    no_strings: list[Any] = [None, 1, ["long enough"], {}]
    with nothing_changes(person):
        for value in no_strings:
            assert pointers(person.put("/me/password", json={**change, member: value})) == [f"#/{member}"]
        del change[member]
        assert pointers(person.put("/me/password", json=change)) == [f"#/{member}"]


NO_IDS = [
    *("0", "-1", "-0", "+1", "01", "1.0", "1e0", "1_0", "0x1", " 1", "1 ", "%201", "1%00", "%00", "1;2", "1,2"),
    *("１", "١", "²", "Ⅷ"),
    *("null", "true", "NaN", "x", "stats2", "1%2F2", "%FF", "%zz", "%", "'", '"', "1'--", "*", "{id}"),
    *(str(2**31), str(2**63 - 1), str(2**63), str(2**64), str(2**64 + 1)),
    *("9" * 19, "9" * 20, "9" * 5_000, "-" + "9" * 30),
]


@pytest.mark.parametrize("no_id", NO_IDS)
def test_what_is_no_id_of_the_callers_is_404(no_id: str, person: Person) -> None:
    person.add_todo()
    bodies: dict[str, Any] = {"GET": None, "PUT": {"title": "x"}, "PATCH": {}, "DELETE": None}
    with nothing_changes(person):
        for method, body in bodies.items():
            problem(person.request(method, f"/todos/{no_id}", json=body), 404, "not-found")


def test_an_own_id_in_another_spelling_is_404(person: Person) -> None:
    number = person.add_todo()["id"]
    wide = "".join(chr(ord(digit) + 0xFEE0) for digit in str(number))
    for spelling in (f"0{number}", f"+{number}", f"{number}.0", wide, f"%20{number}", f"{number}%20", f"{number}/"):
        problem(person.get(f"/todos/{spelling}"), 404, "not-found")
        problem(person.delete(f"/todos/{spelling}"), 404, "not-found")
    assert person.get(f"/todos/{number}").status_code == 200


def test_a_path_that_names_nothing_is_404_before_the_body_is_judged(person: Person) -> None:
    problem(person.put("/todos/first", json={"title": 1}), 404, "not-found")


ODD = [
    *("", " ", "\x00", "a\x00b", "\x7f", "\n", "alice ", " alice", "a b", "../x", "\\", "'--", "%", "_"),
    *("ﷺ", "\u200d", "\u202e", "א1a", "\U0010ffff", "\ufeff", "ſ", "🎫", "ı"),
    *("a" * 254, "a" * 255, "ﬀ" * 200, "a" * 60_000, "é" * 30_000),
]


@pytest.mark.parametrize("odd", ODD)
def test_logging_in_with_an_odd_name_or_password_is_the_ordinary_401(odd: str, person: Person) -> None:
    for body in ({"username": odd, "password": person.password}, {"username": person.username, "password": odd}):
        document = problem(person.client.post("/login", json=body), 401, "wrong-credentials")
        assert document["detail"] == "Wrong username or password."


@settings(max_examples=150, deadline=None)
@given(username=st.text(max_size=300), password=st.text(max_size=1_100))
def test_logging_in_with_any_strings_is_the_ordinary_401(username: str, password: str, sqlite_server: Server) -> None:
    with sqlite_server.client() as client:  # each from an address of its own
        answer = client.post("/login", json={"username": username, "password": password})
    if answer.status_code == 429:  # the sixth time that this name was made up
        problem(answer, 429, "too-many-attempts")
    else:
        problem(answer, 401, "wrong-credentials")
