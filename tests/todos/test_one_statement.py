"""A list of todos is asked for more often than anything else. Whoever presents a token that was checked before costs
the database one statement, the list itself; that his session goes on is known without asking."""

import re
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.support.person import Person
from tests.support.postgresql import Cluster
from tests.support.server import CHEAP, Server

pytestmark = pytest.mark.postgresql

REQUESTS = 100
CURRENT_SECONDS = 5
STATEMENT = re.compile(r"LOG:  (?:statement|execute [^:]*): (?P<sql>.*)")
HEARTBEAT = "SELECT pg_notify($1, $2)"  # on a connection of its own, four times a second, whoever asks


@pytest.fixture
def logged_server(cluster: Cluster, postgresql_url: str, tmp_path: Path) -> Iterator[Server]:
    """A server whose database writes down every statement."""
    cluster.run(f"ALTER DATABASE \"{urlsplit(postgresql_url).path[1:]}\" SET log_statement = 'all'")
    running = Server(tmp_path / "server", {**CHEAP, "COATCHECK_DATABASE_URL": postgresql_url})
    yield running
    running.stop()


class Statements:
    """What the database was told between two marks."""

    def __init__(self, cluster: Cluster, url: str) -> None:
        self._cluster, self._name, self._marks = cluster, urlsplit(url).path[1:], 0

    def mark(self) -> str:
        self._marks += 1
        mark = f"SELECT 'mark {self._marks} of {self._name}'"
        self._cluster.run(mark, self._name)
        return mark

    def between(self, first: str, last: str) -> list[str]:
        lines = self._cluster.server.log.read_text(errors="replace").splitlines()
        told = [match["sql"] for line in lines if (match := STATEMENT.search(line))]
        return [sql for sql in told[told.index(first) + 1 : told.index(last)] if sql != HEARTBEAT]


def until_current(person: Person) -> None:
    deadline = time.monotonic() + CURRENT_SECONDS
    while person.client.get("/ready").json()["revocations"] != "current":
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_list_of_todos_is_one_statement(logged_server: Server, cluster: Cluster, postgresql_url: str) -> None:
    statements = Statements(cluster, postgresql_url)
    with logged_server.client() as client:
        person = Person(client)
        todo = person.add_todo()
        assert person.get("/todos").json() == [todo]
        until_current(person)
        begin = statements.mark()
        for _ in range(REQUESTS):
            assert person.get("/todos").json() == [todo]
        end = statements.mark()
    told = statements.between(begin, end)
    assert len(told) == REQUESTS, set(told)
    assert all(sql.startswith("SELECT todos.id, todos.title") for sql in told)


def test_a_first_request_with_a_token_costs_no_more(
    logged_server: Server, cluster: Cluster, postgresql_url: str
) -> None:
    """Also where it is not remembered yet: its key and what has ended are in memory."""
    statements = Statements(cluster, postgresql_url)
    with logged_server.client() as client:
        person = Person(client)
        tokens = [person.log_in() for _ in range(10)]
        until_current(person)
        begin = statements.mark()
        for token in tokens:
            assert person.request("GET", "/todos", token).status_code == 200
        end = statements.mark()
    told = statements.between(begin, end)
    assert len(told) == len(tokens), told
