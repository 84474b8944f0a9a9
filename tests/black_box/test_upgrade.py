"""Clients that offer another protocol (RFC 9110 section 7.8) are served in HTTP/1.1: Java's HttpClient offers h2c
with every request, and a body that comes with the offer must not be lost."""

import pytest

from tests.black_box.problem import problem
from tests.black_box.unchanged import nothing_changes
from tests.black_box.wire import Wire, ask, chunked, head
from tests.support.person import Person
from tests.support.server import Server

H2C = ["Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAEAAEAAAAIAAAAAAAMAAAAAAAQBAAAA"]
BODY = b'{"title": "from Java"}'


def request(person: Person, *more: str) -> bytes:
    return head(
        "POST /todos HTTP/1.1",
        ["Content-Type: application/json", f"Authorization: Bearer {person.token}", *H2C, *more],
    )


def test_a_body_with_a_length_arrives(server: Server, person: Person) -> None:
    answer = ask(server, request(person, f"Content-Length: {len(BODY)}") + BODY)
    assert (answer.status_code, answer.json()["title"]) == (201, "from Java")


def test_a_chunked_body_arrives(server: Server, person: Person) -> None:
    answer = ask(server, request(person, "Transfer-Encoding: chunked") + chunked(BODY[:5], BODY[5:]))
    assert (answer.status_code, answer.json()["title"]) == (201, "from Java")


def test_it_may_come_in_any_number_of_pieces(server: Server, person: Person) -> None:
    whole = request(person, f"Content-Length: {len(BODY)}") + BODY
    for size in (1, 7, len(whole) - len(BODY), len(whole) - 3):
        with Wire(server) as wire:
            for start in range(0, len(whole), size):
                wire.send(whole[start : start + size])
            assert wire.read().status_code == 201


def test_the_connection_serves_on(server: Server, person: Person) -> None:
    plain = head("GET /me HTTP/1.1", [f"Authorization: Bearer {person.token}"])
    whole = request(person, f"Content-Length: {len(BODY)}") + BODY
    with Wire(server) as wire:
        for data in (plain, whole, plain, whole + plain):
            wire.send(data)
            assert wire.read().status_code in {200, 201}
        assert wire.read().json()["id"] == person.id


@pytest.mark.parametrize(
    "connection", ["close, Upgrade", "Upgrade,HTTP2-Settings ,, Close", "upgrade\r\nConnection: close"]
)
def test_what_else_is_said_about_the_connection_holds(connection: str, server: Server, person: Person) -> None:
    with Wire(server) as wire:
        whole = request(person, f"Content-Length: {len(BODY)}") + BODY
        wire.send(whole.replace(b"Connection: Upgrade, HTTP2-Settings", f"Connection: {connection}".encode()))
        answer = wire.read()
        assert (answer.status_code, answer.headers["connection"]) == (201, "close")
        assert wire.closed()


def test_answers_of_one_connection_stay_in_order(server: Server, person: Person) -> None:
    """An offer behind an unfinished request: whatever becomes of it, no answer is mixed with another."""
    plain = head("GET /me HTTP/1.1", [f"Authorization: Bearer {person.token}"])
    with Wire(server) as wire:
        wire.send(plain + request(person, f"Content-Length: {len(BODY)}") + BODY)
        assert wire.read().json()["id"] == person.id
        assert wire.read().status_code in {201, 422}


def test_the_same_rules_hold(server: Server, person: Person) -> None:
    with nothing_changes(person):
        anonymous = head("POST /todos HTTP/1.1", [*H2C, f"Content-Length: {len(BODY)}"]) + BODY
        problem(ask(server, anonymous), 401, "no-credentials")
        problem(ask(server, request(person, "Content-Length: 65537")), 413, "too-large")
        both = request(person, "Content-Length: 2", "Transfer-Encoding: chunked") + BODY
        assert ask(server, both).status_code == 400
        stranger = request(person, f"Content-Length: {len(BODY)}").replace(b"Host: 127.0.0.1", b"Host: evil.example")
        problem(ask(server, stranger + BODY), 421, "not-local")


@pytest.mark.parametrize("protocol", ["h2c", "TLS/1.0", "websocket", "\xff"])
def test_the_log_stays_json(protocol: str, server: Server, person: Person) -> None:
    answer = ask(
        server,
        head(
            "GET /me HTTP/1.1",
            [f"Authorization: Bearer {person.token}", "Connection: upgrade", f"Upgrade: {protocol}"],
        ),
    )
    assert answer.status_code < 500
    assert "pgrade" not in server.stderr
    assert "WebSocket" not in server.stderr
