"""Whoever makes a victim's client send something must not get it reflected, and whoever reads the log must not
find passwords in it: what was sent comes back in no refusal and stands in no log line but the path's."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.black_box.wire import ask, head
from tests.support.person import Person, new_name
from tests.support.server import Server

MARKER = "Xq7Zk2Vw9"
IN_PATH = "Pq8Zk3Vw1"  # the log has the path, and only the path

ENDPOINTS = [
    ("POST", "/register", ("username", "password")),
    ("POST", "/login", ("username", "password")),
    ("GET", "/me", ()),
    ("PUT", "/me/password", ("old_password", "new_password")),
    ("DELETE", "/me/", ()),
    ("POST", "/todos", ("title", "completed")),
    ("GET", "/todos", ()),
    ("GET", "/todos/stats", ()),
    ("GET", "/todos/{id}", ()),
    ("PUT", "/todos/{id}", ("title", "completed", "id", "created_at", "updated_at")),
    ("PATCH", "/todos/{id}", ("title", "completed")),
    ("DELETE", "/todos/{id}", ()),
    ("POST", "/token/refresh", ("refresh_token",)),
    ("POST", "/logout", ()),
    ("GET", "/sessions", ()),
    ("DELETE", "/sessions", ()),
    ("DELETE", "/sessions/{id}", ()),
    ("GET", "/.well-known/jwks.json", ()),
    ("GET", "/health", ()),
    ("POST", "/ready", ()),
    ("GET", "/nowhere", ()),
]
QUERIES = ("completed", "q", "limit", "after", "order", "access_token", MARKER)
HEADERS = [
    ("Authorization", f"Bearer {MARKER}"),
    ("Authorization", f"Basic {MARKER}"),
    ("Authorization", MARKER),
    ("Cookie", f"{MARKER}={MARKER}"),
    ("Content-Type", f"application/{MARKER}"),
    ("Content-Encoding", MARKER),
    ("Accept", MARKER),
    ("Origin", f"https://{MARKER}.example"),
    ("X-Request-ID", MARKER),
    ("X-Forwarded-For", MARKER),
    ("Forwarded", f"for={MARKER}"),
    ("User-Agent", MARKER),
    ("Referer", f"https://{MARKER}.example/"),
    ("Host", f"{MARKER}.example"),
    (f"X-{MARKER}", "1"),
]


def bodies(members: tuple[str, ...]) -> Iterator[bytes]:
    """The marker in every place of a body: names, values, of the right and of wrong types, and in no JSON at all."""
    text = MARKER
    yield from (f"{text}".encode(), f'"{text}"'.encode(), f'{{"{text}": 1}}'.encode(), f'["{text}"]'.encode())
    yield f'{{"{text}": 1, "{text}": 2}}'.encode()
    yield f'{{"{text}'.encode() + b'\xff"}'
    yield f"username={text}&password={text}".encode()
    for member in members:
        for value in (f'"{text}\\u0000"', f'["{text}"]', f'{{"{text}": "{text}"}}', f'"{text * 8000}"', f'"{text}'):
            rest = "".join(f', "{other}": "{text}"' for other in members if other != member)
            yield f'{{"{member}": {value}{rest}}}'.encode()
            yield f'{{"{member}": {value}, "{text}": "{text}"}}'.encode()


def requests(person: Person) -> Iterator[dict[str, Any]]:
    """Every endpoint with the marker in every place, one place at a time."""
    todo = str(person.add_todo()["id"])
    for method, path, members in ENDPOINTS:
        url = path.replace("{id}", todo)
        yield {"method": method, "url": f"{url}/{IN_PATH}"}
        yield {"method": method, "url": path.replace("{id}", IN_PATH)}
        yield {"method": "TRACE", "url": url, "headers": {"X-Trace": MARKER}}
        yield from ({"method": method, "url": url, "params": {name: MARKER}} for name in QUERIES)
        yield from ({"method": method, "url": url, "headers": {name: value}} for name, value in HEADERS)
        yield from ({"method": method, "url": url, "content": body} for body in bodies(members))


def test_what_was_sent_comes_back_in_no_refusal_and_in_no_log_line(server: Server, person: Person) -> None:
    refused = 0
    for request in requests(person):
        token = person.log_in() if request["url"] == "/logout" else person.token  # it may be over afterwards
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
        answer = person.client.request(
            request["method"],
            request["url"],
            params=request.get("params"),
            content=request.get("content"),
            headers={**headers, **request.get("headers", {})},
        )
        assert answer.status_code < 500, request
        if answer.status_code >= 400:
            refused += 1
            for marker in (MARKER, IN_PATH):
                assert marker.lower() not in answer.text.lower(), request
                assert marker.lower() not in str(answer.headers).lower(), request
    assert refused > 300
    assert MARKER.lower() not in server.stderr.lower()
    in_log = [line for line in server.stderr.splitlines() if IN_PATH in line]
    assert len(in_log) >= len(ENDPOINTS)
    assert all(
        line.count(IN_PATH) == line.partition('"path": "')[2].partition('"')[0].count(IN_PATH) for line in in_log
    )


@pytest.mark.parametrize("place", ["new password", "old password", "username", "password of a login"])
def test_a_refused_password_or_name_is_nowhere(place: str, server: Server, person: Person) -> None:
    secret = f"S{new_name()}"[:7]  # seven characters: one too few
    answer = {
        "new password": lambda: person.put(
            "/me/password", json={"old_password": person.password, "new_password": secret}
        ),
        "old password": lambda: person.put(
            "/me/password", json={"old_password": secret, "new_password": "long enough!"}
        ),
        "username": lambda: person.client.post("/register", json={"username": secret + " ", "password": "secret123"}),
        "password of a login": lambda: person.client.post("/login", json={**person.credentials, "password": secret}),
    }[place]()
    assert 400 <= answer.status_code < 500
    assert secret not in answer.text
    assert secret not in server.stderr


def test_bytes_that_are_not_http_are_not_repeated_either(server: Server) -> None:
    for line in (
        f"{MARKER} /me HTTP/1.1",
        f"GET {MARKER} HTTP/1.1",
        f"GET /me {MARKER}",
        f"GET /me?{MARKER}\x00 HTTP/1.1",
    ):
        answer = ask(server, head(line, [f"X-Marker: {MARKER}"]))
        assert answer.status_code == 400
        assert MARKER not in answer.text
    assert MARKER not in server.stderr
