"""Signing keys come and go: the next is known before it signs, the old one taken until its last token is over."""

import asyncio
import time

import pytest

from coatcheck.database import Database, DatabaseUnavailable
from coatcheck.keys import HASHING, SUCCESSOR, Keyring, Secret
from coatcheck.keys.rotation import NoSuchKey, TooSoon
from tests.keys.conftest import Open, only, shown
from tests.support.clock import Clock

MINUTES_5, HOUR, DAY = 300, 3_600, 86_400


async def test_on_schedule_the_next_key_signs_after_thirty_days(keyring: Keyring, clock: Clock) -> None:
    first, second = shown(keyring)
    clock.forward(30 * DAY - 1)
    assert (await keyring.current()).id == first
    clock.forward(1)
    assert (await keyring.current()).id == second
    assert list(shown(keyring).values()) == ["retired", "current", "next"]
    assert set(keyring.signing) == set(shown(keyring))
    assert [key.id for key in keyring.published()] == [second, only(keyring, "next"), first]


async def test_the_days_are_a_setting(another: Open, keyring: Keyring, clock: Clock) -> None:
    daily = await another(days=1)
    clock.forward(DAY)
    assert (await keyring.current()).id == only(keyring, "current")
    assert (await daily.current()).id == only(keyring, "next")


async def test_j35_a_next_key_that_others_may_not_know_does_not_sign(keyring: Keyring, clock: Clock) -> None:
    clock.forward(40 * DAY)
    await keyring.retire(only(keyring, "next"))  # another one is published, just now
    first, fresh = only(keyring, "current"), only(keyring, "next")
    clock.forward(MINUTES_5 - 1)
    assert (await keyring.current()).id == first
    clock.forward(1)
    assert (await keyring.current()).id == fresh


async def test_j35_a_retired_key_is_accepted_a_day_and_two_hours_and_no_longer(
    keyring: Keyring, clock: Clock
) -> None:
    first = only(keyring, "current")
    clock.forward(30 * DAY)
    await keyring.current()
    clock.forward(DAY + 2 * HOUR - 1)
    await keyring.current()
    assert (shown(keyring)[first], first in keyring.signing) == ("retired", True)
    assert first in [key.id for key in keyring.published()]
    clock.forward(1)
    assert first not in [key.id for key in keyring.published()]
    await keyring.current()
    assert (shown(keyring)[first], first in keyring.signing) == ("over", False)


async def test_what_has_been_over_for_a_month_is_forgotten(keyring: Keyring, clock: Clock) -> None:
    first = only(keyring, "current")
    for _ in range(3):
        clock.forward(30 * DAY)
        await keyring.current()
    assert first not in shown(keyring)
    assert list(shown(keyring).values()) == ["over", "retired", "current", "next"]


async def test_two_processes_that_rotate_at_the_same_moment_do_it_once(
    keyring: Keyring, another: Open, clock: Clock
) -> None:
    others = [keyring, *[await another() for _ in range(4)]]
    second = only(keyring, "next")
    clock.forward(30 * DAY)
    assert {key.id for key in await asyncio.gather(*(one.current() for one in others))} == {second}
    for one in others:
        one.told(-1)
        await one.fresh()
        assert list(shown(one).values()) == ["retired", "current", "next"]
        assert shown(one) == shown(keyring)


async def test_many_logins_at_once_rotate_once(keyring: Keyring, clock: Clock) -> None:
    first, second = shown(keyring)
    clock.forward(30 * DAY)
    signers = {key.id for key in await asyncio.gather(*(keyring.current() for _ in range(20)))}
    assert signers <= {first, second}
    assert list(shown(keyring).values()) == ["retired", "current", "next"]


async def test_a_process_that_has_heard_nothing_takes_what_the_new_key_signs(
    keyring: Keyring, another: Open, clock: Clock
) -> None:
    ignorant = await another()
    clock.forward(MINUTES_5)
    await keyring.rotate()
    assert (await keyring.current()).id in ignorant.signing
    assert (await ignorant.current()).id in keyring.signing


async def test_a_process_that_is_told_follows_in_the_same_dictionary(
    keyring: Keyring, another: Open, clock: Clock
) -> None:
    other = await another()
    held = other.signing
    clock.forward(MINUTES_5)
    await keyring.rotate()
    other.told(keyring.revision)
    assert (await other.current()).id == only(keyring, "current")
    assert other.revision == keyring.revision
    assert other.signing is held
    assert other.signing == keyring.signing


async def test_who_is_not_told_asks_the_database_nothing(keyring: Keyring, database: Database) -> None:
    keyring.told(keyring.revision)
    await database.close()
    await keyring.fresh()
    assert (await keyring.current()).id == only(keyring, "current")
    await database.open()


async def test_a_rotation_that_is_due_waits_for_a_database_that_is_away(
    keyring: Keyring, database: Database, clock: Clock
) -> None:
    first, second = shown(keyring)
    clock.forward(31 * DAY)
    await database.close()
    assert (await keyring.current()).id == first
    await database.open()
    assert (await keyring.current()).id == second


async def test_by_hand_it_waits_until_others_know_the_next_key(keyring: Keyring, clock: Clock) -> None:
    second = only(keyring, "next")
    clock.forward(60)
    with pytest.raises(TooSoon) as soon:
        await keyring.rotate()
    assert soon.value.seconds == 240
    clock.forward(240)
    await keyring.rotate()
    assert only(keyring, "current") == second
    await keyring.rotate(now=True)
    assert list(shown(keyring).values()) == ["retired", "retired", "current", "next"]


async def test_a_key_that_a_process_never_heard_of_is_looked_up(keyring: Keyring, another: Open) -> None:
    ignorant = await another()
    await keyring.rotate(now=True)
    await keyring.rotate(now=True)
    unheard = only(keyring, "current")
    assert unheard not in ignorant.signing
    assert not await ignorant.learned("A" * 43)
    assert await ignorant.learned(unheard)
    assert unheard in ignorant.signing
    await keyring.revoke(unheard)
    ignorant.told(keyring.revision)
    await ignorant.fresh()
    assert not await ignorant.learned(unheard)


async def test_a_token_that_names_a_key_known_to_be_refused_asks_the_database_nothing(
    keyring: Keyring, database: Database, clock: Clock
) -> None:
    """Anybody has such a token, or writes one: else each would have the keys read again, with nobody logged in."""
    over, revoked = shown(keyring)
    await keyring.rotate(now=True)
    await keyring.revoke(revoked)
    clock.forward(DAY + 2 * HOUR)
    await keyring.current()
    assert (shown(keyring)[over], shown(keyring)[revoked]) == ("over", "revoked")
    await database.close()
    assert not await keyring.learned(over)
    assert not await keyring.learned(revoked)
    await database.open()


async def test_an_id_that_no_key_has_is_looked_up_once_and_not_again_for_a_second(
    keyring: Keyring, database: Database
) -> None:
    assert not await keyring.learned("A" * 43)
    asked_at = time.monotonic()
    await database.close()
    assert not await keyring.learned("A" * 43)
    with pytest.raises(DatabaseUnavailable):  # another one is asked for: it may be new
        await keyring.learned("B" * 43)
    await asyncio.sleep(max(0.0, asked_at + 1.1 - time.monotonic()))
    with pytest.raises(DatabaseUnavailable):  # and this one again
        await keyring.learned("A" * 43)
    await database.open()


async def test_after_a_leak_every_key_is_new_and_nobody_is_logged_out(keyring: Keyring, another: Open) -> None:
    before, hashing, successor = shown(keyring), keyring.data_key(HASHING), keyring.data_key(SUCCESSOR)
    await keyring.rotate_all()
    assert list(shown(keyring).values()) == ["retired", "retired", "current", "next"]
    assert not set(before) & {only(keyring, "current"), only(keyring, "next")}
    assert set(before) < set(keyring.signing)
    for purpose, old in ((HASHING, hashing), (SUCCESSOR, successor)):
        new = keyring.data_key(purpose)
        assert (new.id, new.value) != (old.id, old.value)
        assert dict(keyring.data_keys(purpose)) == {old.id: old.value, new.id: new.value}
        assert (await another()).data_key(purpose) == new


async def test_the_next_key_may_be_retired_before_it_has_signed(keyring: Keyring) -> None:
    first, second = shown(keyring)
    standing, was = await keyring.retire(second)
    assert (standing.id, was) == (second, "next")
    assert list(shown(keyring).values()) == ["current", "retired", "next"]
    assert (await keyring.current()).id == first


async def test_to_retire_the_current_key_is_a_rotation(keyring: Keyring, clock: Clock) -> None:
    first, second = shown(keyring)
    with pytest.raises(TooSoon):
        await keyring.retire(first)
    clock.forward(MINUTES_5)
    assert (await keyring.retire(first[:12]))[1] == "current"
    assert (await keyring.current()).id == second
    revision = keyring.revision
    assert (await keyring.retire(first))[1] == "retired"
    assert keyring.revision == revision


async def test_a_revoked_key_is_neither_accepted_nor_published_and_is_replaced_at_once(keyring: Keyring) -> None:
    first, second = shown(keyring)
    assert (await keyring.revoke(first))[1] == "current"
    assert list(shown(keyring).values()) == ["revoked", "current", "next"]
    assert (await keyring.current()).id == second
    assert first not in keyring.signing
    assert first not in [key.id for key in keyring.published()]
    third = only(keyring, "next")
    assert (await keyring.revoke(third))[1] == "next"
    assert list(shown(keyring).values()) == ["revoked", "current", "revoked", "next"]
    revision = keyring.revision
    assert (await keyring.revoke(third))[1] == "revoked"
    assert keyring.revision == revision


@pytest.mark.parametrize(("named", "found"), [("", 0), ("no such", 0), ("%", 0), ("_" * 43, 0)])
async def test_what_is_no_keys_id_is_refused_and_changes_nothing(named: str, found: int, keyring: Keyring) -> None:
    before = shown(keyring)
    for act in (keyring.retire, keyring.revoke):
        with pytest.raises(NoSuchKey) as refusal:
            await act(named)
        assert refusal.value.found == found
    assert shown(keyring) == before


async def test_another_algorithm_signs_once_its_key_was_published_for_five_minutes(
    keyring: Keyring, another: Open, clock: Clock
) -> None:
    first = only(keyring, "current")
    changed = await another(algorithm="ES256")
    assert [standing.algorithm for standing, _ in changed.listed()] == ["EdDSA", "EdDSA", "ES256"]
    assert list(shown(changed).values()) == ["current", "retired", "next"]
    clock.forward(MINUTES_5 - 1)
    assert (await changed.current()).id == first
    clock.forward(1)
    keyring.told(changed.revision)
    assert (await keyring.current()).id == first  # its own settings say EdDSA: it turns nothing back, or on
    key = await changed.current()
    assert (key.algorithm, key.id) == ("ES256", only(changed, "current"))
    keyring.told(changed.revision)
    assert await keyring.current() == key
    clock.forward(HOUR)
    assert await keyring.current() == key


async def test_every_change_has_the_next_number(keyring: Keyring) -> None:
    revisions = [keyring.revision]
    for change in (
        keyring.rotate_all,
        lambda: keyring.rotate(now=True),
        lambda: keyring.revoke(only(keyring, "next")),
    ):
        await change()
        revisions.append(keyring.revision)
    await keyring.wrap_all(Secret(Secret.new_text()))
    revisions.append(keyring.revision)
    assert revisions == list(range(revisions[0], revisions[0] + 5))
