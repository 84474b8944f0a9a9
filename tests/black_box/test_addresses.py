"""Addresses: which there are, under which names, and what the others answer."""

from typing import Any

import pytest

from tests.black_box.problem import problem
from tests.support.person import Person

OPERATIONS = {
    ("post", "/register"): "register",
    ("post", "/login"): "login",
    ("get", "/me"): "get_me",
    ("delete", "/me"): "delete_me",
    ("put", "/me/password"): "change_password",
    ("post", "/token/refresh"): "refresh",
    ("post", "/logout"): "log_out",
    ("get", "/sessions"): "list_sessions",
    ("delete", "/sessions"): "end_sessions",
    ("delete", "/sessions/{id}"): "end_session",
    ("get", "/todos"): "list_todos",
    ("post", "/todos"): "add_todo",
    ("get", "/todos/stats"): "get_stats",
    ("get", "/todos/{id}"): "get_todo",
    ("put", "/todos/{id}"): "replace_todo",
    ("patch", "/todos/{id}"): "change_todo",
    ("delete", "/todos/{id}"): "delete_todo",
    ("get", "/.well-known/jwks.json"): "get_keys",
    ("get", "/health"): "health",
    ("get", "/ready"): "ready",
}
ALLOWED = {
    "/register": "POST",
    "/login": "POST",
    "/me": "DELETE, GET",
    "/me/password": "PUT",
    "/todos": "GET, POST",
    "/todos/1": "DELETE, GET, PATCH, PUT",
    "/.well-known/jwks.json": "GET, HEAD",
    "/health": "GET, HEAD",
    "/ready": "GET, HEAD",
    "/docs": "GET, HEAD",
    "/redoc": "GET, HEAD",
    "/openapi.json": "GET, HEAD",
    "/": "GET",
    "/docs-assets/start/swagger.js": "GET, HEAD",
    "/docs-assets/bundles/swagger-ui.css": "GET, HEAD",
}


def test_operation_ids_never_change(client: Any) -> None:
    """Generated clients name their functions after them."""
    paths = client.get("/openapi.json").json()["paths"]
    found = {
        (method, path): operation["operationId"] for path, item in paths.items() for method, operation in item.items()
    }
    assert found == OPERATIONS


@pytest.mark.parametrize(
    "path", [path for path in [*ALLOWED, "/todos/stats"] if path != "/" and "assets" not in path]
)
def test_a_trailing_slash_is_404_and_no_redirect(path: str, person: Person) -> None:
    for method in ("GET", "POST", "PUT", "DELETE"):
        problem(person.request(method, f"{path}/", json={"title": "x"}), 404, "not-found")


@pytest.mark.parametrize(("path", "methods"), ALLOWED.items())
def test_a_wrong_method_is_405_and_names_all_that_are_right(path: str, methods: str, person: Person) -> None:
    for method in {"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"} - set(methods.split(", ")):
        for ask in (person.request, person.client.request):
            answer = ask(method, path)
            problem(answer, 405, "method-not-allowed")
            assert answer.headers["allow"] == methods


def test_stats_take_get_alone_though_they_look_like_a_todo(person: Person) -> None:
    for method in ("PUT", "PATCH", "DELETE"):
        problem(person.request(method, "/todos/stats", json={"title": "x"}), 404, "not-found")
    answer = person.post("/todos/stats", json={"title": "x"})
    problem(answer, 405, "method-not-allowed")


@pytest.mark.parametrize(
    "path", ["/nowhere", "/todo", "/users", "/auth/login", "/.well-known/nothing", "/docs/oauth2-redirect"]
)
def test_an_unknown_address_is_404(path: str, person: Person) -> None:
    problem(person.client.get(path), 404, "not-found")
    problem(person.post(path, content=b"[" * 60_000), 404, "not-found")


def test_the_first_page_leads_to_the_docs(client: Any) -> None:
    answer = client.get("/")
    assert (answer.status_code, answer.headers["location"]) == (307, "docs")
    assert client.get("/", follow_redirects=True).headers["content-type"].startswith("text/html")
