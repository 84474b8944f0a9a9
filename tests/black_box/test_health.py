"""`/health` and `/ready`, which a load balancer asks."""

import time
from typing import Any

import pytest

from tests.black_box.conftest import Start
from tests.black_box.problem import problem
from tests.support.person import Person
from tests.support.postgresql import Cluster
from tests.support.server import CHEAP


@pytest.mark.parametrize("path", ["/health", "/ready"])
def test_both_answer_get_and_head_to_anybody(path: str, client: Any) -> None:
    client.get(path)  # the first question wakes the feed of PostgreSQL
    answer = client.get(path)
    assert (answer.status_code, answer.json()["status"]) == (200, "ok")
    assert answer.headers["cache-control"] == "no-store"
    head = client.head(path)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == answer.headers["content-length"]
    assert client.get(path, headers={"Authorization": "Bearer nonsense"}).status_code == 200


@pytest.mark.postgresql
def test_ready_is_503_while_the_database_is_gone_and_well_again_afterwards(cluster: Cluster, start: Start) -> None:
    name = cluster.new_database()
    server = start({**CHEAP, "COATCHECK_DATABASE_URL": cluster.url(name)})
    with server.client() as client:
        person = Person(client)
        todo = person.add_todo()
        away = f"{name}_away"
        disconnect = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"
        cluster.run(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
        cluster.run(disconnect)
        cluster.run(f'ALTER DATABASE "{name}" RENAME TO "{away}"')
        for path in ("/ready", "/todos", "/me"):
            answer = person.get(path)
            problem(answer, 503, "database-unavailable")
            assert int(answer.headers["retry-after"]) >= 1
        assert client.head("/ready").status_code == 503
        problem(person.post("/todos", json={"title": "lost"}), 503, "database-unavailable")
        problem(client.post("/login", json=person.credentials), 503, "database-unavailable")
        assert client.get("/health").json() == {"status": "ok"}
        cluster.run(f'ALTER DATABASE "{away}" RENAME TO "{name}"')
        cluster.run(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')
        deadline = time.monotonic() + 20
        while client.get("/ready").status_code != 200:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        assert person.get("/todos").json() == [todo]
    assert server.stop() == 0
    assert "Traceback" not in server.stderr
    cluster.drop_database(name)
