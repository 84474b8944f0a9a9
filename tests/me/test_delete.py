"""Alice asks to delete her account, is told to log in again, and logs in as Bob by mistake: the repeated
request must not delete Bob."""

from fastapi.testclient import TestClient

from tests.support.clock import Clock
from tests.support.person import Person


def test_a_repeated_request_deletes_only_the_account_it_names(local_client: TestClient, clock: Clock) -> None:
    alice, bob = Person(local_client), Person(local_client)
    clock.forward(301)
    assert alice.delete(f"/me?id={alice.id}").json()["type"] == "urn:coatcheck:problem:login-too-old"
    token = bob.log_in()
    refused = bob.delete(f"/me?id={alice.id}", token=token)
    assert (refused.status_code, refused.json()["type"]) == (403, "urn:coatcheck:problem:another-account")
    assert bob.get("/me", token=token).status_code == 200
    assert alice.get("/me").status_code == 200
    assert alice.delete(f"/me?id={alice.id}", token=alice.log_in()).status_code == 204


def test_a_session_that_ended_in_the_meantime_deletes_nothing(local_client: TestClient) -> None:
    thief = Person(local_client)
    owner = thief.log_in()
    change = {"old_password": thief.password, "new_password": "another password"}
    assert thief.put("/me/password", token=owner, json=change).status_code == 204
    assert thief.delete("/me").status_code == 401
    assert thief.get("/me", token=owner).status_code == 200
