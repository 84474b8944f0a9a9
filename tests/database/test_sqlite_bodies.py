"""A body that gives control back to the event loop while it holds the write connection.

One handler that awaits an HTTP call inside a transaction would stop every write, of other processes
too, for as long as a stranger's server likes. So it is rolled back there and then, and told where.
"""

# ruff: noqa: PT012  what is refused is often the end of a transaction's block

import asyncio
import inspect
import re
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import uvloop

from coatcheck.database import Database, Transaction, TransactionMisused, UniqueViolation
from tests.database.address import Address
from tests.database.onlooker import Onlooker
from tests.database.things import ADD, ADD_QUIETLY, GET, NAMES

HERE = re.escape(__file__)


async def names(database: Database) -> list[str]:
    return [row.name for row in await database.all(NAMES)]


async def awaits(database: Database, what: Callable[[], Awaitable[object]], name: str = "alice") -> None:
    """A transaction that awaits it."""
    async with database.transaction() as tx:
        await tx.one(ADD, {"name": name})
        await what()  # the line that is named


def named_line() -> int:
    lines, first = inspect.getsourcelines(awaits)
    return first + next(number for number, line in enumerate(lines) if "the line that is named" in line)


async def sleep_a_turn() -> None:
    await asyncio.sleep(0)


async def deep_down() -> None:
    await sleep_a_turn()


@pytest.mark.parametrize(
    "what", [sleep_a_turn, deep_down, lambda: asyncio.sleep(0.01), lambda: asyncio.to_thread(int)]
)
async def test_it_is_rolled_back_and_the_line_is_named(
    database: Database, what: Callable[[], Awaitable[object]]
) -> None:
    with pytest.raises(TransactionMisused, match=f"^{HERE}:{named_line()} awaits something else"):
        await awaits(database, what)
    assert await names(database) == []
    await database.execute(ADD_QUIETLY, {"name": "alice"})


@pytest.mark.parametrize("new_loop", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_the_loop_that_serves_notices_it_too(address: Address, new_loop: Callable[[], Any]) -> None:
    database = address.database()

    async def main() -> None:
        await database.open()
        with pytest.raises(TransactionMisused):
            await awaits(database, sleep_a_turn)
        assert await names(database) == []
        await asyncio.gather(*(database.execute(ADD_QUIETLY, {"name": f"name{n}"}) for n in range(20)))
        await database.close()

    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(main())


async def test_meanwhile_neighbours_and_other_processes_write(database: Database, address: Address) -> None:
    """Meanwhile, not afterwards: the stranger's server may take minutes."""
    waiting, go_on = asyncio.Event(), asyncio.Event()

    async def wait() -> None:
        waiting.set()
        await go_on.wait()

    misuser = asyncio.create_task(awaits(database, wait))
    await waiting.wait()
    await asyncio.wait_for(database.execute(ADD_QUIETLY, {"name": "bob"}), 1)
    with Onlooker(address.plain) as other:
        other.rows("INSERT INTO parents (name) VALUES ('carol')")
    assert not misuser.done()
    assert await names(database) == ["bob", "carol"]
    go_on.set()
    with pytest.raises(TransactionMisused):
        await misuser
    assert await names(database) == ["bob", "carol"]


async def test_its_neighbours_in_the_batch_are_kept(database: Database) -> None:
    works = [
        awaits(database, sleep_a_turn, f"misused{number}")
        if number % 5 == 2
        else database.execute(ADD_QUIETLY, {"name": f"name{number}"})
        for number in range(20)
    ]
    answers = await asyncio.gather(*works, return_exceptions=True)
    assert [isinstance(answer, TransactionMisused) for answer in answers] == [number % 5 == 2 for number in range(20)]
    assert await names(database) == sorted(f"name{number}" for number in range(20) if number % 5 != 2)


async def test_its_further_statements_are_refused(database: Database) -> None:
    with pytest.raises(TransactionMisused):
        async with database.transaction() as tx:
            await asyncio.sleep(0)
            with pytest.raises(TransactionMisused, match="awaits something else"):
                await tx.execute(ADD_QUIETLY, {"name": "alice"})
    assert await names(database) == []


async def test_a_transaction_inside_a_transaction_ends_the_outer_one(database: Database) -> None:
    with pytest.raises(TransactionMisused, match=f"^{HERE}:"):
        async with database.transaction() as outer:
            await outer.execute(ADD_QUIETLY, {"name": "outer"})
            await asyncio.wait_for(database.execute(ADD_QUIETLY, {"name": "inner"}), 1)
    assert await names(database) == ["inner"]


async def test_an_error_after_it_is_the_cause_of_what_is_raised(database: Database) -> None:
    async def fail() -> None:
        await asyncio.sleep(0)
        raise LookupError

    with pytest.raises(TransactionMisused) as caught:
        await awaits(database, fail)
    assert isinstance(caught.value.__cause__, LookupError)


async def test_who_is_cancelled_there_is_cancelled(database: Database) -> None:
    """asyncio.timeout and task groups rest on it."""
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await awaits(database, lambda: asyncio.sleep(10))
    assert await names(database) == []
    await database.execute(ADD_QUIETLY, {"name": "alice"})


async def test_what_is_done_already_gives_no_control(database: Database) -> None:
    done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    done.set_result(None)

    async def nothing() -> None:
        await done

    await awaits(database, nothing)
    assert await names(database) == ["alice"]


async def test_a_read_gives_no_control(database: Database) -> None:
    await awaits(database, lambda: database.one(GET, {"wanted": "nobody"}))
    assert await names(database) == ["alice"]


async def test_statements_from_another_task_are_refused(database: Database) -> None:
    with pytest.raises(TransactionMisused):
        async with database.transaction() as tx:
            await asyncio.gather(*(tx.execute(ADD_QUIETLY, {"name": f"name{n}"}) for n in range(2)))
    assert await names(database) == []


@pytest.mark.parametrize("turns", range(6))
async def test_a_body_that_is_cancelled_at_any_step_blocks_nobody(database: Database, turns: int) -> None:
    tasks = [asyncio.create_task(awaits(database, lambda: asyncio.sleep(0.005), f"name{n}")) for n in range(5)]
    for _ in range(turns):
        await asyncio.sleep(0)
    for task in tasks[:3]:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await asyncio.wait_for(database.execute(ADD_QUIETLY, {"name": "afterwards"}), 1)
    assert await names(database) == ["afterwards"]


async def test_a_transaction_kept_past_its_block_harms_nobody(database: Database) -> None:
    kept: list[Transaction] = []
    with pytest.raises(UniqueViolation):
        async with database.transaction() as tx:
            kept.append(tx)
            await tx.execute(ADD_QUIETLY, {"name": "alice"})
            await tx.execute(ADD_QUIETLY, {"name": "alice"})

    async def body() -> None:
        async with database.transaction() as tx:
            await tx.execute(ADD_QUIETLY, {"name": "bob"})
            with pytest.raises((TransactionMisused, UniqueViolation)):
                await kept[0].execute(ADD_QUIETLY, {"name": "smuggled"})

    await body()
    assert await names(database) == ["bob"]
