"""What NIST SP 800-63B-4 and ASVS 5.0 say of passwords and guesses, seen over HTTP on each engine. docs/facts.md has
the whole list.

One application, and people at several addresses: each is a network of its own."""

import hmac
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from argon2 import PasswordHasher
from argon2.exceptions import VerificationError
from fastapi import FastAPI

from coatcheck import Coatcheck
from coatcheck.database.url import sqlite_path
from coatcheck.tokens.base64url import decoded
from tests.black_box.problem import challenge
from tests.support.app import make_app
from tests.support.clock import Clock
from tests.support.person import PASSWORD
from tests.support.sql import run_sql

HOME, ELSEWHERE = "203.0.113.1", "198.51.100.7"
ALICE = {"username": "alice", "password": PASSWORD}
WRONG = "a guess that is wrong"
NEXT = "correct horse battery"
TABLES_ON_SQLITE = "SELECT name FROM sqlite_master WHERE type = 'table'"
TABLES_ON_POSTGRESQL = "SELECT table_name FROM information_schema.tables WHERE table_schema = current_schema()"
HASH_OF_ALICE = "SELECT password_hash FROM coatcheck_accounts WHERE username = 'alice'"
At = Callable[[str], httpx2.AsyncClient]


@asynccontextmanager
async def served(app: FastAPI) -> AsyncGenerator[At, None]:
    """The application, open, and clients of it at any address."""
    async with app.router.lifespan_context(app), AsyncExitStack() as clients:
        found: dict[str, httpx2.AsyncClient] = {}

        def at(address: str) -> httpx2.AsyncClient:
            if address not in found:
                transport = httpx2.ASGITransport(app, client=(address, 50_000))
                found[address] = httpx2.AsyncClient(transport=transport, base_url="http://localhost")
                clients.push_async_callback(found[address].aclose)
            return found[address]

        yield at


@pytest.fixture
def app(tmp_path: Path, database_url: str, clock: Clock) -> FastAPI:
    return make_app(tmp_path, database_url, clock=clock)


@pytest.fixture
async def at(app: FastAPI) -> AsyncIterator[At]:
    """Alice has registered and logged in at home."""
    async with served(app) as at:
        assert (await at(HOME).post("/register", json=ALICE)).status_code == 201
        assert (await log_in(at(HOME))).status_code == 200
        yield at


async def log_in(client: httpx2.AsyncClient, username: str = "alice", password: str = PASSWORD) -> httpx2.Response:
    return await client.post("/login", json={"username": username, "password": password})


async def test_v6_3_1_one_name_is_guessed_five_times_and_its_owner_gets_in(at: At) -> None:
    statuses = [(await log_in(at(ELSEWHERE), password=f"{WRONG} {number}")).status_code for number in range(100)]
    assert statuses == [401] * 5 + [429] * 95
    assert (await log_in(at(ELSEWHERE))).status_code == 429
    assert (await log_in(at(HOME))).status_code == 200


async def test_v6_3_1_one_password_is_tried_at_a_hundred_names_of_a_thousand(at: At) -> None:
    statuses = [(await log_in(at(ELSEWHERE), f"name{number}", WRONG)).status_code for number in range(1_000)]
    assert statuses == [401] * 100 + [429] * 900
    assert (await log_in(at(HOME))).status_code == 200
    assert (await log_in(at(HOME), "name0", WRONG)).status_code == 401  # another network has its own


async def test_v6_3_8_nobody_a_wrong_password_and_a_disabled_account_are_refused_alike(app: FastAPI, at: At) -> None:
    bob = {"username": "bob", "password": PASSWORD}
    account = (await at(HOME).post("/register", json=bob)).json()
    coatcheck: Coatcheck = app.state.coatcheck
    assert await coatcheck.disable_account(account["id"])
    answers = [
        await log_in(at(ELSEWHERE), "nobody"),
        await log_in(at(ELSEWHERE), "two words"),
        await log_in(at(ELSEWHERE), "alice", WRONG),
        await log_in(at(ELSEWHERE), "bob", WRONG),
        await log_in(at(ELSEWHERE), **bob),
    ]
    assert {answer.status_code for answer in answers} == {401}
    documents = [{**answer.json(), "instance": None} for answer in answers]
    assert documents[0]["type"] == "urn:coatcheck:problem:wrong-credentials"
    assert documents == [documents[0]] * len(answers)
    assert {challenge(answer) for answer in answers} == {'Bearer realm="coatcheck"'}
    headers = [answer.headers.multi_items() for answer in answers]
    assert headers == [headers[0]] * len(answers)


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"old_password": WRONG, "new_password": NEXT}, 400),
        ({"old_password": PASSWORD.upper(), "new_password": NEXT}, 400),
        ({"old_password": "", "new_password": NEXT}, 400),
        ({"old_password": None, "new_password": NEXT}, 422),
        ({"new_password": NEXT}, 422),
        ({"old_password": PASSWORD}, 422),
        ({"old_password": PASSWORD, "new_password": "password1"}, 422),
    ],
)
async def test_v6_2_3_without_the_present_password_the_stored_hash_stays(
    app: FastAPI, at: At, change: dict[str, Any], status: int
) -> None:
    url = app.state.coatcheck.database.url
    token = (await log_in(at(HOME))).json()["access_token"]
    alices = {"Authorization": f"Bearer {token}"}
    before = run_sql(url, HASH_OF_ALICE)
    assert (await at(HOME).put("/me/password", json=change, headers=alices)).status_code == status
    assert run_sql(url, HASH_OF_ALICE) == before
    right = {"old_password": PASSWORD, "new_password": NEXT}
    assert (await at(HOME).put("/me/password", json=right, headers=alices)).status_code == 204
    assert run_sql(url, HASH_OF_ALICE) != before


async def test_w29_nothing_in_a_dump_makes_a_guess_checkable(app: FastAPI, at: At) -> None:
    """A thief has every row and not the secret. He knows the password and cannot tell that it is the one: no value of
    the dump is the pepper."""
    coatcheck: Coatcheck = app.state.coatcheck
    values = dump(coatcheck.database.url)
    assert not any(PASSWORD.encode() in value for value in values)
    ((kept,),) = run_sql(coatcheck.database.url, HASH_OF_ALICE)
    argon2id = kept[kept.index("$argon2id$") :]
    assert not is_behind(PASSWORD.encode(), argon2id)
    assert [value for value in values if is_behind(peppered(value), argon2id)] == []
    portable = await coatcheck.passwords.portable(kept, account_id=1)
    assert portable is not None
    pepper = decoded(portable.removeprefix("$hmac-sha256$key=").partition("$")[0])
    assert is_behind(peppered(pepper), argon2id)  # who has the secret, too, can tell


def dump(url: str) -> list[bytes]:
    """Every value of every table."""
    tables = run_sql(url, TABLES_ON_POSTGRESQL if sqlite_path(url) is None else TABLES_ON_SQLITE)
    rows = [row for (table,) in tables for row in run_sql(url, f'SELECT * FROM "{table}"')]
    return [value if isinstance(value, bytes) else str(value).encode() for row in rows for value in row]


def peppered(pepper: bytes) -> bytes:
    return hmac.digest(pepper, PASSWORD.encode(), "sha256")


def is_behind(guess: bytes, argon2id: str) -> bool:
    try:
        return PasswordHasher().verify(argon2id, guess)
    except VerificationError:
        return False
