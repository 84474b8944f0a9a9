"""What both engines promise of event loops: nothing asyncio outlives its loop.

Starlette's TestClient without `with` gives every request a new loop and closes it.
"""

import asyncio
import gc
import threading
import time
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import pytest
import uvloop

from coatcheck.database import Database
from tests.database.address import Address
from tests.database.heard import Heard, add
from tests.database.onlooker import Onlooker
from tests.database.things import ADD, ADD_QUIETLY, COUNT, GET, NAMES

Result = TypeVar("Result")
READS = 1_000


class Loops:
    """New event loops of one kind."""

    def __init__(self, new: Callable[[], asyncio.AbstractEventLoop]) -> None:
        self.new = new

    def run(self, work: Coroutine[Any, Any, Result]) -> Result:
        """In a loop of its own, closed afterwards as asyncio.run does."""
        with asyncio.Runner(loop_factory=self.new) as runner:
            return runner.run(work)


def cut_off(loops: Loops, *works: Coroutine[Any, Any, Any]) -> list[asyncio.Task[Any]]:
    """Run them in a loop of their own until one of them calls `loop.stop()`, then close it under the others."""
    loop = loops.new()
    tasks = [loop.create_task(work) for work in works]
    loop.run_forever()
    loop.close()
    for task in tasks:
        setattr(task, "_log_destroy_pending", False)  # noqa: B010  it is the point that they are, and mypy knows no better
    return tasks


async def unfinished(database: Database, name: str) -> None:
    """A body that is never gone on with: the loop ends while it waits."""
    async with database.transaction() as tx:
        await tx.execute(ADD_QUIETLY, {"name": name})
        asyncio.get_running_loop().stop()
        await asyncio.get_running_loop().create_future()


async def stop_after(turns: int) -> None:
    """End the loop after a few of its steps."""
    for _ in range(turns):
        await asyncio.sleep(0)
    asyncio.get_running_loop().stop()


def names(database: Database, loops: Loops) -> list[str]:
    """All names, read in a loop of its own."""
    return [row.name for row in loops.run(database.all(NAMES))]


# psycopg says so of a connection that was still being made when the loop went.
HALF_MADE = pytest.mark.filterwarnings("ignore:.*was deleted while still open:ResourceWarning")


class LoopsContract:
    """One `Database`, many loops."""

    @pytest.fixture(params=[asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
    def loops(self, request: pytest.FixtureRequest) -> Loops:
        """The kind that TestClient makes, and the one that serves."""
        return Loops(request.param)

    def test_ten_loops_one_after_another_need_no_close_between(self, address: Address, loops: Loops) -> None:
        database = address.database()

        async def request(number: int) -> int:
            await database.execute(ADD_QUIETLY, {"name": f"name{number}"})
            async with database.transaction() as tx:
                await tx.one(ADD, {"name": f"more{number}"})
            assert await database.scan(COUNT)
            assert await heard.is_current()
            await add(database, f"told{number}")
            assert await heard.hears(f"told{number}")
            return int((await database.one(COUNT)).number)

        heard = Heard(database)
        loops.run(database.open())
        assert [loops.run(request(number)) for number in range(10)] == list(range(3, 31, 3))
        loops.run(database.close())

    @HALF_MADE
    def test_a_loop_closed_in_the_middle_of_a_transaction_leaves_nothing_behind(
        self, address: Address, loops: Loops
    ) -> None:
        database = address.database()
        loops.run(database.open())
        for number in range(3):
            tasks = cut_off(loops, unfinished(database, f"lost{number}"))
            began = time.monotonic()
            loops.run(database.execute(ADD_QUIETLY, {"name": f"kept{number}"}))
            assert time.monotonic() - began < 2
            del tasks
            gc.collect()  # the body is thrown away only now, when another loop has the connection
            loops.run(database.execute(ADD_QUIETLY, {"name": f"more{number}"}))
        assert names(database, loops) == ["kept0", "kept1", "kept2", "more0", "more1", "more2"]
        loops.run(database.close())

    @HALF_MADE
    def test_a_body_thrown_away_with_its_loop_leaves_nothing_behind(self, address: Address, loops: Loops) -> None:
        database = address.database()
        loops.run(database.open())
        with Onlooker(address.plain) as other:
            cut_off(loops, unfinished(database, "lost"))
            gc.collect()
            assert other.rows("INSERT INTO parents (name) VALUES ('of another process') RETURNING name")
        loops.run(database.execute(ADD_QUIETLY, {"name": "kept"}))
        assert names(database, loops) == ["kept", "of another process"]
        loops.run(database.close())

    @HALF_MADE
    def test_a_loop_may_be_closed_at_any_step(self, address: Address, loops: Loops) -> None:
        database = address.database()
        loops.run(database.open())
        for turns in range(12):
            works = [database.execute(ADD_QUIETLY, {"name": f"{turns} {number}"}) for number in range(5)]
            tasks = cut_off(loops, *works, stop_after(turns))
            answered = [f"{turns} {number}" for number in range(5) if tasks[number].done()]
            assert all(tasks[number].result() == 1 for number in range(5) if tasks[number].done())
            began = time.monotonic()
            loops.run(database.execute(ADD_QUIETLY, {"name": f"after {turns}"}))
            assert time.monotonic() - began < 2
            assert {f"after {turns}", *answered} <= set(names(database, loops))
        gc.collect()
        loops.run(database.close())

    def test_loops_in_several_threads_write_side_by_side(self, address: Address, loops: Loops) -> None:
        database = address.database()
        loops.run(database.open())

        async def add_some(thread: int) -> None:
            for number in range(10):
                await database.execute(ADD_QUIETLY, {"name": f"{thread} {number}"})
                assert await database.all(NAMES)

        threads = [threading.Thread(target=loops.run, args=(add_some(thread),)) for thread in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
        assert len(names(database, loops)) == 40
        loops.run(database.close())

    def test_loops_in_several_threads_read_each_its_own_row(self, address: Address, loops: Loops) -> None:
        database = address.database()
        loops.run(database.open())
        for number in range(4):
            loops.run(database.execute(ADD_QUIETLY, {"name": f"{number}"}))
        right: list[str] = []
        mixed_up: list[object] = []

        async def read_some(wanted: str) -> None:
            for _ in range(READS):
                rows = await database.all(GET, {"wanted": wanted})
                if [row.name for row in rows] == [wanted]:
                    right.append(wanted)
                else:
                    mixed_up.append((wanted, rows))

        threads = [threading.Thread(target=loops.run, args=(read_some(f"{number}"),)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert mixed_up == []
        assert len(right) == 4 * READS
        loops.run(database.close())
