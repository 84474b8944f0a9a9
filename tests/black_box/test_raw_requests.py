"""Requests that no HTTP client would send, written byte by byte: no 5xx, no trace, and the next caller is served."""

import pytest

from tests.black_box.problem import problem
from tests.black_box.unchanged import nothing_changes
from tests.black_box.wire import Wire, ask, chunked, head
from tests.support.person import Person
from tests.support.server import Server

JSON = "Content-Type: application/json"


def of(person: Person) -> str:
    return f"Authorization: Bearer {person.token}"


@pytest.mark.parametrize(
    "path",
    [
        *("/todos/%zz", "/todos/%", "/todos/%f", "/todos/%ff", "/todos/%00", "/todos/1%00", "/todos/%ed%a0%80", "/%"),
        *(
            "//todos",
            "/todos//",
            "/./todos",
            "/todos/../todos",
            "/todos/..%2f",
            "/%2e%2e/app.py",
            "/TODOS",
            "/todos;x",
        ),
        *("/docs-assets/start/%00", "/docs-assets/start/../../app.py", "/docs-assets/start/%2e%2e/serve.py"),
        *("/docs-assets/start/" + "a" * 5_000, "/docs-assets/start//etc/passwd", "/docs-assets/bundles/"),
        "/todos/" + "9" * 60_000,
        "/" + "a" * 60_000,
        "/" + "%00" * 20_000,
        "/" + "a/" * 30_000,
    ],
)
def test_an_odd_path_is_404(path: str, server: Server, person: Person) -> None:
    with nothing_changes(person):
        for method in ("GET", "DELETE"):
            answer = ask(server, head(f"{method} {path} HTTP/1.1", [of(person)]))
            allowed = "GET" if "assets" in path else "GET, DELETE"
            name = "not-found" if method in allowed else "method-not-allowed"
            problem(answer, 404 if method in allowed else 405, name)


@pytest.mark.parametrize(
    "query",
    ["%zz", "%", "&&&", "=", "q", "q=%ff", "q=%ed%a0%80", "limit", "a" * 60_000, "&" * 60_000, "q=a&" * 15_000],
)
def test_an_odd_query_is_no_5xx(query: str, server: Server, person: Person) -> None:
    answer = ask(server, head(f"GET /todos?{query} HTTP/1.1", [of(person)]))
    assert answer.status_code == 200 or problem(answer, 422, "invalid")


@pytest.mark.parametrize(
    "request_line",
    [
        *("FOO /todos HTTP/1.1", "get /todos HTTP/1.1", "CONNECT 127.0.0.1:80 HTTP/1.1", "GET todos HTTP/1.1"),
        *("GET http://evil.example HTTP/1.1", "GET /todos HTTP/9.9", "\x16\x03\x01"),
        *("GET /todos\x00 HTTP/1.1", "GET /tod\xff HTTP/1.1", "PRI * HTTP/2.0"),
    ],
)
def test_what_is_not_http_is_closed_by_the_server(request_line: str, server: Server, person: Person) -> None:
    with nothing_changes(person):
        answer = ask(server, head(request_line))
        assert answer.status_code in {400, 404}
        assert "Traceback" not in server.stderr


@pytest.mark.parametrize(
    "headers",
    [
        ["Content-Length: abc"],
        ["Content-Length: -1"],
        ["Content-Length: 2, 2"],
        ["Content-Length: 2", "Content-Length: 3"],
        ["Content-Length: 2", "Transfer-Encoding: chunked"],
        ["Transfer-Encoding: chunked, x"],
        ["Content-Length: " + "9" * 40],
        ["Transfer-Encoding: chunked"],
        ["No colon here"],
        ["Bad\x00Name: 1"],
        ["X: \x00"],
        ["X : 1"],
        ["X: 1", " folded"],
    ],
)
def test_headers_that_two_readers_would_read_differently_are_refused(headers: list[str], server: Server) -> None:
    answer = ask(server, head("POST /login HTTP/1.1", [JSON, *headers]) + b"{}")
    assert answer.status_code == 400
    assert answer.headers["connection"] == "close"


@pytest.mark.parametrize(
    "method", ["TRACE", "OPTIONS", "PROPFIND", "LOCK", "PURGE", "SUBSCRIBE", "HEAD", "PUT", "DELETE"]
)
def test_an_unsupported_method_is_405_with_all_that_are(method: str, server: Server, person: Person) -> None:
    with nothing_changes(person):
        answer = ask(server, head(f"{method} /todos HTTP/1.1", [of(person), "Connection: close"]))
        if method == "HEAD":
            assert answer.status_code == 405
        else:
            problem(answer, 405, "method-not-allowed")
        assert answer.headers["allow"] == "GET, POST"


def test_very_long_and_very_many_headers_are_no_5xx(server: Server, person: Person) -> None:
    for headers in (
        ["X: " + "a" * 60_000],
        ["X: b"] * 3_000,
        ["X" * 60_000 + ": b"],
        ["Cookie: " + "a=b; " * 12_000],
    ):
        answer = ask(server, head("GET /me HTTP/1.1", [of(person), *headers]))
        assert answer.status_code < 500
        problem(ask(server, head("GET /me HTTP/1.1", headers)), 401, "no-credentials")


@pytest.mark.parametrize("header", ["X: ", "X-Forwarded-For: 1.1.1.1, ", "Cookie: a=b; ", "X: b\r\nY: "])
def test_a_head_of_more_than_64_kib_is_431_and_the_server_goes_on(
    header: str, server: Server, person: Person
) -> None:
    """A megabyte of headers would keep everybody waiting while it is gone through."""
    for size in (66_000, 1_000_000):
        with Wire(server) as wire:
            wire.send(head("GET /me HTTP/1.1", [of(person), header + "a" * size]))
            answer = wire.read()
            assert (answer.status_code, answer.headers["connection"]) == (431, "close")
            assert "65536" in answer.text
            assert wire.closed()
    assert person.get("/me").status_code == 200


def test_a_head_that_never_ends_is_431(server: Server) -> None:
    for start in (b"GET /", b"GET / HTTP/1.1\r\nX: ", b"GET / HTTP/1.1\r\nX"):
        with Wire(server) as wire:
            wire.send(start)
            for _ in range(8):
                wire.send(b"a" * 50_000)
            assert wire.read().status_code == 431


def test_behind_a_request_that_is_not_answered_yet_it_mixes_with_no_answer(server: Server, person: Person) -> None:
    plain = head("GET /me HTTP/1.1", [of(person)])
    with Wire(server) as wire:
        wire.send(plain + head("GET /me HTTP/1.1", ["X: " + "a" * 66_000]))
        answer = wire.read()
        if answer.status_code == 200:
            answer = wire.read()
        assert answer.status_code == 431
        assert wire.closed()


def test_every_head_of_a_connection_and_no_body_counts_for_itself(server: Server, person: Person) -> None:
    """In pieces, too: a head that comes with a large body behind it is no larger for it."""
    body = b'{"title": "' + b"a" * 40_000 + b'"}'
    sent = (
        head("POST /todos HTTP/1.1", [JSON, of(person), "X: " + "a" * 40_000, f"Content-Length: {len(body)}"]) + body
    )
    with Wire(server) as wire:
        for _ in range(3):
            wire.send(sent[:20])
            wire.send(sent[20:])
            assert wire.read().status_code == 422


@pytest.mark.parametrize(
    "host", ["a" * 60_000, "", " ", "\xe9", "[", "]", "[::1", "@", "a@localhost", "%", "localhost/", "?", "#"]
)
def test_a_host_that_is_none_is_421(host: str, server: Server, person: Person) -> None:
    problem(ask(server, head("GET /me HTTP/1.1", [of(person)], host)), 421, "not-local")


def test_no_host_and_two_hosts_are_421(server: Server, person: Person) -> None:
    problem(ask(server, head("GET /me HTTP/1.1", [of(person)], None)), 421, "not-local")
    problem(ask(server, head("GET /me HTTP/1.0", [of(person)], None)), 421, "not-local")
    problem(ask(server, head("GET /me HTTP/1.1", [of(person), "Host: localhost"], "localhost")), 421, "not-local")


def test_a_strangers_body_is_refused_before_it_is_read(server: Server, person: Person) -> None:
    """A stranger who announces 64 KiB gets the 401 without sending one byte of it."""
    with Wire(server) as wire:
        wire.send(head("POST /todos HTTP/1.1", [JSON, f"Content-Length: {64 * 1024}"]))
        problem(wire.read(), 401, "no-credentials")
    with Wire(server) as wire:
        wire.send(head("POST /todos HTTP/1.1", [JSON, "Transfer-Encoding: chunked"]))
        problem(wire.read(), 401, "no-credentials")
    with Wire(server) as wire:
        wire.send(head("POST /todos HTTP/1.1", [JSON, of(person) + "x", "Content-Length: 9999999999"]))
        problem(wire.read(), 401, "invalid-token")


def test_too_large_a_body_is_refused_before_it_is_read(server: Server, person: Person) -> None:
    with Wire(server) as wire:
        wire.send(head("POST /todos HTTP/1.1", [JSON, of(person), f"Content-Length: {64 * 1024 + 1}"]))
        answer = wire.read()
        problem(answer, 413, "too-large")
        assert answer.headers["connection"] == "close"


def test_a_chunked_body_is_refused_once_it_is_too_large(server: Server, person: Person) -> None:
    """It has no length to go by and need never end."""
    with nothing_changes(person), Wire(server) as wire:
        wire.send(head("POST /todos HTTP/1.1", [JSON, of(person), "Transfer-Encoding: chunked"]))
        wire.send(b"10001\r\n" + b" " * 65_537 + b"\r\n")
        problem(wire.read(), 413, "too-large")


def test_a_chunked_body_is_a_body_like_any_other(server: Server, person: Person) -> None:
    request = head("POST /todos HTTP/1.1", [JSON, of(person), "Transfer-Encoding: chunked"])
    answer = ask(server, request + chunked(*(bytes([byte]) for byte in b'{"title": "bit by bit"}')))
    assert answer.json()["title"] == "bit by bit"


def test_a_body_that_is_cut_off_adds_nothing(server: Server, person: Person) -> None:
    with nothing_changes(person):
        with Wire(server) as wire:
            wire.send(head("POST /todos HTTP/1.1", [JSON, of(person), "Content-Length: 100"]) + b'{"title": "x"}')
        with Wire(server) as wire:
            wire.send(head("POST /todos HTTP/1.1", [JSON, of(person), "Transfer-Encoding: chunked"]) + b"zz\r\n")
            assert wire.read().status_code == 400


def test_the_rest_of_a_refused_body_is_not_taken_for_a_request(server: Server, person: Person) -> None:
    """Smuggling: a body that looks like a request, behind a refusal on a connection that stays open."""
    inner = head("DELETE /me HTTP/1.1", [of(person)])
    with Wire(server) as wire:
        wire.send(head("POST /todos HTTP/1.1", [JSON, f"Content-Length: {len(inner)}"]) + inner)
        problem(wire.read(), 401, "no-credentials")
        wire.send(head("GET /me HTTP/1.1", [of(person)]))
        assert wire.read().json()["id"] == person.id
    assert person.get("/me").status_code == 200


def test_requests_in_a_row_are_answered_in_their_order(server: Server, person: Person) -> None:
    with Wire(server) as wire:
        wire.send(b"".join(head(f"GET {path} HTTP/1.1", [of(person)]) for path in ("/me", "/todos", "/todos/x")))
        assert [wire.read().status_code for _ in range(3)] == [200, 200, 404]
