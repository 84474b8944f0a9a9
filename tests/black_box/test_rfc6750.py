"""RFC 6750 on every route: what a refusal says and what it keeps to itself, and that no cache keeps a token's answer.

`test_challenges.py` has the ways in which a token may come, on one route."""

import re
from pathlib import Path
from typing import Any

import httpx2
import pytest
from fastapi.testclient import TestClient

from tests.black_box import wire
from tests.black_box.problem import challenge, problem
from tests.black_box.test_addresses import OPERATIONS
from tests.support.app import make_app
from tests.support.clock import Clock
from tests.support.person import Person
from tests.support.server import Server

OPEN = {"/register", "/login", "/token/refresh", "/health", "/ready", "/.well-known/jwks.json"}
PROTECTED = [(method.upper(), path.replace("{id}", "1")) for method, path in OPERATIONS if path not in OPEN]
BODIES = {"/todos": {"title": "x"}, "/me/password": {"old_password": "x", "new_password": "correct horse"}}

# RFC 6750 section 3 and RFC 9110 section 11.2: the scheme, then parameters, each once.
PARAMETER = re.compile(r'([a-z_]+)=(?:"([\x20-\x21\x23-\x5b\x5d-\x7e]*)"|([0-9]+))')


def parameters(answer: httpx2.Response) -> dict[str, str]:
    """A Bearer challenge taken apart, once it is seen to be well formed."""
    scheme, _, rest = challenge(answer).partition(" ")
    assert scheme == "Bearer"
    found = [PARAMETER.fullmatch(part) for part in rest.split(", ")]
    pairs = [(match[1], match[2] or match[3]) for match in found if match is not None]
    assert len(pairs) == len(found)
    assert len(dict(pairs)) == len(pairs), "an attribute comes twice"
    return dict(pairs)


def ask(client: Any, method: str, path: str, *values: str) -> httpx2.Response:
    headers = [("Authorization", value) for value in values]
    answer: httpx2.Response = client.request(method, path, json=BODIES.get(path), headers=headers)
    return answer


@pytest.mark.parametrize(("method", "path"), PROTECTED)
def test_b01_without_credentials_there_is_a_realm_and_no_error(method: str, path: str, sqlite_client: Any) -> None:
    for values in ((), ("Basic YQ==",), ("",)):
        answer = ask(sqlite_client, method, path, *values)
        problem(answer, 401, "no-credentials")
        assert parameters(answer) == {"realm": "coatcheck"}


@pytest.mark.parametrize(("method", "path"), PROTECTED)
def test_b02_two_headers_are_400_invalid_request(method: str, path: str, sqlite_person: Person) -> None:
    good = f"Bearer {sqlite_person.token}"
    for values in ((good, good), (good, "Basic YQ=="), ("", good)):
        answer = ask(sqlite_person.client, method, path, *values)
        problem(answer, 400, "two-credentials")
        assert parameters(answer) == {"realm": "coatcheck", "error": "invalid_request"}


@pytest.mark.parametrize(("method", "path"), PROTECTED)
def test_b03_a_bad_token_is_401_invalid_token(method: str, path: str, sqlite_client: Any) -> None:
    for value in ("Bearer", "Bearer forged", "bearer a.b.c", "Bearer " + "x" * 8_000):
        answer = ask(sqlite_client, method, path, value)
        problem(answer, 401, "invalid-token")
        assert parameters(answer) == {"realm": "coatcheck", "error": "invalid_token"}


def test_b05_b06_every_401_has_one_well_formed_challenge(local_client: TestClient, clock: Clock) -> None:
    person = Person(local_client)
    wrong = {**person.credentials, "password": "not it"}
    assert parameters(local_client.post("/login", json=wrong)) == {"realm": "coatcheck"}
    clock.forward(seconds=301)
    too_old = person.delete("/me")
    problem_name = too_old.json()["type"].rpartition(":")[2]
    assert (too_old.status_code, problem_name) == (401, "login-too-old")
    assert parameters(too_old) == {
        "realm": "coatcheck",
        "error": "insufficient_user_authentication",
        "max_age": "300",
    }


@pytest.mark.parametrize("sent", ['a"b', "a\\b", "a b", "<script>", "Z" * 50])
def test_b07_nothing_of_the_token_comes_back(sent: str, sqlite_client: Any) -> None:
    answer = ask(sqlite_client, "GET", "/me", f"Bearer {sent}")
    assert sent not in answer.text + str(answer.headers)


@pytest.mark.parametrize(("method", "path"), PROTECTED)
def test_b08_the_scheme_has_no_case(method: str, path: str, sqlite_client: Any) -> None:
    for scheme in ("bearer", "BEARER", "bEaReR"):
        problem(ask(sqlite_client, method, path, f"{scheme} forged"), 401, "invalid-token")


@pytest.mark.parametrize(("method", "path"), PROTECTED)
def test_b09_odd_spaces_and_lists_are_401(
    method: str, path: str, sqlite_server: Server, sqlite_person: Person
) -> None:
    """As bytes: no HTTP client would send these."""
    token = sqlite_person.token
    for gap in ("  ", "\t", " \t", " ,", ",", " , ,", " =", "   ", ";", " Bearer ", "\xa0", "\x0b"):
        for value in (
            f"Bearer{gap}",
            f"Bearer{gap}{token}",
            f"Bearer {token}{gap}x",
            f"Bearer {token},Bearer {token}",
        ):
            answer = wire.ask(sqlite_server, wire.head(f"{method} {path} HTTP/1.1", [f"Authorization: {value}"]))
            if answer.headers["content-type"].startswith("text/plain"):  # uvicorn's, for bytes that are not HTTP
                assert answer.status_code == 400
                continue
            assert answer.status_code == 401, value
            assert parameters(answer).get("error") in {None, "invalid_token"}


@pytest.mark.parametrize(("method", "path"), PROTECTED)
def test_b10_a_token_in_the_query_lets_nobody_in(method: str, path: str, sqlite_person: Person) -> None:
    answer = ask(sqlite_person.client, method, f"{path}?access_token={sqlite_person.token}")
    problem(answer, 401, "no-credentials")


@pytest.mark.parametrize(("method", "path"), [pair for pair in PROTECTED if pair[0] in {"POST", "PUT", "PATCH"}])
def test_b11_a_token_in_a_form_lets_nobody_in(method: str, path: str, sqlite_person: Person) -> None:
    answer = sqlite_person.client.request(method, path, data={"access_token": sqlite_person.token})
    problem(answer, 401, "no-credentials")


@pytest.mark.parametrize(("method", "path"), PROTECTED)
def test_b12_no_cache_keeps_what_a_token_is_answered_with(method: str, path: str, sqlite_person: Person) -> None:
    body = BODIES.get(path)
    if path == "/todos/1":
        path, body = f"/todos/{sqlite_person.add_todo()['id']}", {"title": "y"}
    elif path == "/sessions/1":
        sqlite_person.log_in()
        (other,) = [one["id"] for one in sqlite_person.get("/sessions").json() if not one["current"]]
        path = f"/sessions/{other}"
    for token, statuses in ((sqlite_person.token, {200, 201, 204, 400}), ("forged", {401})):
        answer = sqlite_person.request(method, path, token, json=body)
        assert answer.status_code in statuses, answer.text
        assert answer.headers.get_list("cache-control") == ["no-store"], answer.text


def test_b12_no_cache_keeps_a_token(sqlite_person: Person) -> None:
    for password in (sqlite_person.password, "not it"):
        body = {**sqlite_person.credentials, "password": password}
        answer = sqlite_person.client.post("/login", json=body)
        assert answer.headers.get_list("cache-control") == ["no-store"]


def test_b18_whatever_is_wrong_with_a_token_the_answer_is_the_same(
    local_client: TestClient, clock: Clock, tmp_path: Path
) -> None:
    """An unknown one, a changed one, another service's, one whose session was ended, an expired one: who forges or
    finds a token learns nothing from its refusal."""
    (tmp_path / "other").mkdir()
    with TestClient(make_app(tmp_path / "other", clock=clock)) as elsewhere:
        foreign = Person(elsewhere).token
    owner, leaver, closed = Person(local_client), Person(local_client), Person(local_client)
    revoked = owner.log_in()
    change = {"old_password": owner.password, "new_password": "correct horse battery"}
    assert owner.put("/me/password", json=change).status_code == 204
    assert leaver.delete("/me").status_code == 204
    coatcheck: Any = local_client.app.state.coatcheck  # type: ignore[attr-defined]
    local_client.portal.call(coatcheck.disable_account, closed.id)  # type: ignore[union-attr]
    bad = ["forged", foreign, owner.token[:-1] + "_", revoked, leaver.token, closed.token]
    answers = [ask(local_client, "GET", "/me", f"Bearer {token}") for token in bad]
    clock.forward(seconds=1_800)
    answers.append(owner.get("/me"))
    bare = {(a.status_code, str(sorted(a.headers.items())), str({**a.json(), "instance": 0})) for a in answers}
    assert len(bare) == 1
    assert parameters(answers[0]) == {"realm": "coatcheck", "error": "invalid_token"}
