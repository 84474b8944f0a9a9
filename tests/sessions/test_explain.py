"""`explain` says of any token what `GET /me` answers: all stages passed exactly where it is let in."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from coatcheck import Coatcheck, Settings
from coatcheck.tokens import Outcome
from tests.support.app import CHEAP
from tests.support.clock import Clock
from tests.support.person import Person

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.="


class Host:
    """An application, somebody signed in, and the clock."""

    def __init__(self, client: TestClient, coatcheck: Coatcheck, clock: Clock) -> None:
        self.client, self.coatcheck, self.clock = client, coatcheck, clock
        self.person = Person(client)

    def explained(self, token: str) -> list[Outcome]:
        assert self.client.portal is not None
        return self.client.portal.call(self.coatcheck.sessions.explain, token)

    def agree(self, token: str) -> str:
        """The stage that refuses, empty for none; fails where `GET /me` answers otherwise."""
        outcomes = self.explained(token)
        answer = self.client.get("/me", headers={b"Authorization": f"Bearer {token}".encode()})
        refused = [outcome.stage for outcome in outcomes if outcome.result == "refused"]
        assert answer.status_code == (401 if refused else 200)
        return "".join(refused)


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    app, clock = FastAPI(), Clock()
    coatcheck = Coatcheck(app, Settings.read(tmp_path, **CHEAP), prefix="", clock=clock)
    with TestClient(app) as client:
        yield Host(client, coatcheck, clock)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
@given(position=st.integers(0, 700), piece=st.text(LETTERS, max_size=3), removed=st.integers(0, 5))
def test_any_change_of_a_token_is_explained_as_it_is_answered(
    host: Host, position: int, piece: str, removed: int
) -> None:
    token = host.person.token
    changed = token[:position] + piece + token[position + removed :]
    assert (host.agree(changed) == "") == (changed == token)


@given(text=st.text(LETTERS + "é \t", max_size=200))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=100)
def test_any_text_is_explained_as_it_is_answered(host: Host, text: str) -> None:
    assert host.agree(text)


def end(host: Host) -> None:
    call: Any = host.client.portal
    call.call(host.coatcheck.end_sessions, host.person.id)


def disable(host: Host) -> None:
    call: Any = host.client.portal
    call.call(host.coatcheck.disable_account, host.person.id)


def expire(host: Host) -> None:
    host.clock.forward(1_800)


@pytest.mark.parametrize(("happening", "stage"), [(end, "session"), (disable, "session"), (expire, "times")])
def test_what_happened_to_the_session_is_the_stage_that_refuses(host: Host, happening: Any, stage: str) -> None:
    assert host.agree(host.person.token) == ""
    happening(host)
    assert host.agree(host.person.token) == stage
