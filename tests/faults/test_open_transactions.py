"""A thief's login arrives while the transaction that changes alice's password is open: it has written
the account's row and has not committed. Neither has won yet. Whoever does not wait for the row reads
what is about to be void, and opens a session that outlives the change.

PostgreSQL only: on SQLite transactions take turns, so none is ever open beside another."""

import asyncio
import time
from collections.abc import AsyncIterator, Coroutine, Generator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import httpx2
import psycopg
import pytest
import pytest_asyncio

from tests.faults.two_processes import CHEAP, DEARER, NEW, OLD, Process, bearer, claims, process
from tests.support.postgresql import Cluster

pytestmark = pytest.mark.postgresql
Result = TypeVar("Result")

CHANGE = "UPDATE coatcheck_accounts SET password_hash = %(new_hash)s WHERE id = %(account)s"
DISABLE = "UPDATE coatcheck_accounts SET disabled_at = now() WHERE id = %(account)s"
DELETE = "DELETE FROM coatcheck_accounts WHERE id = %(account)s"
END_OTHERS = "DELETE FROM coatcheck_sessions WHERE account_id = %(account)s AND id <> %(keep)s"
WAITING = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


@pytest.fixture
def url(cluster: Cluster) -> Iterator[str]:
    """A new, empty database."""
    name = cluster.new_database()
    yield cluster.url(name)
    cluster.drop_database(name)


@pytest_asyncio.fixture
async def api(tmp_path: Path, url: str) -> AsyncIterator[Process]:
    """The application, on that database."""
    async with process(tmp_path, url) as running:
        yield running


class Other:
    """Another process's transaction, open until it is ended by hand."""

    def __init__(self, connection: "psycopg.Connection[Any]", values: dict[str, Any]) -> None:
        self.connection = connection
        self.values = values

    def does(self, statement: str, **more: Any) -> None:
        self.connection.execute(statement.encode(), {**self.values, **more})


@contextmanager
def transaction_of_another(url: str, account: int, **values: Any) -> Generator[Other]:
    """For one account; rolled back at the end, unless ended before."""
    with psycopg.connect(url) as connection:
        yield Other(connection, {"account": account, **values})
        connection.rollback()


async def waits_for_a_row(url: str, request: Coroutine[Any, Any, Result]) -> "asyncio.Task[Result]":
    """Begin a request, and see that the database makes it wait."""
    task = asyncio.create_task(request)
    deadline = time.monotonic() + 5
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        while True:
            row = await (await connection.execute(WAITING.encode())).fetchone()
            if row is not None and row[0]:
                return task
            assert not task.done(), f"it did not wait: {task.result()}"
            assert time.monotonic() < deadline, "it neither waits for the row nor ends"
            await asyncio.sleep(0.01)


async def ended(task: "asyncio.Task[httpx2.Response]") -> int:
    return (await asyncio.wait_for(task, 10)).status_code


@pytest.mark.parametrize("cost", [CHEAP, DEARER], ids=["as-it-is", "rehash-due"])
@pytest.mark.parametrize("statement", [CHANGE, DISABLE, DELETE], ids=["change", "disable", "delete"])
@pytest.mark.parametrize(("end", "status"), [("COMMIT", 401), ("ROLLBACK", 200)])
async def test_a_login_waits_for_what_is_under_way_and_then_obeys_it(
    api: Process, url: str, statement: str, cost: Any, end: str, status: int
) -> None:
    alice = await api.register()
    new_hash = await api.coatcheck.passwords.hash(NEW)
    gate = api.gate(cost)
    gate.open.set()
    with transaction_of_another(url, alice, new_hash=new_hash) as other:
        other.does(statement)
        login = await waits_for_a_row(url, api.log_in(OLD))
        other.does(end)
        assert await ended(login) == status
    assert len(await api.session_ids(alice)) == (1 if status == 200 else 0)


@pytest.mark.parametrize(
    ("statement", "status"),
    [(CHANGE, {400}), (DISABLE, {400, 401}), (DELETE, {401})],
    ids=["change", "disable", "delete"],
)
async def test_a_password_change_waits_for_what_is_under_way_and_then_obeys_it(
    api: Process, url: str, statement: str, status: set[int]
) -> None:
    alice = await api.register()
    token = await api.token()
    new_hash = await api.coatcheck.passwords.hash("a third password")
    with transaction_of_another(url, alice, new_hash=new_hash) as other:
        other.does(statement)
        change = await waits_for_a_row(url, api.change_password(token, OLD, NEW))
        other.does("COMMIT")
        assert await ended(change) in status
    assert (await api.log_in(NEW)).status_code == 401


async def test_a_session_that_is_being_opened_does_not_escape_the_change(api: Process, url: str) -> None:
    """The login was first and has not committed: the change waits for it and ends its session too."""
    alice = await api.register()
    token = await api.token()
    with transaction_of_another(url, alice, now=datetime.now(UTC)) as other:
        other.does("SELECT 1 FROM coatcheck_accounts WHERE id = %(account)s FOR SHARE")
        other.does(
            "INSERT INTO coatcheck_sessions (id, account_id, auth_time, amr, expires_at)"
            " VALUES ('a-thief', %(account)s, %(now)s, 'pwd', %(now)s)"
        )
        change = await waits_for_a_row(url, api.change_password(token, OLD, NEW))
        other.does("COMMIT")
        assert await ended(change) == 204
    assert await api.session_ids(alice) == {claims(token)["sid"]}


async def test_a_session_that_is_being_ended_deletes_no_account(api: Process, url: str) -> None:
    """Alice changes her password because somebody has her session; that one's last act would be to
    delete her account. Having waited for her row, it must see that its session is gone."""
    alice = await api.register()
    hers, stolen = await api.token(), await api.token()
    new_hash = await api.coatcheck.passwords.hash(NEW)
    with transaction_of_another(url, alice, new_hash=new_hash, keep=claims(hers)["sid"]) as other:
        other.does(CHANGE)
        other.does(END_OTHERS)
        deletion = await waits_for_a_row(url, api.delete(stolen))
        other.does("COMMIT")
        assert await ended(deletion) == 401
    assert await api.who(hers) == 200


@pytest.mark.parametrize("cost", [CHEAP, DEARER], ids=["as-it-is", "rehash-due"])
async def test_a_login_that_clears_expired_sessions_and_a_change_do_not_block_each_other(
    api: Process, url: str, cost: Any
) -> None:
    """Each locks the account and deletes session rows: in different orders each would wait for the other."""
    alice = await api.register()
    hers = await api.token()
    past = datetime(2020, 1, 1, tzinfo=UTC)
    new_hash = await api.coatcheck.passwords.hash(NEW)
    api.gate(cost).open.set()
    with transaction_of_another(url, alice, new_hash=new_hash, keep=claims(hers)["sid"], past=past) as other:
        other.does(
            "INSERT INTO coatcheck_sessions (id, account_id, auth_time, amr, expires_at)"
            " VALUES ('expired', %(account)s, %(past)s, 'pwd', %(past)s)"
        )
        other.does("COMMIT")
        other.does(CHANGE)
        login = await waits_for_a_row(url, api.log_in(OLD))
        other.does(END_OTHERS)
        other.does("COMMIT")
        assert await ended(login) == 401
    assert await api.session_ids(alice) == {claims(hers)["sid"]}


async def test_a_todo_waits_for_the_deletion_of_its_owner_and_is_then_refused(api: Process, url: str) -> None:
    alice = await api.register()
    token = await api.token()
    with transaction_of_another(url, alice) as other:
        other.does(DELETE)
        adding = api.client.post("/todos", json={"title": "Learn JWT"}, headers=bearer(token))
        todo = await waits_for_a_row(url, adding)
        other.does("COMMIT")
        assert await ended(todo) == 401
