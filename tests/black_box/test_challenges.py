"""What a 401 says in WWW-Authenticate, and in which ways a token may come: RFC 6750, fact by fact (b01 and on)."""

from typing import Any

import pytest

from tests.black_box.problem import challenge, problem
from tests.black_box.wire import ask, head
from tests.support.person import Person
from tests.support.server import Server

NONE = 'Bearer realm="coatcheck"'
BAD = 'Bearer realm="coatcheck", error="invalid_token"'


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "bEaReR"])
def test_b08_the_scheme_has_no_case(scheme: str, person: Person) -> None:
    answer = person.client.get("/me", headers={"Authorization": f"{scheme} {person.token}"})
    assert answer.json()["id"] == person.id


@pytest.mark.parametrize(
    "value",
    ["Basic YWxpY2U6c2VjcmV0MTIz", "Token {}", "{}", "", "Digest username=x", "Bearer\t{}", "BearerX {}", "Bear {}"],
)
def test_b01_another_scheme_counts_as_no_credentials(value: str, person: Person) -> None:
    answer = person.client.get("/me", headers={"Authorization": value.format(person.token)})
    problem(answer, 401, "no-credentials")
    assert challenge(answer) == NONE


@pytest.mark.parametrize(
    "value",
    [
        "Bearer",
        "Bearer  {}",
        "Bearer {} {}",
        "Bearer {},Bearer {}",
        'Bearer "{}"',
        "Bearer Bearer {}",
        "Bearer {}=",
        "Bearer {}.",
        "Bearer .{}",
        "Bearer null",
        "Bearer ..",
        "Bearer " + "a" * 60_000,
        "Bearer " + "a." * 30_000,
        "Bearer %00",
        "Bearer é",
    ],
)
def test_b09_everything_else_after_bearer_is_a_bad_token_like_any_other(value: str, person: Person) -> None:
    sent = value.replace("{}", person.token).encode("latin-1")
    answer = person.client.get("/me", headers=[(b"Authorization", sent)])
    document = problem(answer, 401, "invalid-token")
    assert challenge(answer) == BAD
    assert document["detail"] == "The access token is not valid, or no longer. Log in again to get a new one."


@pytest.mark.parametrize("sent", ["Bearer \xff\xfe\x80", "Bearer ", "Bearer    ", "Bearer \t "])
def test_b09_bytes_that_no_client_would_send_are_a_bad_token(sent: str, server: Server) -> None:
    answer = ask(server, head("GET /me HTTP/1.1", [f"Authorization: {sent}"]))
    problem(answer, 401, "invalid-token")
    assert challenge(answer) == BAD


@pytest.mark.parametrize("second", ["Bearer {}", "Basic YQ==", ""])
def test_b02_two_authorization_headers_are_a_mistake_in_the_request(
    second: str, server: Server, person: Person
) -> None:
    both = [f"Authorization: Bearer {person.token}", f"authorization: {second.format(person.token)}"]
    for headers in (both, both[::-1]):
        answer = ask(server, head("GET /me HTTP/1.1", headers))
        problem(answer, 400, "two-credentials")
        assert challenge(answer) == 'Bearer realm="coatcheck", error="invalid_request"'


@pytest.mark.parametrize("name", ["access_token", "token", "Authorization", "bearer"])
def test_b10_a_token_in_the_query_is_not_looked_at(name: str, person: Person) -> None:
    alone = person.client.get("/me", params={name: person.token})
    problem(alone, 401, "no-credentials")
    assert challenge(alone) == NONE
    for beside in (person.token, "nonsense"):
        assert person.get("/me", params={name: beside}).json()["id"] == person.id


def test_b11_a_token_in_a_form_or_in_json_is_not_looked_at(person: Person) -> None:
    problem(person.client.post("/todos", data={"access_token": person.token}), 401, "no-credentials")
    problem(person.client.post("/todos", json={"title": "x", "access_token": person.token}), 401, "no-credentials")
    # Beside a valid header it changes nothing either: the body is refused for what it is.
    problem(person.post("/todos", data={"access_token": person.token}), 415, "wrong-media-type")
    problem(person.post("/todos", json={"title": "x", "access_token": person.token}), 422, "invalid")


def test_a_token_in_a_cookie_of_any_other_name_is_not_looked_at(person: Person) -> None:
    cookie = {"Cookie": f"access_token={person.token}; Authorization=Bearer {person.token}"}
    problem(person.client.get("/me", headers=cookie), 401, "no-credentials")


@pytest.mark.parametrize("path", ["/login", "/register"])
def test_what_needs_no_token_looks_at_none(path: str, person: Person, client: Any) -> None:
    body = {"username": person.username, "password": person.password}
    for value in ("Bearer nonsense", f"Bearer {person.token}", "Basic x"):
        answer = client.post(path, json=body, headers={"Authorization": value})
        assert answer.status_code == (200 if path == "/login" else 400)


def test_b01_failing_to_log_in_is_401_without_an_error_code(person: Person) -> None:
    answer = person.client.post("/login", json={**person.credentials, "password": "not it"})
    problem(answer, 401, "wrong-credentials")
    assert challenge(answer) == NONE
