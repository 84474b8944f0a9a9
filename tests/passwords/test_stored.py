"""A thief has the whole database and not the secret. Or has other rows than his own to write to."""

import re

import pytest
from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError

from coatcheck.passwords import Verdict
from coatcheck.passwords.stored import read
from coatcheck.problems import Unavailable
from tests.support.keys import HeldKeys
from tests.support.passwords import passwords_with

FOREIGN = "$2b$04$FedEQRQ/h2c81hrbo2HcAeMVQs/Hcaq4OJmrCUANASbZvi3SavDk2"  # secret123
WRONG = Verdict(right=False)


async def test_w29_what_is_stored_matches_no_guess_without_the_pepper() -> None:
    kept = await passwords_with().hash("secret123")
    argon2id = kept[kept.index("$argon2id$") :]
    with pytest.raises(VerifyMismatchError):
        PasswordHasher().verify(argon2id, "secret123")
    other_peppers = passwords_with(peppers=HeldKeys())
    said = read(kept)
    assert said is not None
    with pytest.raises(Unavailable):  # the key that it names is not there, and no other is tried
        await other_peppers.verify("secret123", kept)


async def test_w29_a_new_pepper_reaches_the_hash_at_the_next_login() -> None:
    peppers = HeldKeys()
    passwords = passwords_with(peppers=peppers)
    kept = await passwords.hash("secret123")
    assert (await passwords.verify("secret123", kept)).renewed is None
    peppers.renew()
    verdict = await passwords.verify("secret123", kept)
    assert verdict.right
    assert verdict.renewed is not None
    newest, _ = await peppers.newest()
    assert f"keyid={newest}$" in verdict.renewed
    assert await passwords.verify("secret123", verdict.renewed) == Verdict(right=True)
    assert await passwords.verify("secret124", kept) == WRONG


async def test_another_systems_hash_is_encrypted_and_good_for_its_account_alone() -> None:
    passwords = passwords_with()
    kept = (await passwords.seal_all({7: FOREIGN}))[7]
    assert FOREIGN not in kept
    assert "$2b$" not in kept
    verdict = await passwords.verify("secret123", kept, account_id=7)
    assert verdict.right
    assert verdict.renewed is not None
    assert verdict.renewed.startswith("$hmac-sha256$")
    for other in (8, None):
        assert await passwords.verify("secret123", kept, account_id=other) == WRONG


async def test_the_same_hash_is_never_the_same_text_twice() -> None:
    sealed = await passwords_with().seal_all(dict.fromkeys(range(1, 101), FOREIGN))
    assert len(set(sealed.values())) == 100


@pytest.mark.parametrize("place", range(0, 200, 7))
async def test_a_changed_text_lets_nobody_in(place: int) -> None:
    passwords = passwords_with()
    for kept in (await passwords.hash("secret123"), (await passwords.seal_all({7: FOREIGN}))[7]):
        where = place % len(kept)
        changed = kept[:where] + ("A" if kept[where] != "A" else "B") + kept[where + 1 :]
        try:
            verdict = await passwords.verify("secret123", changed, account_id=7)
        except Unavailable:  # another key is named
            continue
        # The salt's last letter has two bits that decode to nothing.
        assert not verdict.right or re.fullmatch(r"[A-Za-z0-9+/]", kept[where])


async def test_each_way_of_storing_has_words_for_the_operator() -> None:
    peppers = HeldKeys()
    passwords = passwords_with(peppers=peppers)
    ours = await passwords.hash("secret123")
    sealed = (await passwords.seal_all({7: FOREIGN}))[7]
    assert await passwords.kind(ours, 7) == "as today"
    assert await passwords.kind(sealed, 7) == "bcrypt"
    assert await passwords.kind(sealed, 8) == "damaged: no password opens it"
    assert await passwords.kind(None, 7) == "no password"
    peppers.renew()
    assert await passwords.kind(ours, 7) == "ours, of another cost or pepper"
