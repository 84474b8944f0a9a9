"""Somebody sends requests and is gone before the answer: a lost network, a closed laptop, or on purpose,
hundreds of them, to leave locks, queue places or a broken neighbour behind. Neighbours share a commit
with what such a client has sent; they notice nothing."""

import asyncio
from collections import Counter
from collections.abc import Iterator

import pytest

from tests.conftest import ENGINES
from tests.faults.conftest import Connect, assert_nothing_unthought_of
from tests.faults.wire import written
from tests.support.person import Person
from tests.support.postgresql import Cluster
from tests.support.server import CHEAP, Server

LEAVERS = 100
# More than may wait for a hash at once, see passwords.MOST_WAITING.
LEAVING_LOGINS = 600
UNREAD_ANSWERS = 500  # 25 MB, more than the sockets take in


@pytest.fixture(scope="module", params=ENGINES)
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for all of them, on each engine: what one test leaves behind, the next one meets."""
    settings = dict(CHEAP)
    if request.param == "postgresql":
        cluster: Cluster = request.getfixturevalue("cluster")
        settings["COATCHECK_DATABASE_URL"] = cluster.url(cluster.new_database())
    running = Server(tmp_path_factory.mktemp("left"), settings)
    yield running
    assert running.stop() == 0
    assert_nothing_unthought_of(running.folder)


async def test_clients_that_leave_neither_undo_nor_block_their_neighbours(server: Server, connect: Connect) -> None:
    with server.client() as client:
        person = Person(client)

    async def leave(number: int) -> None:
        wire = await connect(server.port).connect()
        await wire.send(written("POST", "/todos", {"title": f"left {number}"}, token=person.token))
        if number % 2:
            await asyncio.sleep(0.001 * (number % 10))
        wire.vanish()

    async def stay(number: int) -> int:
        wire = await connect(server.port).connect()
        answer = await wire.request("POST", "/todos", {"title": f"stayed {number}"}, token=person.token)
        return answer.status

    mixed = [each for number in range(LEAVERS) for each in (leave(number), stay(number))]
    statuses = Counter(status for status in await asyncio.gather(*mixed) if status is not None)
    assert statuses == {201: LEAVERS}
    wire = connect(server.port)
    titles = {todo["title"] for todo in (await wire.request("GET", "/todos?limit=200", token=person.token)).json()}
    assert {f"stayed {number}" for number in range(LEAVERS)} <= titles
    assert (await wire.request("POST", "/todos", {"title": "afterwards"}, token=person.token)).status == 201


async def test_half_a_request_changes_nothing_and_holds_nobody_up(server: Server, connect: Connect) -> None:
    with server.client() as client:
        person = Person(client)
    whole = written("POST", "/todos", {"title": "never finished"}, token=person.token)
    halves = [await connect(server.port).connect() for _ in range(LEAVERS)]
    for number, wire in enumerate(halves):
        await wire.send(whole[: -1 - number % 20])
    wire = connect(server.port)
    async with asyncio.timeout(2):
        assert (await wire.request("POST", "/todos", {"title": "whole"}, token=person.token)).status == 201
    for number, half in enumerate(halves):
        if number % 2:
            half.vanish()
        else:
            await half.close()
    todos = (await wire.request("GET", "/todos", token=person.token)).json()
    assert [todo["title"] for todo in todos] == ["whole"]


async def test_logins_whose_clients_have_left_give_their_places_back(server: Server, connect: Connect) -> None:
    with server.client() as client:
        person = Person(client)
    for _ in range(LEAVING_LOGINS // LEAVERS):
        wires = [await connect(server.port).connect() for _ in range(LEAVERS)]
        for wire in wires:
            await wire.send(written("POST", "/login", person.credentials))
            wire.vanish()
    wire = connect(server.port)
    assert (await wire.request("POST", "/login", person.credentials)).status == 200


async def test_a_client_that_does_not_read_its_answers_holds_nobody_up(server: Server, connect: Connect) -> None:
    with server.client() as client:
        person = Person(client)
        for number in range(100):
            person.add_todo("x" * 400 + str(number))
    deaf, wire = connect(server.port), connect(server.port)
    before = server.stderr.count('"GET"')
    await deaf.send(written("GET", "/todos", token=person.token) * UNREAD_ANSWERS)
    for _ in range(20):
        async with asyncio.timeout(2):
            assert (await wire.request("GET", "/todos?limit=1", token=person.token)).status == 200
            await asyncio.sleep(0.02)
    assert server.stderr.count('"GET"') - before < UNREAD_ANSWERS, "it had room for all of them: send more"
    assert [(await deaf.answer()).status for _ in range(UNREAD_ANSWERS)] == [200] * UNREAD_ANSWERS
