"""Ctrl+C and SIGTERM end the server within a second with exit code 0, whatever is going on."""

import json
import os
import signal
import sqlite3
import threading
import time
from contextlib import ExitStack, closing, suppress

import httpx2
import psycopg
import pytest

from tests.black_box.conftest import Start
from tests.black_box.problem import problem
from tests.black_box.wire import Wire, head
from tests.support.person import Person
from tests.support.postgresql import Cluster
from tests.support.server import CHEAP, Server

SIGNALS = pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
JSON = "Content-Type: application/json"


def second() -> float:
    """A second, or longer while more processes want to run than there are processors for."""
    return max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))


def ends_within_a_second(server: Server, number: int) -> None:
    begun = time.perf_counter()
    server.process.send_signal(number)
    code = server.process.wait(10)
    took = time.perf_counter() - begun
    assert code == 0, server.stderr
    assert "Traceback" not in server.stderr
    assert "Cancel " not in server.stderr
    assert took < second(), took


@SIGNALS
def test_an_idle_server_ends(number: int, start: Start) -> None:
    ends_within_a_second(start(), number)


@SIGNALS
def test_open_connections_do_not_hold_it_up(number: int, start: Start) -> None:
    server = start()
    with ExitStack() as open_:
        wires = [open_.enter_context(Wire(server)) for _ in range(20)]
        for wire in wires[5:]:  # five never send anything
            wire.send(head("GET /health HTTP/1.1"))
            assert wire.read().status_code == 200
        for wire in wires[15:]:  # five are in the middle of their next request's head
            wire.send(b"GET /health HTTP/1.1\r\nHost: 127")
        ends_within_a_second(server, number)


@SIGNALS
def test_requests_that_wait_for_the_rest_of_their_body_do_not_hold_it_up(number: int, start: Start) -> None:
    server = start()
    with ExitStack() as open_:
        wires = [open_.enter_context(Wire(server)) for _ in range(5)]
        for wire in wires:
            wire.send(head("POST /login HTTP/1.1", [JSON, "Content-Length: 100"]) + b'{"username": "al')
        time.sleep(0.2)
        ends_within_a_second(server, number)
        for wire in wires:
            document = problem(wire.read(), 503, "stopping")
            (line,) = [line for line in server.stderr.splitlines() if document["instance"][9:] in line]
            assert json.loads(line)["status"] == 503


@SIGNALS
def test_passwords_that_wait_to_be_checked_do_not_hold_it_up(number: int, start: Start) -> None:
    """Sixty-four logins at the full price are a second and a half of work for one core."""
    server = start({})
    body = b'{"username": "nobody", "password": "secret123"}'
    with ExitStack() as open_:
        for _ in range(64):
            wire = open_.enter_context(Wire(server))
            wire.send(head("POST /login HTTP/1.1", [JSON, f"Content-Length: {len(body)}"]) + body)
        time.sleep(0.1)
        ends_within_a_second(server, number)


@pytest.mark.postgresql
@SIGNALS
def test_a_database_that_lets_a_request_wait_does_not_hold_it_up(number: int, start: Start, cluster: Cluster) -> None:
    name = cluster.new_database()
    server = start({**CHEAP, "COATCHECK_DATABASE_URL": cluster.url(name)})
    with server.client() as client:
        person = Person(client)
        todo = person.add_todo()
    change = b'{"completed": true}'
    headers = [JSON, f"Content-Length: {len(change)}", f"Authorization: Bearer {person.token}"]
    with psycopg.connect(cluster.url(name)) as other, Wire(server) as wire:
        other.execute("SELECT * FROM todos FOR UPDATE")
        wire.send(head(f"PATCH /todos/{todo['id']} HTTP/1.1", headers) + change)
        time.sleep(0.3)
        ends_within_a_second(server, number)
    cluster.drop_database(name)


@SIGNALS
def test_another_process_that_is_writing_does_not_hold_it_up(number: int, start: Start) -> None:
    """SQLite lets one process write at a time; a request waits up to five seconds for its turn."""
    server = start()
    with server.client() as client:
        person = Person(client)
    body = b'{"title": "x"}'
    headers = [JSON, f"Content-Length: {len(body)}", f"Authorization: Bearer {person.token}"]
    with closing(sqlite3.connect(server.folder / "data" / "coatcheck.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with Wire(server) as wire:
            wire.send(head("POST /todos HTTP/1.1", headers) + body)
            time.sleep(0.3)
            ends_within_a_second(server, number)
            assert wire.read().status_code == 503


def test_what_was_answered_before_the_signal_is_kept(start: Start) -> None:
    server = start()
    acknowledged: list[int] = []
    with server.client() as client:
        person = Person(client)

        def add() -> None:
            with suppress(httpx2.TransportError):
                while (answer := person.post("/todos", json={"title": "x"})).status_code == 201:
                    acknowledged.append(answer.json()["id"])

        threads = [threading.Thread(target=add) for _ in range(4)]
        for thread in threads:
            thread.start()
        time.sleep(0.5)
        ends_within_a_second(server, signal.SIGTERM)
        for thread in threads:
            thread.join()
    with start(server.settings).client() as client:
        person.client = client
        assert acknowledged
        for number in acknowledged:
            assert person.get(f"/todos/{number}").status_code == 200


def test_a_second_signal_does_no_harm(start: Start) -> None:
    server = start()
    with Wire(server) as wire:
        wire.send(head("POST /login HTTP/1.1", [JSON, "Content-Length: 100"]))
        time.sleep(0.1)
        server.process.send_signal(signal.SIGINT)
        time.sleep(0.05)
        ends_within_a_second(server, signal.SIGINT)
