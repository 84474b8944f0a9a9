"""A refresh token is good once. A thief copies one and uses it after its owner did: one of the two is not
the owner and nobody can tell which, so the whole family ends (RFC 9700 section 4.14.2). Only an answer
that was lost on its way is forgiven."""

import hmac
import logging
from datetime import UTC, datetime
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select

from coatcheck.sessions import Opening
from coatcheck.sessions.refresh import Renewed
from coatcheck.sessions.refresh_token import RefreshToken
from coatcheck.sessions.tickets import Ticket
from tests.black_box.forging import said_in
from tests.support.clock import Clock
from tests.support.person import Person
from tests.tokens.test_tokens import ALPHABET

MEMBERS = ["access_token", "token_type", "expires_in", "refresh_token", "refresh_expires_in"]
DAY = 86_400
IDLE = 30 * DAY
ABSOLUTE = 3 * IDLE


@pytest.fixture
def owner(local_client: TestClient) -> Person:
    return Person(local_client)


def is_refused(answer: Any) -> bool:
    """As a login is: no error code, and nothing about why."""
    if answer.status_code != 401:
        return False
    assert answer.headers["www-authenticate"] == 'Bearer realm="coatcheck"'
    assert answer.headers["cache-control"] == "no-store"
    assert answer.json()["type"] == "urn:coatcheck:problem:refresh-refused"
    return True


def test_a_login_gives_a_refresh_token_only_if_asked(owner: Person) -> None:
    plain = owner.client.post("/login", json=owner.credentials).json()
    assert list(plain) == ["access_token", "token_type"]
    assert list(owner.client.post("/login", json={**owner.credentials, "refresh": False}).json()) == list(plain)
    tokens = owner.log_in_with_refresh()
    assert list(tokens) == MEMBERS
    assert (tokens["expires_in"], tokens["refresh_expires_in"]) == (1_800, IDLE)
    for wrong in ("true", 1, None):
        assert owner.client.post("/login", json={**owner.credentials, "refresh": wrong}).status_code == 422


def test_a_refresh_gives_both_tokens_anew(owner: Person, clock: Clock) -> None:
    first = owner.log_in_with_refresh()
    before = [one["id"] for one in owner.get("/sessions").json() if one["current"]]
    clock.forward(1_799)
    answer = owner.refresh(first["refresh_token"])
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    second = answer.json()
    assert list(second) == MEMBERS
    assert (second["expires_in"], second["refresh_expires_in"]) == (1_800, IDLE)
    assert second["refresh_token"] != first["refresh_token"]
    clock.forward(1)
    assert owner.get("/me").status_code == 401  # the first access token has expired
    owner.token = second["access_token"]
    assert owner.get("/me").status_code == 200
    assert [one["id"] for one in owner.get("/sessions").json() if one["current"]] == before


def test_t13_when_and_how_the_person_came_in_stays_as_it_was(owner: Person, clock: Clock) -> None:
    tokens = owner.log_in_with_refresh()
    clock.forward(301)
    owner.token = owner.refresh(tokens["refresh_token"]).json()["access_token"]
    before, after = (said_in(token.split(".")[1]) for token in (tokens["access_token"], owner.token))
    assert after["iat"] == before["iat"] + 301
    assert [after[name] for name in ("auth_time", "amr")] == [before["iat"], ["pwd"]]
    refused = owner.delete("/me")  # a refresh is no login
    assert refused.status_code == 401
    assert "max_age" in refused.headers["www-authenticate"]


def test_an_answer_that_was_lost_is_given_again(owner: Person, clock: Clock) -> None:
    first = owner.log_in_with_refresh()["refresh_token"]
    second = owner.refresh(first).json()["refresh_token"]
    for _ in range(3):
        clock.forward(3)
        again = owner.refresh(first)
        assert again.status_code == 200
        assert again.json()["refresh_token"] == second
        owner.token = again.json()["access_token"]
        assert owner.get("/me").status_code == 200
    assert owner.refresh(second).status_code == 200


def test_after_ten_seconds_it_ends_the_family_and_its_access_tokens(
    owner: Person, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    stolen = owner.log_in_with_refresh()["refresh_token"]
    other = owner.log_in()
    renewed = owner.refresh(stolen).json()
    owner.token = renewed["access_token"]
    clock.forward(11)
    with caplog.at_level(logging.WARNING, "coatcheck.sessions"):
        assert is_refused(owner.refresh(stolen))
    (line,) = [record.getMessage() for record in caplog.records if record.name == "coatcheck.sessions"]
    assert f"account {owner.id}" in line
    assert stolen not in line
    assert owner.username not in line
    assert owner.get("/me").status_code == 401
    assert is_refused(owner.refresh(renewed["refresh_token"]))
    assert owner.get("/me", token=other).status_code == 200  # another login is another family


def test_within_ten_seconds_it_ends_the_family_if_the_successor_was_used(owner: Person) -> None:
    stolen = owner.log_in_with_refresh()["refresh_token"]
    second = owner.refresh(stolen).json()["refresh_token"]
    third = owner.refresh(second).json()
    assert is_refused(owner.refresh(stolen))
    assert is_refused(owner.refresh(third["refresh_token"]))
    assert owner.get("/me", token=third["access_token"]).status_code == 401


def test_one_that_was_used_long_ago_ends_the_family(owner: Person, clock: Clock) -> None:
    stolen = token = owner.log_in_with_refresh()["refresh_token"]
    for _ in range(5):
        token = owner.refresh(token).json()["refresh_token"]
        clock.forward(DAY)
    assert is_refused(owner.refresh(stolen))
    assert is_refused(owner.refresh(token))


def test_the_clock_set_back_opens_no_window(owner: Person, clock: Clock) -> None:
    first = owner.log_in_with_refresh()["refresh_token"]
    second = owner.refresh(first).json()["refresh_token"]
    clock.forward(-3_600)
    assert is_refused(owner.refresh(first))
    assert is_refused(owner.refresh(second))


def test_one_that_is_not_used_expires_and_ends_nothing(owner: Person, clock: Clock) -> None:
    token = owner.log_in_with_refresh()["refresh_token"]
    clock.forward(IDLE - 2)
    token = owner.refresh(token).json()["refresh_token"]
    clock.forward(IDLE + 1)
    assert is_refused(owner.refresh(token))


def test_a_family_ends_after_three_idle_limits_however_often_it_is_used(owner: Person, clock: Clock) -> None:
    token = owner.log_in_with_refresh()["refresh_token"]
    began, left = clock.now, float(ABSOLUTE)
    while clock.now + 20 * DAY < began + ABSOLUTE:
        clock.forward(20 * DAY)
        answer = owner.refresh(token).json()
        token = answer["refresh_token"]
        left = began + ABSOLUTE - clock.now
        assert answer["refresh_expires_in"] == min(IDLE, left)
    clock.forward(left + 1)
    assert is_refused(owner.refresh(token))


@pytest.mark.parametrize("end", ["logout", "session", "others", "change", "disable", "delete"])
def test_what_ends_the_session_ends_its_family(owner: Person, local_client: TestClient, end: str) -> None:
    family = owner.log_in_with_refresh()
    lost = family["refresh_token"]
    kept = owner.refresh(lost).json()
    session = next(one["id"] for one in owner.get("/sessions").json() if one["current"])
    other = owner.log_in()
    coatcheck: Any = local_client.app.state.coatcheck  # type: ignore[attr-defined]
    portal: Any = local_client.portal
    if end == "logout":
        assert owner.post("/logout").status_code == 204
    elif end == "session":
        assert owner.delete(f"/sessions/{session}", token=other).status_code == 204
    elif end == "others":
        assert owner.delete("/sessions", token=other).status_code == 204
    elif end == "change":
        body = {"old_password": owner.password, "new_password": "correct horse battery"}
        assert owner.put("/me/password", json=body, token=other).status_code == 204
    elif end == "disable":
        portal.call(coatcheck.disable_account, owner.id)
        portal.call(coatcheck.enable_account, owner.id)
    else:
        assert owner.delete("/me").status_code == 204
    for token in (lost, kept["refresh_token"]):
        assert is_refused(owner.refresh(token))
    assert owner.get("/me", token=kept["access_token"]).status_code == 401


def test_a_password_change_ends_the_own_family_but_not_the_own_session(owner: Person) -> None:
    family = owner.log_in_with_refresh()
    body = {"old_password": owner.password, "new_password": "correct horse battery"}
    assert owner.put("/me/password", json=body).status_code == 204
    assert owner.get("/me").status_code == 200
    assert is_refused(owner.refresh(family["refresh_token"]))


def test_b18_whatever_is_wrong_with_it_the_answer_is_the_same(owner: Person, clock: Clock) -> None:
    token = owner.log_in_with_refresh()["refresh_token"]
    answers = [owner.refresh(text) for text in ("", "x", "ccr_", token[:-1], token + "A", "é", owner.token)]
    clock.forward(IDLE + 1)
    answers.append(owner.refresh(token))
    assert all(is_refused(answer) for answer in answers)
    assert len({(answer.json()["title"], answer.json()["detail"]) for answer in answers}) == 1
    assert not any(token in answer.text for answer in answers)


def test_every_changed_letter_is_refused_and_ends_nothing(owner: Person) -> None:
    """Who knows a session's id, as everybody does who has seen one of its access tokens, ends nothing."""
    token = owner.log_in_with_refresh()["refresh_token"]
    for position in range(4, len(token)):
        other = ALPHABET[(ALPHABET.index(token[position]) + 1) % len(ALPHABET)]
        assert is_refused(owner.refresh(token[:position] + other + token[position + 1 :]))
    twins = [token[:-1] + letter for letter in ALPHABET if letter != token[-1]]
    assert all(is_refused(owner.refresh(twin)) for twin in twins)
    assert owner.refresh(token).status_code == 200


def test_j18_neither_token_does_for_the_other(owner: Person) -> None:
    tokens = owner.log_in_with_refresh()
    assert owner.get("/me", token=tokens["refresh_token"]).status_code == 401
    assert is_refused(owner.refresh(tokens["access_token"]))
    assert owner.refresh(tokens["refresh_token"]).status_code == 200


@pytest.mark.parametrize("body", [{}, {"refresh_token": 7}, {"refresh_token": "x", "more": 1}, []])
def test_a_body_that_is_none_is_told_so(owner: Person, body: Any) -> None:
    assert owner.client.post("/token/refresh", json=body).status_code == 422


def test_nothing_that_is_stored_is_a_refresh_token_nor_becomes_one(owner: Person, local_client: TestClient) -> None:
    """Also inside the 10 s: a dump, and the key that hashes, must not give the next token."""
    coatcheck: Any = local_client.app.state.coatcheck  # type: ignore[attr-defined]
    portal: Any = local_client.portal
    keys = coatcheck.sessions._keys
    handed_out = [owner.log_in_with_refresh()["refresh_token"]]
    from sqlalchemy import text

    for _ in range(3):
        handed_out.append(owner.refresh(handed_out[-1]).json()["refresh_token"])
        owner.refresh(handed_out[-2])
        secrets = {token.secret for one in handed_out if (token := RefreshToken.read(one))}
        texts = {one.encode() for one in handed_out} | {one.removeprefix("ccr_").encode() for one in handed_out}
        rows = portal.call(coatcheck.database.all, text("SELECT * FROM coatcheck_sessions"))
        columns = [value for row in rows for value in row if isinstance(value, str | bytes)]
        assert any(isinstance(value, bytes) and len(value) == 32 for value in columns)
        for column in columns:
            raw = column.encode() if isinstance(column, str) else column
            assert raw not in secrets | texts
            for purpose in ("hashing", "successor"):
                for key in keys.data_keys(purpose).values():
                    digest = hmac.digest(key, raw, "sha256")
                    assert digest not in secrets | texts
                    assert digest.hex().encode() not in texts


def test_what_made_a_successor_is_erased_after_ten_seconds(
    owner: Person, local_client: TestClient, clock: Clock
) -> None:
    coatcheck: Any = local_client.app.state.coatcheck  # type: ignore[attr-defined]
    portal: Any = local_client.portal
    from sqlalchemy import text

    salts = text("SELECT refresh_salt FROM coatcheck_sessions WHERE refresh_rotated_at IS NOT NULL")
    owner.refresh(owner.log_in_with_refresh()["refresh_token"])
    portal.call(coatcheck.sessions.upkeep.round)
    assert [row[0] is None for row in portal.call(coatcheck.database.all, salts)] == [False]
    clock.forward(11)
    portal.call(coatcheck.sessions.upkeep.round)
    assert [row[0] is None for row in portal.call(coatcheck.database.all, salts)] == [True]


def test_no_representation_shows_a_token() -> None:
    """In a trace, a log or a debugger somebody reads over a shoulder."""
    ticket = Ticket("eyJ.access", 1_800, datetime.now(UTC))
    opening = Opening(ticket, "ccr_first", 1, select(1), {"refresh_hash": "eyJ"})
    for thing in (ticket, opening, Renewed(ticket, "ccr_next", 1)):
        assert "eyJ" not in repr(thing)
        assert "ccr_" not in repr(thing)
