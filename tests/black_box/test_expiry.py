"""A token is good for 30 minutes: by a clock that is moved, and by one real wait at a setting of 3 seconds."""

import time

from fastapi.testclient import TestClient

from tests.black_box.conftest import Start
from tests.black_box.problem import challenge, problem
from tests.support.clock import Clock
from tests.support.person import Person
from tests.support.server import CHEAP


def test_a_token_works_at_29_59_and_not_at_30_00(local_client: TestClient, clock: Clock) -> None:
    person = Person(local_client)
    todo = person.add_todo()
    clock.forward(seconds=29 * 60 + 59)
    assert person.get("/todos").json() == [todo]
    clock.forward(seconds=1)
    answer = person.get("/todos")
    assert answer.status_code == 401
    assert answer.json()["type"] == "urn:coatcheck:problem:invalid-token"
    assert challenge(answer) == 'Bearer realm="coatcheck", error="invalid_token"'
    person.token = person.log_in()
    assert person.get("/todos").json() == [todo]


def test_a_token_that_was_never_used_expires_as_well(local_client: TestClient, clock: Clock) -> None:
    person = Person(local_client)
    clock.forward(seconds=30 * 60)
    assert person.get("/me").status_code == 401


def test_a_second_login_does_not_prolong_the_first(local_client: TestClient, clock: Clock) -> None:
    person = Person(local_client)
    clock.forward(seconds=15 * 60)
    later = person.log_in()
    clock.forward(seconds=15 * 60)
    assert person.get("/me").status_code == 401
    assert person.get("/me", token=later).status_code == 200


def test_with_a_setting_of_3_seconds_it_is_over_after_3_seconds(start: Start) -> None:
    server = start({**CHEAP, "COATCHECK_ACCESS_TOKEN_SECONDS": "3"})
    with server.client() as client:
        person = Person(client)
        logged_in = time.time()
        while (answer := person.get("/me")).status_code == 200:
            assert time.time() - logged_in < 5
            time.sleep(0.05)
        # The token counts whole seconds, from the one in which it was issued.
        assert 1.9 < time.time() - logged_in < 4
        problem(answer, 401, "invalid-token")
        person.token = person.log_in()
        assert person.get("/me").status_code == 200
    assert server.stop() == 0
