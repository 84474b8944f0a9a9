"""People see where they are logged in, and end what they do not want to go on."""

import re
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text

from coatcheck.sessions.revocations import Revocations
from coatcheck.sessions.sessions import MOST_SHOWN
from tests.support.clock import Clock
from tests.support.person import Person

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
MEMBERS = ["id", "created_at", "last_seen_at", "device", "address", "current"]


@pytest.fixture
def owner(local_client: TestClient) -> Person:
    return Person(local_client)


def logged_in(owner: Person, user_agent: str) -> str:
    answer = owner.client.post("/login", json=owner.credentials, headers={"User-Agent": user_agent})
    return str(answer.json()["access_token"])


def listed(owner: Person, **options: Any) -> list[dict[str, Any]]:
    answer = owner.get("/sessions", **options)
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    sessions: list[dict[str, Any]] = answer.json()
    return sessions


def test_the_list_says_which_device_and_which_one_asks(owner: Person, clock: Clock) -> None:
    clock.forward(1)
    firefox = logged_in(owner, FIREFOX)
    for token, current in ((owner.token, [False, True]), (firefox, [True, False])):
        sessions = listed(owner, token=token)
        assert [list(one) for one in sessions] == [MEMBERS, MEMBERS]
        assert [one["current"] for one in sessions] == current
        assert sessions[0]["device"] == "Firefox on Linux"
        assert all(re.fullmatch(r"[A-Za-z0-9_-]{22}", one["id"]) for one in sessions)
        assert all(one["created_at"].endswith("Z") for one in sessions)


@pytest.mark.parametrize(
    ("user_agent", "device"),
    [
        ("curl/8.5.0", "curl"),
        ("todo-app/3.1 (build 7)", "todo-app"),
        ("", "Unknown device"),
        ("x" * 4_000, "x" * 40),
        ("<script>alert(1)</script>", "<script>alert(1)<"),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
            "Version/18.0 Mobile/15E148 Safari/604.1",
            "Mobile Safari on iOS",
        ),
    ],
)
def test_a_device_is_told_in_words(owner: Person, user_agent: str, device: str) -> None:
    sessions = listed(owner, token=logged_in(owner, user_agent))
    assert [one["device"] for one in sessions if one["current"]] == [device]


def test_last_seen_is_told_to_the_minute_and_survives_a_restart_of_the_memory(
    owner: Person, local_client: TestClient, clock: Clock
) -> None:
    (first,) = listed(owner)
    clock.forward(600)
    owner.get("/me")
    (seen,) = listed(owner)
    assert seen["last_seen_at"] > first["last_seen_at"]
    assert seen["last_seen_at"].endswith(":00Z")
    coatcheck: Any = local_client.app.state.coatcheck  # type: ignore[attr-defined]
    portal: Any = local_client.portal
    portal.call(coatcheck.sessions.upkeep.round)
    assert coatcheck.sessions.upkeep.last_seen(first["id"]) is None
    row = portal.call(coatcheck.sessions.all_of, portal.call(coatcheck.sessions.user, owner.token))
    assert row[0].last_seen_at.isoformat().startswith(seen["last_seen_at"][:16])


def test_a_session_ends_by_its_id_and_only_its_own_account_may(owner: Person) -> None:
    other = owner.log_in()
    stranger = Person(owner.client)
    target = next(one["id"] for one in listed(owner) if not one["current"])
    assert stranger.delete(f"/sessions/{target}").status_code == 404
    assert owner.get("/me", token=other).status_code == 200
    assert owner.delete(f"/sessions/{target}").status_code == 204
    assert owner.get("/me", token=other).status_code == 401
    assert owner.delete(f"/sessions/{target}").status_code == 404
    assert owner.get("/me").status_code == 200


def test_one_may_end_the_session_that_asks(owner: Person) -> None:
    (own,) = listed(owner)
    assert owner.delete(f"/sessions/{own['id']}").status_code == 204
    assert owner.get("/me").status_code == 401


@pytest.mark.parametrize("name", ["x", "1", "x" * 22, "%00", "x" * 3_000, "..%2f..", "é" * 22])
def test_what_is_no_session_is_not_found(owner: Person, name: str) -> None:
    assert owner.delete(f"/sessions/{name}").status_code == 404


def test_all_others_end_at_once(owner: Person) -> None:
    others = [owner.log_in() for _ in range(3)]
    stranger = Person(owner.client)
    assert owner.delete("/sessions").status_code == 204
    assert [owner.get("/me", token=token).status_code for token in others] == [401] * 3
    assert owner.get("/me").status_code == stranger.get("/me").status_code == 200
    assert len(listed(owner)) == 1


def test_j27_and_w47_after_logout_the_token_is_refused_everywhere(owner: Person) -> None:
    other = owner.log_in()
    assert owner.post("/logout").status_code == 204
    for method, path in (("GET", "/me"), ("GET", "/todos"), ("GET", "/sessions"), ("POST", "/logout")):
        answer = owner.request(method, path)
        assert answer.status_code == 401
        assert 'error="invalid_token"' in answer.headers["www-authenticate"]
    assert owner.get("/me", token=other).status_code == 200


@pytest.mark.parametrize("table", ["coatcheck_sessions", "coatcheck_accounts"])
@pytest.mark.parametrize("path", ["/logout", "/sessions/{id}"])
def test_a_session_ends_also_if_somebody_has_deleted_its_row_by_hand(
    owner: Person, local_client: TestClient, table: str, path: str
) -> None:
    """Or its server was lost, and the one that took over had not got the last login yet."""
    coatcheck: Any = local_client.app.state.coatcheck  # type: ignore[attr-defined]
    portal: Any = local_client.portal
    (own,) = listed(owner)
    portal.call(coatcheck.database.execute, text(f"DELETE FROM {table}"))
    method = "POST" if path == "/logout" else "DELETE"
    assert owner.request(method, path.format(id=own["id"])).status_code == 204
    assert owner.get("/sessions").status_code == 401
    revocations = Revocations(coatcheck.database, coatcheck.keyring, clock=coatcheck._clock)
    assert portal.call(revocations.ask, own["id"])  # as another process would


def test_an_expired_session_is_listed_no_longer(owner: Person, clock: Clock) -> None:
    clock.forward(1_799)
    fresh = owner.log_in()
    clock.forward(1)
    assert [one["current"] for one in listed(owner, token=fresh)] == [True]


def test_a_session_that_can_be_refreshed_is_listed_after_its_token_has_expired(owner: Person, clock: Clock) -> None:
    owner.log_in_with_refresh()
    clock.forward(86_400)
    fresh = owner.log_in()
    assert [one["current"] for one in listed(owner, token=fresh)] == [True, False]


def test_a_session_that_goes_on_does_not_hide_behind_those_that_have_expired(owner: Person, clock: Clock) -> None:
    """A thief who knows the password would log in so often that the list is full, and be seen in it no longer."""
    family = owner.log_in_with_refresh()
    clock.forward(1)
    for _ in range(MOST_SHOWN):
        owner.log_in()
    clock.forward(1_801)
    owner.token = owner.log_in()
    assert [one["current"] for one in listed(owner)] == [True, False]
    assert owner.refresh(family["refresh_token"]).status_code == 200


def test_of_more_than_a_hundred_the_newest_are_listed_and_all_others_end(owner: Person, clock: Clock) -> None:
    clock.forward(1)
    newer = [owner.log_in() for _ in range(MOST_SHOWN)]
    assert len(listed(owner, token=newer[0])) == MOST_SHOWN
    assert not any(one["current"] for one in listed(owner))
    assert owner.delete("/sessions", token=newer[0]).status_code == 204
    assert owner.get("/me").status_code == 401
    assert len(listed(owner, token=newer[0])) == 1


def test_hundreds_of_sessions_end_in_one_request(owner: Person) -> None:
    tokens = [owner.log_in() for _ in range(400)]
    assert owner.delete("/sessions").status_code == 204
    assert {owner.get("/me", token=token).status_code for token in tokens} == {401}


@pytest.mark.parametrize("path", ["/sessions", "/sessions/x", "/logout"])
def test_nobody_else_comes_here(local_client: TestClient, path: str) -> None:
    method = "POST" if path == "/logout" else "DELETE"
    assert local_client.request(method, path).status_code == 401
