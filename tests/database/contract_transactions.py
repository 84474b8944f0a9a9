"""What both engines promise of transactions: all or nothing, alone or beside a hundred others."""

# ruff: noqa: PT012  what is refused is often the end of a transaction's block

import asyncio
from contextlib import suppress
from typing import Any

import pytest

from coatcheck.database import (
    Database,
    DatabaseUnavailable,
    ForeignKeyViolation,
    StatementRefused,
    Transaction,
    TransactionMisused,
    UniqueViolation,
)
from tests.database.address import Address
from tests.database.onlooker import Onlooker
from tests.database.things import (
    ADD,
    ADD_CHILD,
    ADD_QUIETLY,
    CHILDREN,
    COUNT,
    GET,
    NAMES,
    NEXT_VERSION,
    RENAME,
)


class ChangedMyMind(Exception):
    """Raised by a body, known to nobody else."""


async def add_with_child(database: Database, name: str) -> int:
    """A parent and its child in one transaction; the parent's id."""
    async with database.transaction() as tx:
        parent: int = (await tx.one(ADD, {"name": name})).id
        await tx.execute(ADD_CHILD, {"parent": parent})
    return parent


async def names(database: Database) -> list[str]:
    """All names."""
    return [row.name for row in await database.all(NAMES)]


class TransactionsContract:
    """`async with database.transaction() as tx`: all of it or nothing."""

    async def test_what_was_answered_is_there_for_another_process(self, database: Database, address: Address) -> None:
        with Onlooker(address.plain) as other:
            await add_with_child(database, "alice")
            assert other.rows("SELECT name FROM parents") == [["alice"]]
            await database.execute(RENAME, {"wanted": "alice", "new_name": "eve"})
            assert other.rows("SELECT name FROM parents") == [["eve"]]
            await database.one(ADD, {"name": "bob"})
            assert other.rows("SELECT name FROM parents ORDER BY name") == [["bob"], ["eve"]]

    async def test_a_transaction_sees_what_it_wrote_and_nobody_else_does(self, database: Database) -> None:
        async with database.transaction() as tx:
            assert await tx.execute(ADD_QUIETLY, {"name": "alice"}) == 1
            assert (await tx.one(GET, {"wanted": "alice"})).name == "alice"
            assert await tx.all(NAMES) == [("alice",)]
            assert await tx.one(GET, {"wanted": "nobody"}) is None
            if database.dialect == "sqlite":  # reads give control to nobody there
                assert await names(database) == []
        assert await names(database) == ["alice"]

    async def test_an_error_undoes_all_of_it(self, database: Database) -> None:
        with pytest.raises(ChangedMyMind):
            async with database.transaction() as tx:
                await tx.one(ADD, {"name": "alice"})
                raise ChangedMyMind
        assert await names(database) == []
        await add_with_child(database, "alice")

    @pytest.mark.parametrize("end", [asyncio.CancelledError, KeyboardInterrupt])
    async def test_what_is_no_ordinary_error_undoes_it_too(
        self, database: Database, end: type[BaseException]
    ) -> None:
        with pytest.raises(end):
            async with database.transaction() as tx:
                await tx.one(ADD, {"name": "alice"})
                raise end
        assert await names(database) == []
        await add_with_child(database, "alice")

    async def test_a_refused_statement_undoes_what_came_before_it(self, database: Database) -> None:
        with pytest.raises(ForeignKeyViolation):
            async with database.transaction() as tx:
                await tx.one(ADD, {"name": "alice"})
                await tx.execute(ADD_CHILD, {"parent": 1_000_000})
        assert await names(database) == []

    async def test_a_body_that_swallows_an_error_is_undone_all_the_same(self, database: Database) -> None:
        await add_with_child(database, "alice")
        with pytest.raises(UniqueViolation):
            async with database.transaction() as tx:
                await tx.one(ADD, {"name": "bob"})
                with suppress(UniqueViolation):
                    await tx.one(ADD, {"name": "alice"})
        assert await names(database) == ["alice"]

    async def test_after_an_error_each_further_statement_is_refused_with_it(self, database: Database) -> None:
        await add_with_child(database, "alice")
        refused: list[BaseException] = []
        with pytest.raises(ChangedMyMind):
            async with database.transaction() as tx:
                for name in ("alice", "bob", "carol"):
                    try:
                        await tx.execute(ADD_QUIETLY, {"name": name})
                    except UniqueViolation as error:
                        refused.append(error)
                raise ChangedMyMind
        assert len(refused) == 3
        assert await names(database) == ["alice"]

    async def test_a_value_that_cannot_be_sent_ends_the_transaction_too(self, database: Database) -> None:
        with pytest.raises(StatementRefused):
            async with database.transaction() as tx:
                await tx.one(ADD, {"name": "alice"})
                with suppress(Exception):
                    await tx.execute(ADD_QUIETLY, {"name": object()})
        assert await names(database) == []

    async def test_statements_after_the_block_are_refused(self, database: Database) -> None:
        async with database.transaction() as tx:
            await tx.one(ADD, {"name": "alice"})
        for run in (tx.one, tx.all, tx.execute):
            with pytest.raises(TransactionMisused, match="is over"):
                await run(ADD, {"name": "bob"})
        undone: list[Transaction] = []
        with pytest.raises(ChangedMyMind):
            async with database.transaction() as tx:
                undone.append(tx)
                raise ChangedMyMind
        with pytest.raises(TransactionMisused):
            await undone[0].one(COUNT)
        assert await names(database) == ["alice"]

    async def test_no_error_is_its_own_cause(self, database: Database) -> None:
        """Whoever follows the causes of an error must come to an end."""
        await add_with_child(database, "alice")

        async def refused() -> None:
            async with database.transaction() as tx:
                try:
                    await tx.one(ADD, {"name": "alice"})
                except UniqueViolation:
                    await tx.one(ADD, {"name": "bob"})

        with pytest.raises(UniqueViolation) as caught:
            await refused()
        seen: set[int] = set()
        error: BaseException | None = caught.value
        while error is not None:
            assert id(error) not in seen
            seen.add(id(error))
            error = error.__cause__

    async def test_a_hundred_at_once_are_all_there(self, database: Database) -> None:
        ids = await asyncio.gather(*(add_with_child(database, f"name{number:03}") for number in range(100)))
        assert len(set(ids)) == 100
        assert await names(database) == [f"name{number:03}" for number in range(100)]
        assert len(await database.all(CHILDREN)) == 100

    async def test_of_fifty_who_want_one_name_one_gets_it(self, database: Database) -> None:
        answers = await asyncio.gather(
            *(add_with_child(database, "alice") for _ in range(50)), return_exceptions=True
        )
        assert sorted(type(answer).__name__ for answer in answers) == ["UniqueViolation"] * 49 + ["int"]
        assert len(await database.all(CHILDREN)) == 1

    async def test_whoever_loses_a_race_can_read_what_the_winner_wrote(self, database: Database) -> None:
        """Insert if absent: a refusal that came before the winner's commit would leave nothing to read."""

        async def add_or_read() -> int:
            try:
                row = await database.one(ADD, {"name": "alice"})
            except UniqueViolation:
                row = await database.one(GET, {"wanted": "alice"})
            return int(row.id)

        assert len(set(await asyncio.gather(*(add_or_read() for _ in range(20))))) == 1

    async def test_of_twenty_who_saw_the_same_version_one_writes_the_next(self, database: Database) -> None:
        """UPDATE … WHERE … RETURNING is decided on the row as it is, not as it was seen."""
        await database.execute(ADD_QUIETLY, {"name": "alice"})

        async def next_version() -> Any:
            async with database.transaction() as tx:
                seen = (await tx.one(GET, {"wanted": "alice"})).version
                return await tx.one(NEXT_VERSION, {"wanted": "alice", "seen": seen})

        single = [database.one(NEXT_VERSION, {"wanted": "alice", "seen": 0}) for _ in range(20)]
        assert [row for row in await asyncio.gather(*single) if row] == [(1,)]
        won = [row for row in await asyncio.gather(*(next_version() for _ in range(20))) if row]
        assert len(set(won)) == len(won)
        assert (await database.one(GET, {"wanted": "alice"})).version == 1 + len(won)

    async def test_refusals_and_successes_side_by_side_do_not_touch_each_other(self, database: Database) -> None:
        await add_with_child(database, "taken")

        async def attempt(number: int) -> bool:
            try:
                async with database.transaction() as tx:
                    await tx.one(ADD, {"name": f"name{number:03}"})
                    if number % 3 == 0:
                        await tx.one(ADD, {"name": "taken"})
                    if number % 3 == 1:
                        raise ChangedMyMind
            except (UniqueViolation, ChangedMyMind):
                return False
            return True

        kept = await asyncio.gather(*(attempt(number) for number in range(60)))
        expected = [f"name{number:03}" for number in range(60) if kept[number]]
        assert await names(database) == [*expected, "taken"]
        assert kept == [number % 3 == 2 for number in range(60)]

    async def test_many_rows_are_written_in_one_go_and_counted(self, database: Database) -> None:
        async with database.transaction() as tx:
            assert await tx.execute_many(ADD_QUIETLY, [{"name": f"name{number:03}"} for number in range(300)]) == 300
            renamed = [{"wanted": f"name{number:03}", "new_name": f"new{number}"} for number in (7, 8, 900)]
            assert await tx.execute_many(RENAME, renamed) == 2
        assert len(await names(database)) == 300

    async def test_of_many_rows_none_is_written_if_one_is_refused(self, database: Database) -> None:
        await database.execute(ADD_QUIETLY, {"name": "alice"})
        with pytest.raises(UniqueViolation):
            async with database.transaction() as tx:
                with suppress(UniqueViolation):
                    await tx.execute_many(ADD_QUIETLY, [{"name": name} for name in ("bob", "alice", "carol")])
        assert await names(database) == ["alice"]

    @pytest.mark.parametrize("turns", range(8))
    async def test_a_caller_that_gives_up_neither_undoes_nor_blocks_its_neighbours(
        self, database: Database, turns: int
    ) -> None:
        """The client hangs up after a few steps of the event loop, wherever its transaction is then."""
        tasks = [asyncio.create_task(add_with_child(database, f"name{number:03}")) for number in range(30)]
        for _ in range(turns):
            await asyncio.sleep(0)
        for task in tasks[::2]:
            task.cancel()
        answers = await asyncio.gather(*tasks, return_exceptions=True)
        assert all(isinstance(answer, int) for answer in answers[1::2])
        there = await names(database)
        assert {f"name{number:03}" for number in range(1, 30, 2)} <= set(there)
        for number, answer in enumerate(answers):
            assert isinstance(answer, int | asyncio.CancelledError)
            assert isinstance(answer, asyncio.CancelledError) or f"name{number:03}" in there
        assert len(await database.all(CHILDREN)) == len(there)  # each whole or not at all
        await asyncio.wait_for(add_with_child(database, "afterwards"), 2)

    async def test_all_who_wait_may_give_up(self, database: Database) -> None:
        tasks = [asyncio.create_task(add_with_child(database, f"name{number}")) for number in range(30)]
        await asyncio.sleep(0)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.wait_for(add_with_child(database, "afterwards"), 2)

    async def test_closing_finishes_what_is_under_way(self, address: Address) -> None:
        database = address.database()
        await database.open()
        tasks = [asyncio.create_task(add_with_child(database, f"name{number}")) for number in range(40)]
        await asyncio.sleep(0)
        await asyncio.wait_for(database.close(), 5)
        done, waiting = await asyncio.wait(tasks, timeout=3)
        assert not waiting
        answers = [task.exception() or task.result() for task in done]
        assert all(isinstance(answer, int | DatabaseUnavailable) for answer in answers)
        with Onlooker(address.plain) as other:
            assert other.value("SELECT count(*) FROM parents") >= sum(isinstance(answer, int) for answer in answers)
