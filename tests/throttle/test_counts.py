"""A guesser tries one password after the other at one account; or keeps its owner out by being wrong on purpose.

He is let in ever more seldom, a hundred times in all, and wherever the owner has logged in before, the owner goes
on logging in meanwhile."""

from collections.abc import Callable

import pytest

from coatcheck.database import Database
from coatcheck.throttle import TooManyAttempts
from coatcheck.throttle.limits import CLOSED_AT, DAY_SECONDS, LONGEST_WAIT_SECONDS, MOST_KNOWN
from coatcheck.web import Client
from tests.support.clock import Clock
from tests.support.keys import HeldKeys
from tests.support.sql import run_sql
from tests.support.throttle import client_at, throttle_of
from tests.throttle.conftest import ALICE, HOME, Guesser

ELSEWHERE = client_at("203.0.113.7")


async def test_w21_w31_waits_grow_from_the_fifth_failure_up_to_an_hour(alice: Guesser, clock: Clock) -> None:
    for _ in range(5):
        assert await alice.wrong() == 0
    waits = [await alice.wrong()]
    for _ in range(9):
        clock.forward(waits[-1])
        assert await alice.wrong() == 0
        waits.append(await alice.wrong())
    assert waits == [30, 60, 120, 240, 480, 960, 1_920, 3_600, 3_600, 3_600]


async def test_a_wait_is_over_to_the_second(alice: Guesser, clock: Clock) -> None:
    for _ in range(5):
        await alice.wrong()
    clock.forward(29)
    assert await alice.wrong() == 1
    clock.forward(1)
    assert await alice.wrong() == 0


async def guess_until_closed(guesser: Guesser, clock: Clock, client: Client = ELSEWHERE) -> None:
    for _ in range(CLOSED_AT + 20):
        clock.forward(LONGEST_WAIT_SECONDS)
        await guesser.wrong(client=client)


async def test_w30_v6_3_1_after_a_hundred_failures_in_a_row_a_count_is_closed(alice: Guesser, clock: Clock) -> None:
    await guess_until_closed(alice, clock)
    assert alice.checked == CLOSED_AT
    clock.forward(400 * DAY_SECONDS)
    with pytest.raises(TooManyAttempts, match="wrong passwords") as refusal:
        async with alice.throttle.attempt(ALICE, ELSEWHERE):
            raise AssertionError
    assert refusal.value.retry_after == LONGEST_WAIT_SECONDS
    assert "ask whoever runs this service" in refusal.value.detail


async def test_w30_pauses_of_a_day_make_the_waits_begin_anew_but_not_the_hundred(
    alice: Guesser, clock: Clock
) -> None:
    for _ in range(CLOSED_AT // 5):
        for _ in range(5):
            assert await alice.wrong() == 0
        assert await alice.wrong() == 30
        clock.forward(DAY_SECONDS + 1)
        await alice.throttle.prune()
    assert alice.checked == CLOSED_AT
    assert await alice.wrong() == LONGEST_WAIT_SECONDS


async def test_v6_1_1_nobody_elsewhere_keeps_the_owner_out_of_a_known_network(alice: Guesser, clock: Clock) -> None:
    assert await alice.right() == 0
    await guess_until_closed(alice, clock)
    assert await alice.wrong() > 0
    assert await alice.right() == 0
    for _ in range(4):
        assert await alice.wrong(client=HOME) == 0
    assert await alice.right() == 0


async def test_a_known_network_has_a_count_of_its_own_that_closes_too(alice: Guesser, clock: Clock) -> None:
    await alice.right()
    before = alice.checked
    for _ in range(CLOSED_AT + 20):
        clock.forward(LONGEST_WAIT_SECONDS)
        await alice.wrong(client=HOME)
    assert alice.checked - before == CLOSED_AT
    assert await alice.right() == LONGEST_WAIT_SECONDS
    assert await alice.wrong(client=ELSEWHERE) == 0


async def test_w32_a_success_begins_only_the_count_of_its_own_kind_anew(alice: Guesser) -> None:
    await alice.right()
    for client in (HOME, ELSEWHERE):
        for _ in range(4):
            assert await alice.wrong(client=client) == 0
    assert await alice.right() == 0
    for _ in range(4):
        assert await alice.wrong(client=HOME) == 0
    assert await alice.wrong(client=ELSEWHERE) == 0
    assert await alice.wrong(client=ELSEWHERE) == 30


async def test_w32_a_success_from_a_new_network_begins_the_strangers_count_anew(alice: Guesser) -> None:
    for _ in range(4):
        await alice.wrong(client=ELSEWHERE)
    assert await alice.right(client=client_at("192.0.2.1")) == 0
    for _ in range(4):
        assert await alice.wrong(client=ELSEWHERE) == 0


async def test_a_network_is_known_for_90_days_after_the_last_login_there(alice: Guesser, clock: Clock) -> None:
    assert not await alice.known(HOME)
    await alice.right()
    assert await alice.known(HOME)
    clock.forward(60 * DAY_SECONDS)
    await alice.right()
    clock.forward(89 * DAY_SECONDS)
    assert await alice.known(HOME)
    clock.forward(2 * DAY_SECONDS)
    assert not await alice.known(HOME)


async def test_sixteen_networks_are_known_at_most_the_latest(alice: Guesser, clock: Clock) -> None:
    clients = [client_at(f"198.51.100.{number}") for number in range(MOST_KNOWN + 1)]
    for client in clients:
        clock.forward(1)
        await alice.right(client=client)
    assert [await alice.known(client) for client in clients] == [False, *[True] * MOST_KNOWN]


async def test_forgetting_begins_every_count_anew_and_keeps_what_is_known(alice: Guesser, clock: Clock) -> None:
    await alice.right()
    await guess_until_closed(alice, clock)
    for _ in range(CLOSED_AT):
        clock.forward(LONGEST_WAIT_SECONDS)
        await alice.wrong(client=HOME)
    assert alice.account_id is not None
    forget = await alice.throttle.forgetting(ALICE)
    async with alice.database.transaction() as tx:
        await forget(tx, alice.account_id)
    for client in (HOME, ELSEWHERE):
        for _ in range(5):
            assert await alice.wrong(client=client) == 0
    clock.forward(30)
    assert await alice.known(HOME)


async def test_a_name_counts_for_itself(alice: Guesser, nobody: Guesser) -> None:
    for _ in range(6):
        await alice.wrong()
    assert await nobody.wrong("bob") == 0


async def test_no_name_and_no_address_is_in_the_tables(nobody: Guesser, database: Database) -> None:
    """People type passwords where a name is asked for."""
    await nobody.wrong("my password", client=client_at("203.0.113.77"))
    rows = [*run_sql(database.url, "SELECT * FROM coatcheck_guess_counts")]
    rows += run_sql(database.url, "SELECT * FROM coatcheck_budgets")
    written = b" ".join(bytes(value) for row in rows for value in row if isinstance(value, bytes | memoryview))
    assert len(rows) == 2
    assert b"my password" not in written
    assert b"203.0.113.77" not in written
    assert "my password" not in str(rows)
    assert "203.0.113.77" not in str(rows)


async def test_a_new_key_begins_every_count_anew(alice: Guesser, keys: HeldKeys) -> None:
    for _ in range(5):
        await alice.wrong()
    assert await alice.wrong() == 30
    keys.renew()
    assert await alice.wrong() == 0


async def test_after_a_day_a_name_that_nobody_has_is_forgotten_and_an_accounts_count_is_not(
    alice: Guesser, nobody: Guesser, clock: Clock, database: Database
) -> None:
    await alice.right()
    await alice.wrong()
    await nobody.wrong("bob")
    clock.forward(DAY_SECONDS - 1)
    await alice.throttle.prune()
    assert len(run_sql(database.url, "SELECT 1 FROM coatcheck_guess_counts")) == 3
    clock.forward(2)
    await alice.throttle.prune()
    assert len(run_sql(database.url, "SELECT 1 FROM coatcheck_guess_counts")) == 2
    assert run_sql(database.url, "SELECT 1 FROM coatcheck_budgets") == []
    clock.forward(90 * DAY_SECONDS)
    await alice.throttle.prune()
    ((failures,),) = run_sql(database.url, "SELECT failures FROM coatcheck_guess_counts")
    assert failures == 1


async def test_of_many_old_rows_all_go(nobody: Guesser, clock: Clock, database: Database) -> None:
    run_sql(
        database.url,
        "INSERT INTO coatcheck_guess_counts (key, failures, recent, failed_at) "
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1200) "
        "SELECT CAST('row ' || i AS {}), 1, 1, '2020-01-01 00:00:00+00:00' FROM n".format(
            "BYTEA" if database.dialect == "postgresql" else "BLOB"
        ),
    )
    await nobody.throttle.prune()
    assert run_sql(database.url, "SELECT 1 FROM coatcheck_guess_counts") == []


async def test_with_the_account_its_counts_go(alice: Guesser, database: Database) -> None:
    await alice.right()
    await alice.wrong()
    run_sql(database.url, *_deleting(database))
    assert run_sql(database.url, "SELECT 1 FROM coatcheck_guess_counts") == []


def _deleting(database: Database) -> list[str]:
    on = ["PRAGMA foreign_keys=ON"] if database.dialect == "sqlite" else []
    return [*on, "DELETE FROM coatcheck_accounts"]


async def test_an_account_that_is_deleted_while_its_password_is_checked(alice: Guesser, database: Database) -> None:
    async with alice.throttle.attempt(ALICE, ELSEWHERE) as attempt:
        run_sql(database.url, *_deleting(database))
        await attempt.failed(alice.account_id)
    ((account_id, failures),) = run_sql(database.url, "SELECT account_id, failures FROM coatcheck_guess_counts")
    assert (account_id, failures) == (None, 1)


async def test_switched_off_it_refuses_reads_and_writes_nothing(
    database: Database, clock: Clock, add_account: Callable[[str], int]
) -> None:
    off = Guesser(throttle_of(database, clock, on=False), database, add_account(ALICE))
    await database.close()
    for _ in range(200):
        async with off.throttle.attempt(ALICE, ELSEWHERE) as attempt:
            await attempt.failed(off.account_id)
        await off.throttle.registration(ELSEWHERE)
        await off.throttle.refused_refresh(ELSEWHERE)
