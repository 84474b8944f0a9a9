"""What both engines promise of statements, rows, values and refusals."""

import traceback
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from sqlalchemy import func, insert, select, text

from coatcheck.database import (
    Database,
    DatabaseUnavailable,
    ForeignKeyViolation,
    ReadTooLong,
    StatementRefused,
    UniqueViolation,
)
from tests.database.address import Address
from tests.database.heard import Heard
from tests.database.things import (
    ADD,
    ADD_CHILD,
    ADD_KEEPER,
    ADD_KIND,
    ADD_QUIETLY,
    ADD_WITH_ID,
    CHILDREN,
    COUNT,
    DELETE,
    EARLIER,
    GET,
    KIND,
    NAMES,
    RENAME,
    kind,
    parents,
)

LARGEST = 2**63 - 1
MOMENT = datetime(2026, 7, 14, 9, 30, 15, 123456, tzinfo=UTC)


async def there_and_back(database: Database, **values: object) -> Any:
    """A row of every type, as it comes back."""
    added = await database.one(ADD_KIND, kind(**values))
    return await database.one(KIND, {"wanted": added.id})


class ValuesContract:
    """Statements go in, named tuples in the program's types come back."""

    async def test_a_row_comes_back_by_name(self, database: Database) -> None:
        added = await database.one(ADD, {"name": "alice"})
        found = await database.one(GET, {"wanted": "alice"})
        assert (found.id, found.name, found.version) == (added.id, "alice", 0)
        assert found == (added.id, "alice", 0)

    async def test_all_rows_come_in_order(self, database: Database) -> None:
        for name in ("carol", "alice", "bob"):
            await database.execute(ADD_QUIETLY, {"name": name})
        assert await database.all(NAMES) == [("alice",), ("bob",), ("carol",)]
        assert await database.scan(NAMES) == [("alice",), ("bob",), ("carol",)]

    async def test_where_nothing_is_one_is_none_and_all_is_empty(self, database: Database) -> None:
        assert await database.one(GET, {"wanted": "nobody"}) is None
        assert await database.all(GET, {"wanted": "nobody"}) == []
        assert await database.scan(GET, {"wanted": "nobody"}) == []

    async def test_execute_tells_how_many_rows_were_written(self, database: Database) -> None:
        assert await database.execute(ADD_QUIETLY, {"name": "alice"}) == 1
        assert await database.execute(ADD, {"name": "bob"}) == 1  # with RETURNING too
        assert await database.execute(RENAME, {"wanted": "alice", "new_name": "eve"}) == 1
        assert await database.execute(RENAME, {"wanted": "alice", "new_name": "eve"}) == 0
        assert await database.execute(text("DELETE FROM parents")) == 2

    async def test_a_write_that_returns_rows_is_a_write(self, database: Database, address: Address) -> None:
        await database.one(ADD, {"name": "alice"})
        another = address.database()
        await another.open()
        assert (await another.one(COUNT)).number == 1
        await another.close()

    async def test_textual_sql_gives_plain_rows(self, database: Database) -> None:
        await database.execute(ADD_QUIETLY, {"name": "alice"})
        rows = await database.all(text("SELECT name, 1 FROM parents WHERE name = :wanted"), {"wanted": "alice"})
        assert rows == [("alice", 1)]

    async def test_values_written_into_a_statement_are_sent_too(self, database: Database) -> None:
        await database.execute(insert(parents).values(name="alice"))
        assert await database.all(select(parents.c.name).where(parents.c.name == "alice").limit(1)) == [("alice",)]
        assert await database.one(select(func.max(parents.c.name).label("last"))) == ("alice",)

    async def test_a_percent_sign_and_a_colon_are_letters(self, database: Database) -> None:
        await database.execute(ADD_QUIETLY, {"name": "100 %s :wanted"})
        assert await database.one(GET, {"wanted": "100 %s :wanted"}) is not None
        assert await database.all(text("SELECT '%', '\\:x'")) == [("%", ":x")]

    async def test_a_statement_made_anew_for_every_call_works_past_what_is_remembered(
        self, database: Database
    ) -> None:
        for number in range(1_010):
            assert await database.one(select(text(str(number)))) == (number,)

    @pytest.mark.parametrize(
        "values",
        [
            {"whole": LARGEST},
            {"whole": -(2**63)},
            {"whole": 0},
            {"words": ""},
            {"words": "Ünïcödé 🧥 \u202e \n\t'\"\\ ; --"},
            {"raw": b""},
            {"raw": bytes(range(256))},
            {"yes": True},
            {"yes": False},
            {},
        ],
        ids=str,
    )
    async def test_a_value_comes_back_as_it_went_in(self, database: Database, values: dict[str, object]) -> None:
        found = await there_and_back(database, **values)
        assert found._asdict() == kind(**values)
        for name, value in values.items():
            assert type(getattr(found, name)) is type(value)

    @pytest.mark.parametrize(
        "moment",
        [
            MOMENT,
            MOMENT.replace(microsecond=0),
            MOMENT.replace(microsecond=1),
            datetime(1, 1, 1, tzinfo=UTC),
            datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
            MOMENT.astimezone(timezone(timedelta(hours=5, minutes=45))),
            datetime(2026, 7, 14, 23, 30, tzinfo=timezone(timedelta(hours=-8))),
        ],
        ids=str,
    )
    async def test_a_moment_comes_back_in_utc(self, database: Database, moment: datetime) -> None:
        found = (await there_and_back(database, moment=moment)).moment
        assert found == moment
        assert found.tzinfo is UTC

    async def test_moments_sort_and_compare_as_they_count(self, database: Database) -> None:
        zones = [timezone(timedelta(hours=hours)) for hours in (0, -11, 13)]
        ids = []
        for number in range(6):
            moment = (MOMENT.replace(microsecond=0) + timedelta(seconds=number / 2)).astimezone(zones[number % 3])
            ids.append((await database.one(ADD_KIND, kind(moment=moment))).id)
        than = (MOMENT.replace(microsecond=0) + timedelta(seconds=2)).astimezone(zones[1])
        assert [row.id for row in await database.all(EARLIER, {"than": than})] == ids[:4]

    async def test_a_moment_without_a_zone_is_refused(self, database: Database) -> None:
        with pytest.raises(TypeError, match=r"datetime\.now\(UTC\)"):
            await database.one(ADD_KIND, kind(moment=datetime(2026, 7, 14)))
        assert await database.all(EARLIER, {"than": datetime.max.replace(tzinfo=UTC)}) == []

    async def test_an_integer_past_64_bits_is_refused(self, database: Database) -> None:
        with pytest.raises((StatementRefused, OverflowError)):
            await database.one(ADD_KIND, kind(whole=LARGEST + 1))

    async def test_a_taken_value_is_a_conflict(self, database: Database) -> None:
        await database.execute(ADD_QUIETLY, {"name": "alice"})
        await database.execute(ADD_QUIETLY, {"name": "bob"})
        for statement, values in (
            (ADD, {"name": "alice"}),
            (ADD_QUIETLY, {"name": "alice"}),
            (RENAME, {"wanted": "bob", "new_name": "alice"}),
        ):
            with pytest.raises(UniqueViolation):
                await database.execute(statement, values)
        assert await database.all(NAMES) == [("alice",), ("bob",)]

    async def test_a_taken_primary_key_is_a_conflict(self, database: Database) -> None:
        taken = (await database.one(ADD, {"name": "alice"})).id
        with pytest.raises(UniqueViolation):
            await database.execute(ADD_WITH_ID, {"new_id": taken, "name": "bob"})

    async def test_what_it_points_to_must_be_there(self, database: Database) -> None:
        with pytest.raises(ForeignKeyViolation):
            await database.execute(ADD_CHILD, {"parent": 1})
        assert await database.all(CHILDREN) == []

    async def test_what_something_keeps_is_not_deleted(self, database: Database) -> None:
        parent = (await database.one(ADD, {"name": "alice"})).id
        await database.execute(ADD_KEEPER, {"parent": parent})
        with pytest.raises(ForeignKeyViolation):
            await database.execute(DELETE, {"wanted": "alice"})
        assert await database.one(GET, {"wanted": "alice"}) is not None

    async def test_what_hangs_on_a_row_goes_with_it(self, database: Database) -> None:
        parent = (await database.one(ADD, {"name": "alice"})).id
        await database.execute(ADD_CHILD, {"parent": parent})
        assert await database.execute(DELETE, {"wanted": "alice"}) == 1
        assert await database.all(CHILDREN) == []

    async def test_the_highest_id_is_not_given_again_after_deletion(self, database: Database) -> None:
        given = []
        for number in range(5):
            given.append((await database.one(ADD, {"name": f"name{number}"})).id)
            await database.execute(DELETE, {"wanted": f"name{number}"})
        assert given == sorted(set(given))

    async def test_an_error_never_holds_a_value(self, database: Database) -> None:
        secret = "hunter2hunter2"
        await database.execute(ADD_QUIETLY, {"name": secret})
        mistakes: list[tuple[Any, dict[str, object]]] = [
            (ADD_QUIETLY, {"name": secret}),
            (text("INSERT INTO parents (name, version) VALUES (:name, NULL)"), {"name": secret}),
            (text("INSERT INTO kinds (id) VALUES (no_such_function(:words))"), {"words": secret}),
            (text("SELECT no_such_column FROM parents WHERE name = :name"), {"name": secret}),
            # PostgreSQL quotes it: invalid input syntax for type integer. SQLite makes it 0.
            (text("INSERT INTO parents (name, version) SELECT NULL, CAST(:words AS INTEGER)"), {"words": secret}),
            (ADD_QUIETLY, {"name": [secret, object()]}),
            (ADD_QUIETLY, {"surname": secret}),
        ]
        for statement, values in mistakes:
            for run in (database.execute, database.all):
                with pytest.raises(Exception) as caught:  # noqa: PT011  each its own; what counts is what they hold
                    await run(statement, values)
                shown = "".join(traceback.format_exception(caught.value, chain=True))
                told = [line for line in shown.splitlines() if not line.startswith("    ")]  # not our source lines
                assert secret not in "\n".join(told)

    async def test_a_mistake_in_a_statement_is_not_the_drivers_own_error(self, database: Database) -> None:
        for run in (database.execute, database.all, database.scan):
            with pytest.raises(StatementRefused, match="no_such_table"):
                await run(text("SELECT 1 FROM no_such_table"))

    async def test_a_search_is_stopped_at_its_time_limit(self, database: Database) -> None:
        endless = text(
            "WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 1000000000) "
            "SELECT count(*) FROM numbers"
        )
        for seconds in (0.05, 0.0001):
            with pytest.raises(ReadTooLong):
                await database.scan(endless, seconds=seconds)
        assert await database.all(NAMES) == []

    async def test_has_table_tells_whether_there_is_one(self, database: Database) -> None:
        assert await database.has_table("parents")
        assert not await database.has_table("coatcheck_keys")

    async def test_before_it_is_opened_and_after_it_is_closed_it_is_unavailable(self, address: Address) -> None:
        database = address.database()
        for _ in range(2):
            for run in (database.one, database.all, database.scan, database.execute):
                with pytest.raises(DatabaseUnavailable):
                    await run(COUNT)
            with pytest.raises(DatabaseUnavailable):
                async with database.transaction():
                    raise AssertionError("there is no transaction")
            with pytest.raises(DatabaseUnavailable):
                Heard(database).changes.start()
            await database.open()
            assert (await database.one(COUNT)).number == 0
            await database.close()
            await database.close()

    async def test_it_can_be_opened_twice_and_again(self, address: Address) -> None:
        database = address.database()
        await database.open()
        await database.open()
        await database.execute(ADD_QUIETLY, {"name": "alice"})
        await database.close()
        await database.open()
        assert await database.all(NAMES) == [("alice",)]
        await database.close()
