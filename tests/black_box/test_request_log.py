"""The request log: one JSON line for each request, under the id that the caller sees, with nothing secret in it."""

import json
import re
import time
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.black_box.problem import problem
from tests.black_box.wire import ask, head
from tests.support.person import Person
from tests.support.server import Server

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def lines_of(server: Server, identity: str) -> list[dict[str, Any]]:
    """The lines with this id; the first may be written a moment after the answer."""
    deadline = time.monotonic() + 5
    while True:
        found = [json.loads(line) for line in server.stderr.splitlines() if identity in line]
        if found or time.monotonic() > deadline:
            return found
        time.sleep(0.01)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/me", 200),
        ("GET", "/todos?q=hidden", 200),
        ("GET", "/todos/0", 404),
        ("HEAD", "/health", 200),
        ("PATCH", "/me", 405),
        ("GET", "/nowhere", 404),
        ("GET", "/docs", 200),
        ("POST", "/todos", 422),
    ],
)
def test_each_request_has_one_line(
    method: str, path: str, status: int, sqlite_server: Server, sqlite_person: Person
) -> None:
    answer = sqlite_person.request(method, path)
    assert answer.status_code == status
    identity = answer.headers["x-request-id"]
    assert UUID.fullmatch(identity)
    (line,) = lines_of(sqlite_server, identity)
    assert list(line) == ["time", "method", "path", "status", "ms", "request_id"]
    assert (line["method"], line["path"], line["status"]) == (method, path.partition("?")[0], status)
    assert line["request_id"] == identity
    assert 0 < line["ms"] < 10_000
    assert abs((datetime.now(UTC) - datetime.fromisoformat(line["time"])).total_seconds()) < 30


def test_a_refusal_its_answer_and_its_line_have_one_id(sqlite_server: Server, sqlite_person: Person) -> None:
    answer = sqlite_person.get("/todos/999999")
    document = problem(answer, 404, "not-found")
    (line,) = lines_of(sqlite_server, answer.headers["x-request-id"])
    assert document["instance"] == f"urn:uuid:{line['request_id']}"


def test_the_client_does_not_choose_the_id(sqlite_server: Server, sqlite_person: Person) -> None:
    chosen = "11111111-2222-3333-4444-555555555555"
    answers = [sqlite_person.get("/me", headers={"X-Request-ID": chosen}) for _ in range(2)]
    identities = [answer.headers.get_list("x-request-id") for answer in answers]
    assert len({identity for (identity,) in identities} | {chosen}) == 3
    assert chosen not in sqlite_server.stderr


def test_a_path_cannot_forge_a_line(sqlite_server: Server) -> None:
    path = '/x%0a{"status":200}%0d\x7e"'
    answer = ask(sqlite_server, head(f"GET {path} HTTP/1.1"))
    (line,) = lines_of(sqlite_server, answer.headers["x-request-id"])
    assert line["path"] == path
    assert line["status"] == 404


def test_no_token_password_or_query_is_in_the_log(sqlite_server: Server, sqlite_person: Person) -> None:
    sqlite_person.get("/todos", params={"q": "whatIsearch", "access_token": sqlite_person.token})
    last = sqlite_person.get("/me", headers={"Cookie": "session=crumbs"})
    assert lines_of(sqlite_server, last.headers["x-request-id"])
    for secret in (sqlite_person.token, sqlite_person.password, sqlite_person.username, "whatIsearch", "crumbs"):
        assert secret not in sqlite_server.stderr


def test_nothing_else_is_written(sqlite_server: Server, sqlite_person: Person) -> None:
    # What came before is written when a later request's line is there.
    assert lines_of(sqlite_server, sqlite_person.get("/me").headers["x-request-id"])
    before = len(sqlite_server.stderr)
    answer = sqlite_person.get("/me")
    assert lines_of(sqlite_server, answer.headers["x-request-id"])
    (line,) = sqlite_server.stderr[before:].splitlines()
    assert json.loads(line)["request_id"] == answer.headers["x-request-id"]
