"""Section 1 of the contract, row by row."""

from typing import Any

from tests.support.person import Person, new_name


def test_registering_answers_exactly_id_and_username(client: Any) -> None:
    name = new_name()
    answer = client.post("/register", json={"username": name, "password": "secret123"})
    assert answer.status_code == 201
    assert answer.json() == {"id": answer.json()["id"], "username": name}


def test_an_own_todo(client: Any) -> None:
    person = Person(client)
    todo = person.add_todo()
    assert person.get("/todos").json() == [todo]
