"""The policy holds wherever a password is set: at registration, at a change, by an operator. What it accepts is
then verified as it was typed. On one engine: what is refused never reaches the database."""

import gzip
import json
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from coatcheck import Coatcheck, Invalid, Settings, passwords
from tests.support.app import make_app
from tests.support.clock import Clock
from tests.support.command import invoke, run, sentence
from tests.support.person import Person
from tests.support.server import CHEAP

TEN_THOUSAND = 10_000
DAY_SECONDS = 86_400
COMMON = Path(passwords.__file__).with_name("common.txt.gz")


def ten_thousand() -> Iterator[str]:
    """Common passwords from the whole list: as they stand there, shouted, and with a capital letter, in turn."""
    common = gzip.decompress(COMMON.read_bytes()).decode().splitlines()
    for place in range(TEN_THOUSAND):
        password = common[place * len(common) // TEN_THOUSAND]
        yield (password, password.upper(), password.capitalize())[place % 3]


@pytest.fixture
def app(tmp_path: Path, clock: Clock) -> FastAPI:
    return make_app(tmp_path, clock=clock)


@pytest.fixture
def site(app: FastAPI) -> Iterator[TestClient]:
    with TestClient(app) as client:
        yield client


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx2.AsyncClient]:
    """The application without threads between: ten thousand requests in a few seconds."""
    await app.state.coatcheck.open()
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://localhost") as client:
        yield client
    await app.state.coatcheck.close()


def refused(answer: httpx2.Response, pointer: str, why: str) -> bool:
    """Whether the answer is a refusal of this field, for this reason."""
    errors: list[dict[str, Any]] = answer.json().get("errors", [])
    return answer.status_code == 422 and [(e["pointer"], why in e["detail"]) for e in errors] == [(pointer, True)]


@pytest.mark.slow
async def test_v6_2_12_ten_thousand_common_passwords_at_registration(client: httpx2.AsyncClient) -> None:
    accepted = [
        password
        for password in ten_thousand()
        if not refused(
            await client.post("/register", json={"username": "alice", "password": password}),
            "#/password",
            "most common",
        )
    ]
    assert accepted == []
    answer = await client.post("/register", json={"username": "alice", "password": "secret123"})
    assert answer.status_code == 201  # the name was free all the while


@pytest.mark.slow
async def test_v6_2_12_ten_thousand_common_passwords_at_a_change(client: httpx2.AsyncClient) -> None:
    person = {"username": "alice", "password": "secret123"}
    await client.post("/register", json=person)
    token = (await client.post("/login", json=person)).json()["access_token"]
    client.headers["Authorization"] = f"Bearer {token}"
    accepted = [
        password
        for password in ten_thousand()
        if not refused(
            await client.put("/me/password", json={"old_password": "secret123", "new_password": password}),
            "#/new_password",
            "most common",
        )
    ]
    assert accepted == []
    assert (await client.post("/login", json=person)).status_code == 200


@pytest.mark.parametrize("by", ["create", "set_password"])
async def test_v6_2_12_ten_thousand_common_passwords_by_an_operator(
    client: httpx2.AsyncClient, app: FastAPI, by: str
) -> None:
    """What `coatcheck users create` and `set-password` call."""
    users = app.state.coatcheck.users
    alice = await users.create("alice", "secret123")
    for password in ten_thousand():
        with pytest.raises(Invalid) as refusal:
            await (users.create("bob", password) if by == "create" else users.set_password(alice.id, password))
        assert "most common" in dict(refusal.value.errors)["#/password"], password


@pytest.mark.parametrize(
    ("password", "why"),
    [("Password1", "This is one of the most common passwords: "), ("alice.smith7", "This is the username, ")],
)
def test_v6_2_4_the_command_refuses_with_a_sentence(tmp_path: Path, password: str, why: str) -> None:
    done = run(tmp_path, "users", "create", "Alice.Smith", stdin=f"{password}\n", **CHEAP)
    assert (done.returncode, done.stdout) == (1, "")
    assert f"Password: {why}" in done.stderr
    assert password not in done.stderr


def test_v6_2_12_a_sample_of_them_at_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name, value in CHEAP.items():
        monkeypatch.setenv(name, value)
    for password in list(ten_thousand())[:: TEN_THOUSAND // 20]:
        why = sentence(invoke("users", "create", "alice", stdin=f"{password}\n"))
        assert why.startswith("Password: This is one of the most common passwords: ")
    assert invoke("users", "create", "alice", stdin="secret123\n").exit_code == 0


@pytest.mark.parametrize(
    ("password", "why"),
    [
        ("alice.smith", "username"),
        ("Alice.Smith99", "username"),
        ("todos and accounts", "service"),
        ("CoatCheck!", "service"),
    ],
)
def test_v6_2_11_names_are_refused_wherever_a_password_is_set(
    site: TestClient, app: FastAPI, password: str, why: str
) -> None:
    name = "alice.smith@example.org"
    assert refused(site.post("/register", json={"username": name, "password": password}), "#/password", why)
    alice = Person(site, name)
    change = {"old_password": alice.password, "new_password": password}
    assert refused(alice.put("/me/password", json=change), "#/new_password", why)
    coatcheck: Coatcheck = app.state.coatcheck
    with pytest.raises(Invalid) as refusal:
        site.portal.call(coatcheck.users.set_password, alice.id, password)  # type: ignore[union-attr]
    assert why in dict(refusal.value.errors)["#/password"]
    assert Person(site, "somebody.else", "Alice.Smith99").id  # another's name is a word like others


async def test_a_password_for_nobody_is_neither_refused_nor_set(client: httpx2.AsyncClient, app: FastAPI) -> None:
    assert await app.state.coatcheck.users.set_password(4_711, "correct horse battery") is False


def test_w01_the_setting_counts_wherever_a_password_is_set(tmp_path: Path) -> None:
    app = make_app(tmp_path, password_min_length=15)
    with TestClient(app) as site:
        short = {"username": "alice", "password": "fourteen chars"}
        assert refused(site.post("/register", json=short), "#/password", "at least 15")
        alice = Person(site, "alice", "fifteen chars!!")
        change = {"old_password": alice.password, "new_password": "fourteen chars"}
        assert refused(alice.put("/me/password", json=change), "#/new_password", "at least 15")


def test_w08_and_v6_2_10_a_password_lasts(site: TestClient, clock: Clock) -> None:
    alice = Person(site)
    clock.forward(seconds=400 * DAY_SECONDS)
    answer = site.post("/login", json=alice.credentials)
    assert answer.status_code == 200
    assert set(answer.json()) == {"access_token", "token_type"}


def test_w10_and_w11_nothing_but_a_username_and_a_password_is_asked_for(site: TestClient) -> None:
    asked = site.get("/openapi.json").json()["components"]["schemas"]["NewAccount"]["properties"]
    assert set(asked) == {"username", "password"}
    for more in "hint", "question", "answer":
        account = {"username": "alice", "password": "secret123", more: "the name of my dog"}
        assert site.post("/register", json=account).status_code == 422


@pytest.mark.parametrize("length", [64, 128, 1_000, 1_024])
@pytest.mark.parametrize("character", ["x", "🔑"])
def test_w12_and_v6_2_9_a_long_password_is_verified_whole(site: TestClient, length: int, character: str) -> None:
    alice = Person(site, password=character * length)
    for other in character * (length - 1), character * (length - 1) + "y", character * length + character:
        assert site.post("/login", json={"username": alice.username, "password": other}).status_code == 401


def test_w12_and_v6_2_8_no_byte_of_it_is_left_out(site: TestClient) -> None:
    password = os.urandom(40).hex()
    alice = Person(site, password=password)
    for other in password[:72], password.upper(), f"{password}\0", password[:-1], password[1:]:
        assert site.post("/login", json={"username": alice.username, "password": other}).status_code == 401


def test_w13_it_is_one_password_composed_or_decomposed(site: TestClient) -> None:
    alice = Person(site, password="une clé à môle")
    decomposed = json.dumps({"username": alice.username, "password": "une cle\u0301 a\u0300 mo\u0302le"})
    answer = site.post("/login", content=decomposed, headers={"Content-Type": "application/json"})
    assert answer.status_code == 200
    ligature = Person(site, password="ﬁve ﬁngers ﬁt")  # NFKC would take it apart
    assert (
        site.post("/login", json={"username": ligature.username, "password": "five fingers fit"}).status_code == 401
    )


def test_w18_after_a_refusal_another_password_is_needed(site: TestClient) -> None:
    refused_one = {"username": "alice", "password": "password1"}
    for _ in range(2):
        assert refused(site.post("/register", json=refused_one), "#/password", "most common")
    assert site.post("/login", json=refused_one).status_code == 401
    assert site.post("/register", json={**refused_one, "password": "a word or two"}).status_code == 201


def test_w25_spaces_at_the_ends_belong_to_it(site: TestClient) -> None:
    alice = Person(site, password="  two words ")
    for other in "two words", "  two words", "two words ", "  Two words ":
        assert site.post("/login", json={"username": alice.username, "password": other}).status_code == 401


def test_an_application_without_a_title_of_its_own_has_no_such_name(tmp_path: Path) -> None:
    app = FastAPI()
    Coatcheck(app, Settings.read(tmp_path, argon2_memory_kib=8, argon2_time_cost=1), prefix="")
    with TestClient(app) as site:
        assert Person(site, "alice", "fastapi1").id
