"""Whoever holds a token may try to change it: another user, a later expiry, or a twin of the last letter that a
lenient decoder takes for the same bytes. Every one-letter change is refused, also while the original is warm in
the cache of verified tokens."""

import json
import random
import string
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI

from tests.black_box.problem import challenge, problem
from tests.black_box.wire import Wire, head
from tests.support.app import make_app
from tests.support.asgi import ask
from tests.support.person import Person
from tests.support.server import Server

LETTERS = string.ascii_letters + string.digits + "-_"
AT_ONCE = 50


def twins(token: str, position: int) -> Iterator[str]:
    """The token with each other letter at this place."""
    for letter in LETTERS:
        if letter != token[position]:
            yield token[:position] + letter + token[position + 1 :]


@pytest.fixture
async def app(tmp_path: Path) -> AsyncIterator[FastAPI]:
    """The application in this process: thirty thousand requests over a socket would take a minute."""
    app = make_app(tmp_path)
    yield app
    await app.state.coatcheck.close()


async def call(app: FastAPI, method: str, path: str, token: str = "", body: Any = None) -> tuple[int, bytes]:
    """One request as the server hands it to the application; its status and body."""
    content = b"" if body is None else json.dumps(body).encode()
    headers = [(b"host", b"localhost"), (b"content-type", b"application/json")]
    if token:
        headers.append((b"authorization", b"Bearer " + token.encode()))
    reply = await ask(app, method, path, headers, content)
    return reply.status, reply.body


async def test_no_letter_of_a_token_can_be_changed(app: FastAPI) -> None:
    alice = {"username": "alice", "password": "secret123"}
    assert (await call(app, "POST", "/register", body=alice))[0] == 201
    token = str(json.loads((await call(app, "POST", "/login", body=alice))[1])["access_token"])
    tried = 0
    for position in range(len(token)):
        assert (await call(app, "GET", "/me", token))[0] == 200  # warm
        for twin in twins(token, position):
            status, answer = await call(app, "GET", "/me", twin)
            assert (status, json.loads(answer)["type"]) == (401, "urn:coatcheck:problem:invalid-token"), twin
            tried += 1
    assert tried == len(token) * 63 + token.count(".")
    assert tried > 25_000
    assert (await call(app, "GET", "/me", token))[0] == 200


def test_nor_over_http(sqlite_server: Server, sqlite_person: Person) -> None:
    """Some other letter at every place, and all 63 at the first and the last of each part."""
    token, chance = sqlite_person.token, random.Random(6_750)
    changed = [chance.choice(list(twins(token, position))) for position in range(len(token))]
    dots = [position for position, letter in enumerate(token) if letter == "."]
    for position in (0, dots[0] - 1, dots[0] + 1, dots[1] - 1, dots[1] + 1, len(token) - 1):
        changed.extend(twins(token, position))
    changed += [token[:-1], token[1:], token + "A", "A" + token, token[::-1], token.swapcase()]
    with Wire(sqlite_server) as wire:
        for start in range(0, len(changed), AT_ONCE):
            some = changed[start : start + AT_ONCE]
            wire.send(b"".join(me(each) for each in [token, *some, token]))
            answers = [wire.read() for _ in range(len(some) + 2)]
            assert [answers[0].status_code, answers[-1].status_code] == [200, 200]
            for answer in answers[1:-1]:
                problem(answer, 401, "invalid-token")
                assert challenge(answer) == 'Bearer realm="coatcheck", error="invalid_token"'


def me(token: str) -> bytes:
    return head("GET /me HTTP/1.1", [f"Authorization: Bearer {token}"])


def test_two_letters_swapped_or_parts_of_two_tokens_make_no_third(sqlite_person: Person) -> None:
    one, other = sqlite_person.token.split("."), sqlite_person.log_in().split(".")
    for header, payload, signature in (
        (one[0], one[1], other[2]),
        (one[0], other[1], one[2]),
        (one[0], one[1], ""),
        (one[0], "", one[2]),
        ("", one[1], one[2]),
        (one[0], one[2], one[1]),
    ):
        problem(sqlite_person.get("/me", token=f"{header}.{payload}.{signature}"), 401, "invalid-token")
