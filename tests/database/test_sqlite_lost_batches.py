"""A savepoint does not protect the neighbours from everything.

A full disk and OR ROLLBACK end the whole transaction, and with it what others had written into it. None
of them may be told that all is well; and whoever comes next must find a connection that works.
"""

import asyncio
import resource
import sqlite3
from collections.abc import Generator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Executable, text

from coatcheck.database import Database, DatabaseUnavailable, StatementRefused, UniqueViolation
from tests.database.inside import log_size, write_connection
from tests.database.things import ADD_KIND, ADD_OR_ROLL_BACK, ADD_QUIETLY, NAMES, kind

MIB = 1024 * 1024


async def add(database: Database, name: str) -> None:
    await database.execute(ADD_QUIETLY, {"name": name})


async def acknowledged_and_there(database: Database, file: Path, *works: Any) -> tuple[list[Any], set[str]]:
    """What each was answered, and the names that another connection finds afterwards."""
    answers = await asyncio.gather(*works, return_exceptions=True)
    with closing(sqlite3.connect(file)) as other:
        there = {name for (name,) in other.execute("SELECT name FROM parents")}
    await asyncio.wait_for(add(database, "afterwards"), 2)
    assert ("afterwards",) in await database.all(NAMES)
    assert not write_connection(database).in_transaction
    return answers, there


async def test_or_rollback_loses_the_batch_and_nobody_in_it_is_acknowledged(database: Database, file: Path) -> None:
    await add(database, "taken")
    before = [add(database, f"before{number}") for number in range(5)]
    after = [add(database, f"after{number}") for number in range(5)]
    culprit = database.execute(ADD_OR_ROLL_BACK, {"name": "taken"})
    answers, there = await acknowledged_and_there(database, file, *before, culprit, *after)
    assert [type(answer) for answer in answers[:5]] == [DatabaseUnavailable] * 5
    assert isinstance(answers[5], UniqueViolation)
    assert answers[6:] == [None] * 5
    assert there == {"taken", *(f"after{number}" for number in range(5))}


async def test_a_body_that_swallows_or_rollback_loses_it_too(database: Database, file: Path) -> None:
    await add(database, "taken")

    async def swallow() -> None:
        async with database.transaction() as tx:
            await tx.execute(ADD_QUIETLY, {"name": "first"})
            with suppress(UniqueViolation):
                await tx.execute(ADD_OR_ROLL_BACK, {"name": "taken"})
            with suppress(UniqueViolation):
                await tx.execute(ADD_QUIETLY, {"name": "in no transaction at all"})

    answers, there = await acknowledged_and_there(database, file, add(database, "neighbour"), swallow())
    assert [type(answer) for answer in answers] == [DatabaseUnavailable, UniqueViolation]
    assert there == {"taken"}


@pytest.mark.parametrize("ending", ["ROLLBACK", "COMMIT", "RELEASE body", "ROLLBACK TO body"])
@pytest.mark.parametrize("fails", [False, True], ids=["then returns", "then fails"])
async def test_a_body_that_ends_the_transaction_itself_blocks_nobody(
    database: Database, file: Path, ending: str, fails: bool
) -> None:
    async def meddle() -> None:
        async with database.transaction() as tx:
            await tx.execute(ADD_QUIETLY, {"name": "meddler"})
            await tx.execute(text(ending))
            if fails:
                raise LookupError

    works = [add(database, "before"), meddle(), add(database, "after")]
    answers, there = await acknowledged_and_there(database, file, *works)
    assert answers[2] is None
    assert "after" in there
    assert isinstance(answers[1], LookupError if fails else StatementRefused | None)
    if answers[0] is None:
        assert "before" in there
    else:
        assert isinstance(answers[0], DatabaseUnavailable)


async def test_a_full_disk_acknowledges_nothing_that_is_not_there(database: Database, file: Path) -> None:
    """max_page_count is SQLite's own way to have a disk that is full."""
    connection = write_connection(database)
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    connection.execute(f"PRAGMA max_page_count={pages + 3}")
    large = database.one(ADD_KIND, kind(raw=bytes(MIB)))
    neighbours = [add(database, f"name{number}") for number in range(6)]
    answers, there = await acknowledged_and_there(database, file, *neighbours[:3], large, *neighbours[3:])
    assert isinstance(answers.pop(3), DatabaseUnavailable)
    assert {type(answer) for answer in answers[:3]} == {DatabaseUnavailable}  # SQLite gave the batch up
    for number, answer in enumerate(answers):
        assert (f"name{number}" in there) == (answer is None)
    connection.execute("PRAGMA max_page_count=1073741823")
    await database.one(ADD_KIND, kind(raw=bytes(MIB)))


@contextmanager
def no_larger_files_than(size: int) -> Generator[None, None, None]:
    """The system refuses to write past it, as a full disk does: in the middle of SQLite's COMMIT."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


async def test_a_commit_that_cannot_be_written_answers_nobody_with_success(database: Database, file: Path) -> None:
    await database.one(ADD_KIND, kind(raw=bytes(MIB)))  # the log is larger than what others write meanwhile
    works = [add(database, f"name{number}") for number in range(10)]
    with no_larger_files_than(log_size(file)):
        answers = await asyncio.gather(*works, return_exceptions=True)
        with pytest.raises(DatabaseUnavailable):
            await add(database, "still full")
    assert {type(answer) for answer in answers} == {DatabaseUnavailable}
    assert len({id(answer) for answer in answers}) == 10  # one each, with its own trace
    _, there = await acknowledged_and_there(database, file, add(database, "room again"))
    assert there == {"room again"}


async def test_a_refused_commit_answers_nobody_with_success(database: Database, file: Path) -> None:
    """Deferred constraints are not used here; a host's table may have one, and then COMMIT itself fails."""
    await database.execute(
        text("CREATE TABLE deferred (parent_id INTEGER REFERENCES parents (id) DEFERRABLE INITIALLY DEFERRED)")
    )
    dangling: Executable = text("INSERT INTO deferred VALUES (:parent)")
    works = [add(database, "before"), database.execute(dangling, {"parent": 1_000_000}), add(database, "after")]
    answers, there = await acknowledged_and_there(database, file, *works)
    assert [type(answer) for answer in answers] == [DatabaseUnavailable] * 3
    assert there == set()


async def test_nobody_is_refused_over_what_was_never_committed(database: Database, file: Path) -> None:
    """The second "alice" is told that the name is taken only if the first one is there in the end."""
    works = [add(database, "alice"), add(database, "alice")]
    await database.one(ADD_KIND, kind(raw=bytes(MIB)))
    with no_larger_files_than(log_size(file)):
        answers = await asyncio.gather(*works, return_exceptions=True)
    assert [type(answer) for answer in answers] == [DatabaseUnavailable] * 2
    answers, there = await acknowledged_and_there(database, file, add(database, "alice"), add(database, "alice"))
    assert [type(answer) for answer in answers] == [type(None), UniqueViolation]
    assert there == {"alice"}
