"""The limits where a client meets them: at login, with the old password, at registration, at a refresh."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from coatcheck import Coatcheck
from coatcheck.passwords import Turn
from tests.support.app import make_app
from tests.support.clock import Clock
from tests.support.person import PASSWORD, Person
from tests.support.sql import run_sql

WRONG = "a guess that is wrong"


@pytest.fixture
def client(local_client: TestClient) -> TestClient:
    return local_client


def call(client: TestClient, function: Callable[..., Any], *arguments: object) -> Any:
    assert client.portal is not None
    return client.portal.call(function, *arguments)


def users(client: TestClient) -> Any:
    app: Any = client.app
    return app.state.coatcheck.users


def log_in(client: TestClient, username: str, password: str = WRONG) -> httpx2.Response:
    return client.post("/login", json={"username": username, "password": password})


def lock(client: TestClient, username: str) -> None:
    for _ in range(5):
        assert log_in(client, username).status_code == 401


def test_after_five_wrong_passwords_even_the_right_one_waits(client: TestClient, clock: Clock) -> None:
    alice = Person(client)
    lock(client, alice.username)
    answer = log_in(client, alice.username, PASSWORD)
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "30")
    assert answer.json()["type"] == "urn:coatcheck:problem:too-many-attempts"
    assert answer.json()["detail"] == "Too many wrong passwords. Wait 30 seconds, then try again."
    clock.forward(30)
    assert log_in(client, alice.username, PASSWORD).status_code == 200
    assert log_in(client, alice.username).status_code == 401


def test_v6_3_8_a_name_that_nobody_has_and_one_that_nobody_can_have_wait_alike(client: TestClient) -> None:
    names = Person(client).username, "nobody", "two words", ""
    for name in names:
        lock(client, name)
    answers = [log_in(client, name) for name in names]
    documents = [{**answer.json(), "instance": None} for answer in answers]
    assert documents == [documents[0]] * len(names)
    assert {answer.headers["retry-after"] for answer in answers} == {"30"}
    assert {tuple(answer.headers) for answer in answers} == {tuple(answers[0].headers)}


def test_every_spelling_of_a_name_counts_as_one(client: TestClient) -> None:
    Person(client, "alice")
    for name in ("alice", "Alice", "ALICE", "ａｌｉｃｅ", "aLICE"):
        assert log_in(client, name).status_code == 401
    assert log_in(client, "alicE").status_code == 429


def test_a_disabled_account_counts_with_the_right_password_too(client: TestClient) -> None:
    alice = Person(client)
    call(client, users(client).disable, alice.id)
    statuses = [log_in(client, alice.username, PASSWORD).status_code for _ in range(6)]
    assert statuses == [401] * 5 + [429]


def test_the_old_password_is_guessed_no_more_often_than_at_the_login(client: TestClient, clock: Clock) -> None:
    """Somebody has found a phone unlocked."""
    alice = Person(client)

    def change(old: str) -> httpx2.Response:
        return alice.put("/me/password", json={"old_password": old, "new_password": "correct horse battery"})

    for _ in range(5):
        assert change(WRONG).status_code == 400
    assert change(PASSWORD).status_code == 429
    assert log_in(client, alice.username, PASSWORD).status_code == 429
    clock.forward(30)
    assert change(PASSWORD).status_code == 204
    assert log_in(client, alice.username, "correct horse battery").status_code == 200


def test_a_new_password_opens_what_was_closed(client: TestClient, clock: Clock) -> None:
    alice = Person(client)
    for _ in range(120):
        log_in(client, alice.username)
        clock.forward(3_600)
    closed = log_in(client, alice.username, PASSWORD)
    assert closed.status_code == 429
    assert "ask whoever runs this service to unlock" in closed.json()["detail"]
    call(client, users(client).set_password, alice.id, "correct horse battery")
    assert log_in(client, alice.username, "correct horse battery").status_code == 200


def test_an_operator_unlocks(client: TestClient) -> None:
    alice = Person(client)
    lock(client, alice.username)
    assert log_in(client, alice.username, PASSWORD).status_code == 429
    call(client, users(client).unlock, call(client, users(client).find, alice.username))
    assert log_in(client, alice.username, PASSWORD).status_code == 200


def test_what_was_guessed_before_an_account_was_there_does_not_keep_its_owner_out(
    client: TestClient, clock: Clock
) -> None:
    """Somebody closes the names of people who have not registered yet."""
    for _ in range(120):
        log_in(client, "alice")
        clock.forward(3_600)
    assert log_in(client, "alice").status_code == 429
    Person(client, "alice")


def test_registrations_from_one_network_end(client: TestClient, clock: Clock) -> None:
    taken = {"username": "alice", "password": PASSWORD}
    statuses = [client.post("/register", json=taken).status_code for _ in range(201)]
    assert statuses == [201, *[400] * 199, 429]
    answer = client.post("/register", json={"username": "bob", "password": PASSWORD})
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "3")
    assert answer.json()["type"] == "urn:coatcheck:problem:too-many-registrations"
    assert client.post("/register", json={"username": "b b", "password": "x"}).status_code == 422
    clock.forward(3)
    assert client.post("/register", json={"username": "bob", "password": PASSWORD}).status_code == 201


def test_made_up_refresh_tokens_end_and_a_good_one_goes_on(client: TestClient) -> None:
    alice = Person(client)
    good = alice.log_in_with_refresh()["refresh_token"]
    statuses = [alice.refresh(f"ccr_{number}").status_code for number in range(201)]
    assert statuses == [401] * 200 + [429]
    assert alice.refresh("ccr_x").json()["type"] == "urn:coatcheck:problem:too-many-refreshes"
    assert alice.refresh(good).status_code == 200


@pytest.fixture
def unlimited(tmp_path: Path, clock: Clock) -> Iterator[TestClient]:
    """With COATCHECK_THROTTLE=false."""
    with TestClient(make_app(tmp_path, clock=clock, throttle=False)) as client:
        yield client


def test_switched_off_nobody_waits_and_nothing_is_kept(unlimited: TestClient) -> None:
    alice = Person(unlimited)
    assert {log_in(unlimited, alice.username).status_code for _ in range(120)} == {401}
    app: Any = unlimited.app
    url = app.state.coatcheck.database.url
    assert run_sql(url, "SELECT 1 FROM coatcheck_guess_counts UNION ALL SELECT 1 FROM coatcheck_budgets") == []


async def test_what_a_client_that_has_left_was_waiting_for_is_given_up(tmp_path: Path) -> None:
    """Many send a login and are gone: their passwords are not hashed one after the other, before everybody's."""
    app: FastAPI = make_app(tmp_path)
    coatcheck: Coatcheck = app.state.coatcheck
    async with app.router.lifespan_context(app):
        pool, go = coatcheck.passwords.pool, threading.Event()
        at_work = [asyncio.create_task(pool.run(lambda: go.wait(60), Turn())) for _ in range(pool.threads)]
        leave = asyncio.Event()
        leaving = [asyncio.create_task(_sent_and_left(app, f"name{number}", leave)) for number in range(90)]
        while pool._held < pool.threads + 90:
            assert not any(task.done() for task in leaving)
            await asyncio.sleep(0.01)
        leave.set()
        await asyncio.gather(*leaving)
        assert pool._held == pool.threads
        assert pool._queue.take() is None
        go.set()
        await asyncio.gather(*at_work)


async def _sent_and_left(app: FastAPI, username: str, leave: asyncio.Event) -> None:
    """A login over ASGI whose client closes the connection when told so."""
    body = f'{{"username": "{username}", "password": "{WRONG}"}}'.encode()
    received = iter([{"type": "http.request", "body": body, "more_body": False}])

    async def receive() -> Any:
        if (message := next(received, None)) is not None:
            return message
        await leave.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        assert message

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "path": "/login",
        "raw_path": b"/login",
        "query_string": b"",
        "scheme": "http",
        "headers": [(b"host", b"localhost"), (b"content-type", b"application/json")],
        "server": ("127.0.0.1", 8000),
        "client": ("127.0.0.1", 50_000),
    }
    await app(scope, receive, send)


def test_v6_3_2_there_are_no_accounts_to_begin_with(client: TestClient) -> None:
    app: Any = client.app
    assert run_sql(app.state.coatcheck.database.url, "SELECT 1 FROM coatcheck_accounts") == []
    for name in ("admin", "root", "test", "sa", "coatcheck", "administrator"):
        for password in ("", name, "password", "12345678"):
            assert log_in(client, name, password).status_code == 401
