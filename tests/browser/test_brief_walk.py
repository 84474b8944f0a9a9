"""The brief's own walk: open /docs, register, log in, Authorize, add a todo, list the todos."""

from collections.abc import Callable

import pytest

from tests.browser.chromium import Visit
from tests.support.person import Person
from tests.support.server import Server

pytestmark = pytest.mark.browser

Open = Callable[..., Visit]


@pytest.mark.parametrize("width", [1280, 400])
def test_a_newcomer_gets_from_docs_to_a_list_of_todos_without_typing(
    visit: Open, new_server: Server, width: int
) -> None:
    docs = visit(new_server.url, "/docs", width)
    assert docs.execute_json("register") == (201, {"id": 1, "username": "alice"})

    status, login = docs.execute_json("login")
    assert (status, set(login), login["token_type"]) == (200, {"access_token", "token_type"}, "bearer")
    assert login["access_token"].startswith("eyJhbG")

    assert "without quotes and without the word Bearer" in docs.authorize(login["access_token"])
    status, todo = docs.execute_json("add_todo")
    assert (status, todo["id"], todo["title"], todo["completed"]) == (201, 1, "Learn JWT", False)
    assert docs.execute_json("list_todos") == (200, [todo])
    assert docs.elsewhere() == []
    assert docs.complaints == []


def test_locally_authorize_survives_a_reload_and_the_password_can_be_changed(visit: Open, new_server: Server) -> None:
    with new_server.client() as client:
        token = Person(client, "alice").token
    docs = visit(new_server.url, "/docs")
    status, refusal = docs.execute_json("change_password")
    assert (status, refusal["title"]) == (401, "Not signed in")

    docs.authorize(token)
    docs.page.reload()
    docs.operation("change_password").wait_for()
    assert docs.signed_in()
    assert docs.execute("change_password") == (204, "")
    status, refusal = docs.execute_json("login")
    assert (status, refusal["title"]) == (401, "Wrong username or password")


def test_one_todo_is_read_replaced_changed_and_deleted_with_the_examples_untouched(
    visit: Open, new_server: Server
) -> None:
    with new_server.client() as client:
        person = Person(client)
        assert person.add_todo()["id"] == 1
    docs = visit(new_server.url, "/docs")
    docs.authorize(person.token)
    operations = ("get_todo", "replace_todo", "change_todo", "delete_todo")
    assert {name: docs.execute(name)[0] for name in operations} == dict(
        zip(operations, (200, 200, 200, 204), strict=True)
    )
