"""Writers that come together share a commit with its fsync, and nobody is answered before it.

A commit costs what a disk costs. Were each writer to have its own, 64 clients would wait for 64 fsyncs
in a row; were answers sent before, a power cut would undo what somebody was told.
"""

import asyncio
import sqlite3
import time
from contextlib import closing, suppress
from pathlib import Path

import pytest

from coatcheck.database import Database, UniqueViolation
from tests.database.inside import commits, write_connection
from tests.database.things import ADD, ADD_QUIETLY, COUNT


async def test_one_after_another_each_has_its_commit(database: Database, file: Path) -> None:
    before = commits(file)
    for number in range(10):
        await database.execute(ADD_QUIETLY, {"name": f"name{number}"})
    assert commits(file) - before == 10


async def test_together_they_share_far_fewer(database: Database, file: Path) -> None:
    before = commits(file)

    async def client(number: int) -> None:
        for turn in range(4):
            await database.execute(ADD_QUIETLY, {"name": f"name{number} {turn}"})

    await asyncio.gather(*(client(number) for number in range(64)))
    assert (await database.one(COUNT)).number == 256
    assert commits(file) - before <= 256 // 8


async def test_nobody_is_answered_before_the_commit_that_holds_it(database: Database, file: Path) -> None:
    with closing(sqlite3.connect(file)) as other:

        async def client(number: int) -> bool:
            added = await database.one(ADD, {"name": f"name{number}"})
            return other.execute("SELECT 1 FROM parents WHERE id = ?", (added.id,)).fetchall() == [(1,)]

        for _ in range(3):
            assert all(await asyncio.gather(*(client(number) for number in range(20))))
            other.execute("DELETE FROM parents")
            other.commit()


async def test_nothing_touches_the_connection_while_the_thread_commits(database: Database) -> None:
    """A statement on it meanwhile would wait for the fsync inside the event loop, or be committed unseen."""
    committing = False
    meanwhile: list[str] = []

    def watch(statement: str) -> None:
        nonlocal committing
        if committing:
            meanwhile.append(statement)
        if statement == "COMMIT":
            committing = True
            time.sleep(0.01)  # a slow disk
            committing = False

    write_connection(database).set_trace_callback(watch)
    steps = 0

    async def other_work() -> None:
        nonlocal steps
        while True:
            steps += 1
            await asyncio.sleep(0.0005)

    ticking = asyncio.create_task(other_work())
    for _ in range(5):
        await asyncio.gather(*(database.execute(ADD_QUIETLY, {"name": f"{_} {n}"}) for n in range(10)))
    ticking.cancel()
    assert meanwhile == []
    assert steps > 20  # the event loop went on


async def test_what_was_refused_costs_no_commit(database: Database, file: Path) -> None:
    """Else a stranger who registers taken names makes the disk work."""
    await database.execute(ADD_QUIETLY, {"name": "alice"})
    before = commits(file)
    refused = (database.execute(ADD_QUIETLY, {"name": "alice"}) for _ in range(20))
    answers = await asyncio.gather(*refused, return_exceptions=True)
    assert {type(answer) for answer in answers} == {UniqueViolation}
    assert commits(file) == before


async def test_a_stream_of_refused_bodies_does_not_keep_a_batch_open(database: Database) -> None:
    """A batch that was open until nobody waits would never end while somebody is refused again and again."""
    await database.execute(ADD_QUIETLY, {"name": "taken"})
    answered = False

    async def insist() -> None:
        while not answered:
            with suppress(UniqueViolation):
                await database.execute(ADD_QUIETLY, {"name": "taken"})

    insisting = [asyncio.create_task(insist()) for _ in range(20)]
    await asyncio.sleep(0.02)
    await asyncio.wait_for(database.execute(ADD_QUIETLY, {"name": "alice"}), 2)
    answered = True
    await asyncio.gather(*insisting)


async def test_slow_bodies_do_not_keep_the_first_waiting_for_the_last(database: Database) -> None:
    finished = 0

    async def slow(number: int) -> int:
        nonlocal finished
        async with database.transaction() as tx:
            await tx.execute(ADD_QUIETLY, {"name": f"name{number}"})
            time.sleep(0.02)  # noqa: ASYNC251  a large statement: the body gives control to nobody
            finished += 1
        return finished

    seen = await asyncio.gather(*(slow(number) for number in range(12)))
    assert seen[0] < 12


@pytest.mark.parametrize("writers", [1, 300, 700])
async def test_a_batch_has_a_last_turn_and_all_get_theirs(database: Database, file: Path, writers: int) -> None:
    before = commits(file)
    await asyncio.gather(*(database.execute(ADD_QUIETLY, {"name": f"name{number}"}) for number in range(writers)))
    assert (await database.one(COUNT)).number == writers
    assert commits(file) - before >= 1 + writers // 256
