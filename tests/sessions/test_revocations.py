"""What has ended is known in memory; where it is not yet, the database is asked, and what it says is kept."""

from typing import Any

from fastapi.testclient import TestClient

from coatcheck.sessions.revocations import KEPT_SECONDS, Revocations
from tests.support.clock import Clock
from tests.support.person import Person
from tests.tokens.test_tokens import part


def another(client: TestClient, clock: Clock) -> tuple[Revocations, Any]:
    """What a second process on the same database would know, and how to ask it."""
    coatcheck: Any = client.app.state.coatcheck  # type: ignore[attr-defined]
    portal: Any = client.portal
    return Revocations(coatcheck.database, coatcheck.keyring, clock=clock), portal.call


def test_what_the_database_has_said_once_is_not_forgotten(local_client: TestClient, clock: Clock) -> None:
    """Between the answer and the news of it a feed may become current that was last heard before the end."""
    revocations, call = another(local_client, clock)
    owner = Person(local_client)
    other = part(owner.log_in(), 1)["sid"]
    ended = part(owner.token, 1)["sid"]
    assert not call(revocations.ask, ended)
    assert owner.post("/logout").status_code == 204
    assert call(revocations.ask, ended)
    assert revocations.ended(ended)
    assert not call(revocations.ask, other)
    assert not revocations.ended(other)


def test_it_is_kept_two_hours_after_the_last_token_has_expired(local_client: TestClient, clock: Clock) -> None:
    revocations, call = another(local_client, clock)
    owner = Person(local_client)
    ended = part(owner.token, 1)["sid"]
    owner.post("/logout")
    call(revocations.ask, ended)
    upkeep: Any = local_client.app.state.coatcheck.sessions.upkeep  # type: ignore[attr-defined]
    for seconds, kept in ((1_800 + KEPT_SECONDS - 1, True), (2, False)):
        clock.forward(seconds)
        revocations.forget()
        call(upkeep.round)
        assert revocations.ended(ended) is kept
        assert call(another(local_client, clock)[0].ask, ended) is kept
