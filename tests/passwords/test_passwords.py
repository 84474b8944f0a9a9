"""Passwords are hashed with argon2id, off the event loop, and unknown names cost the same."""

import asyncio
import statistics
import time
import unicodedata
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coatcheck.passwords import OWASP_ARGON2ID, Cost, Passwords, Verdict
from tests.support.keys import HeldKeys
from tests.support.passwords import passwords_with

RIGHT = Verdict(right=True)
WRONG = Verdict(right=False)


@pytest.fixture
def passwords() -> Passwords:
    return passwords_with()


async def test_the_same_password_verifies_and_another_does_not(passwords: Passwords) -> None:
    stored = await passwords.hash("secret123")
    assert await passwords.verify("secret123", stored) == RIGHT
    assert await passwords.verify("secret124", stored) == WRONG


async def test_w26_w27_it_is_argon2id_with_owasps_minimum_and_a_salt_of_its_own() -> None:
    passwords = passwords_with(OWASP_ARGON2ID)
    first, second = await passwords.hash("secret123"), await passwords.hash("secret123")
    assert first != second
    _, scheme, _, argon2id, version, cost, salt, digest = first.split("$")
    assert (scheme, argon2id, version, cost) == ("hmac-sha256", "argon2id", "v=19", "m=19456,t=2,p=1")
    assert (len(salt), len(digest)) == (22, 43)  # 16 and 32 bytes in base64


async def test_two_spellings_of_one_character_are_one_password(passwords: Passwords) -> None:
    composed, decomposed = unicodedata.normalize("NFC", "éclair123"), unicodedata.normalize("NFD", "éclair123")
    assert composed != decomposed
    assert await passwords.verify(decomposed, await passwords.hash(composed)) == RIGHT


@pytest.mark.parametrize("other", [" secret123", "secret123 ", "Secret123", "secret123\0", "secret12"])
async def test_nothing_is_trimmed_cut_or_folded(passwords: Passwords, other: str) -> None:
    assert await passwords.verify(other, await passwords.hash("secret123")) == WRONG


async def test_the_last_of_1024_characters_counts(passwords: Passwords) -> None:
    long = "x" * 1_023
    assert await passwords.verify(long + "b", await passwords.hash(long + "a")) == WRONG


async def test_a_missing_hash_and_a_broken_one_are_never_right(passwords: Passwords) -> None:
    assert await passwords.verify("secret123", None) == WRONG
    assert await passwords.verify("secret123", "not a hash") == WRONG


async def test_w28_the_hash_is_renewed_when_the_cost_has_risen() -> None:
    peppers = HeldKeys()
    cheap = await passwords_with(peppers=peppers).hash("secret123")
    dearer = passwords_with(Cost(memory_kib=16, iterations=1, lanes=1), peppers=peppers)
    verdict = await dearer.verify("secret123", cheap)
    assert verdict.right
    assert verdict.renewed is not None
    assert "$m=16,t=1,p=1$" in verdict.renewed
    assert await dearer.verify("secret123", verdict.renewed) == RIGHT
    assert await dearer.verify("wrong", cheap) == WRONG


async def test_hashing_leaves_the_event_loop_free() -> None:
    passwords = passwords_with(OWASP_ARGON2ID)
    ticks = 0
    work = asyncio.gather(*(passwords.hash("secret123") for _ in range(8)))
    while not work.done():
        await asyncio.sleep(0)
        ticks += 1
    assert ticks > 100  # hashing in the loop would leave it a handful


async def test_who_gives_up_leaves_no_work_behind() -> None:
    passwords = passwords_with(OWASP_ARGON2ID)
    started = time.perf_counter()
    tasks = [asyncio.create_task(passwords.hash("secret123")) for _ in range(200)]
    await asyncio.sleep(0)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert await passwords.hash("secret123")
    alone = statistics.median([await _seconds_of_one(passwords) for _ in range(3)])
    assert time.perf_counter() - started < 60 * alone  # 200 would take at least 100 of one, on two cores


async def _seconds_of_one(passwords: Passwords) -> float:
    started = time.perf_counter()
    await passwords.hash("secret123")
    return time.perf_counter() - started


async def test_after_close_the_next_password_starts_the_threads_again(passwords: Passwords) -> None:
    stored = await passwords.hash("secret123")
    passwords.close()
    assert await passwords.verify("secret123", stored) == RIGHT


@settings(deadline=None)
@given(password=st.text(st.characters(codec="utf-8"), max_size=64))
async def test_any_text_verifies_as_itself(password: str) -> None:
    passwords = passwords_with()
    assert await passwords.verify(password, await passwords.hash(password)) == RIGHT
    passwords.close()


@pytest.mark.parametrize("marks", [4_096, 16_000])
async def test_a_password_of_combining_marks_does_not_hold_the_loop(passwords: Passwords, marks: int) -> None:
    """NFC takes time that grows with the square of a run of combining marks: 64 KiB of them stopped the server."""
    password = "a" + "\u0315" * marks + "\u0300" * marks
    started = time.perf_counter()
    assert passwords.refusal(password) is not None
    assert await passwords.verify(password, await passwords.hash("secret123")) == WRONG
    assert time.perf_counter() - started < 1


async def test_a_hash_whose_pepper_was_removed_while_it_was_computed_is_computed_anew() -> None:
    """A reset takes all keys. What is stored with one that is gone would be an account that nobody gets into."""
    peppers = HeldKeys()
    passwords = passwords_with(peppers=peppers)
    run = passwords.pool.run

    async def reset_meanwhile(work: Any, turn: Any) -> Any:
        text = await run(work, turn)
        if len(peppers.keys) == 1 and renewed.count(True) == 0:
            renewed.append(True)
            peppers.keys.clear()
            peppers.renew()
        return text

    renewed: list[bool] = []
    passwords.pool.run = reset_meanwhile  # type: ignore[method-assign]
    stored = await passwords.hash("secret123")
    assert renewed == [True]
    assert await passwords.verify("secret123", stored) == RIGHT


@pytest.mark.parametrize("argon2id", ["x", "é", "$v=19$m=8,t=1,p=1$c2FsdA", "$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$"])
async def test_a_damaged_hash_of_ours_is_wrong_like_any_other_and_said_to_be_damaged(argon2id: str) -> None:
    peppers = HeldKeys()
    passwords = passwords_with(peppers=peppers)
    key_id, _ = await peppers.newest()
    kept = f"$hmac-sha256$keyid={key_id}$argon2id{argon2id}"
    assert await passwords.verify("secret123", kept, account_id=1) == WRONG
    assert (await passwords.kind(kept, 1)).startswith("damaged")
    assert await passwords.portable(kept, 1) is None


@pytest.mark.parametrize("kept", ["", "of no kind that is known", "$2b$12$cut", "scrypt:2:8:65536$salt$00"])
async def test_what_no_password_can_be_behind_costs_a_hash_like_any_other(kept: str) -> None:
    passwords = passwords_with(OWASP_ARGON2ID)
    usual = min([await _seconds_of_one(passwords) for _ in range(3)])
    began = time.perf_counter()
    assert await passwords.verify("secret123", kept, account_id=1) == WRONG
    assert time.perf_counter() - began > usual / 2
    assert (await passwords.kind(kept, 1)).startswith("damaged")


async def test_another_coatchecks_hash_may_cost_what_hashing_costs_here() -> None:
    """Whoever chose a dear cost can move all the same."""
    dear = Cost(memory_kib=140_000, iterations=1, lanes=1)
    there, here = passwords_with(dear), passwords_with(dear)
    exported = await there.portable(await there.hash("secret123"), 1)
    assert exported is not None
    assert here.foreign_refusal(exported) is None
    sealed = (await here.seal_all({7: exported}))[7]
    verdict = await here.verify("secret123", sealed, account_id=7)
    assert verdict.right
    assert verdict.renewed is not None
    assert "at most 131072 KiB" in str(passwords_with().foreign_refusal(exported))
    bare = exported[exported.index("$argon2id") :]
    assert "at most 131072 KiB" in str(here.foreign_refusal(bare))
