"""Hashes that other systems have made, by those systems themselves, are checked as they check them."""

import time
from collections.abc import Callable

import bcrypt
import django.conf  # type: ignore[import-untyped]
import pytest
from django.contrib.auth import hashers as django_hashers  # type: ignore[import-untyped]
from hypothesis import given, settings
from hypothesis import strategies as st
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher
from pwdlib.hashers.bcrypt import BcryptHasher
from werkzeug.security import generate_password_hash

from coatcheck.passwords.formats import FORMATS, format_of
from tests.support.keys import HeldKeys
from tests.support.passwords import passwords_with

if not django.conf.settings.configured:
    django.conf.settings.configure()

PASSWORDS = ["secret123", "pässwörd", "e\u0301clair", "🔑" * 9, " spaces ", "x"]
CHEAP_BCRYPT = 4
CHEAP_ITERATIONS = 1_000


def made_by_bcrypt(password: str, prefix: bytes = b"2b") -> str:
    return bcrypt.hashpw(password.encode(), bcrypt.gensalt(CHEAP_BCRYPT, prefix)).decode()


def made_by_php(password: str) -> str:
    """PHP's prefix; what follows is the same."""
    return "$2y$" + made_by_bcrypt(password).removeprefix("$2b$")


def made_by_django(hasher: django_hashers.PBKDF2PasswordHasher, password: str) -> str:
    return str(hasher.encode(password, hasher.salt(), CHEAP_ITERATIONS))


def made_by_django_argon2(password: str) -> str:
    hasher = django_hashers.Argon2PasswordHasher()
    return str(hasher.encode(password, hasher.salt()))


MADE_BY: dict[str, Callable[[str], str]] = {
    "bcrypt": made_by_bcrypt,
    "bcrypt 2a": lambda password: made_by_bcrypt(password, b"2a"),
    "PHP": made_by_php,
    "pwdlib bcrypt": BcryptHasher(rounds=CHEAP_BCRYPT).hash,
    "pwdlib recommended": PasswordHash.recommended().hash,
    "pwdlib argon2": Argon2Hasher(time_cost=1, memory_cost=64, parallelism=2).hash,
    "Django PBKDF2": lambda password: made_by_django(django_hashers.PBKDF2PasswordHasher(), password),
    "Django PBKDF2 SHA-1": lambda password: made_by_django(django_hashers.PBKDF2SHA1PasswordHasher(), password),
    "Django argon2": made_by_django_argon2,
    "Werkzeug": generate_password_hash,
    "Werkzeug PBKDF2": lambda password: generate_password_hash(password, "pbkdf2:sha256:1000"),
    "Werkzeug PBKDF2 SHA-1": lambda password: generate_password_hash(password, "pbkdf2:sha1:1000"),
    "Werkzeug PBKDF2 SHA-512": lambda password: generate_password_hash(password, "pbkdf2:sha512:1000"),
    "Werkzeug scrypt of another cost": lambda password: generate_password_hash(password, "scrypt:1024:4:2"),
}

# argon2i, by the reference implementation's own test program: its test.c, version 0x13, "password", "somesalt".
ARGON2I = "$argon2i$v=19$m=256,t=2,p=2$c29tZXNhbHQ$T/XOJ2mh1/TIpJHfCdQan76Q5esCFVoT5MAeIM1Oq2E"


def verify(password: str, text: str) -> bool:
    found = format_of(text)
    return found is not None and found.verify(password, text)


def refusal(text: str) -> str | None:
    found = format_of(text)
    assert found is not None
    return found.refusal(text)


@pytest.mark.parametrize("origin", MADE_BY)
@pytest.mark.parametrize("password", PASSWORDS)
def test_the_right_password_is_right_and_another_is_wrong(origin: str, password: str) -> None:
    text = MADE_BY[origin](password)
    assert refusal(text) is None
    assert verify(password, text)
    assert not verify(password + "x", text)
    assert not verify("", text)


@pytest.mark.parametrize("make", [django_hashers.make_password, lambda p: generate_password_hash(p, "pbkdf2")])
def test_what_frameworks_ask_for_today_is_below_the_cap(make: Callable[[str], str]) -> None:
    text = make("secret123")
    assert refusal(text) is None
    assert verify("secret123", text)


def test_argon2i_is_known_too() -> None:
    assert refusal(ARGON2I) is None
    assert verify("password", ARGON2I)
    assert not verify("passwort", ARGON2I)


@pytest.mark.parametrize("origin", MADE_BY)
def test_a_changed_hash_is_wrong(origin: str) -> None:
    text = MADE_BY[origin]("secret123")
    for position in (-20, -10, -5):
        other = "0" if text[position] != "0" else "1"
        changed = text[:position] + other + text[position + 1 :]
        assert not verify("secret123", changed)


@pytest.mark.parametrize("origin", MADE_BY)
def test_a_hash_that_was_cut_or_has_more_behind_it_is_refused(origin: str) -> None:
    text = MADE_BY[origin]("secret123")
    for broken in (text[: len(text) // 2], text + "\n", text + "$", text + "Å", text.replace("$", "$$"), text + text):
        assert format_of(broken) is None or refusal(broken) is not None, broken
        assert not verify("secret123", broken)


@pytest.mark.parametrize("origin", MADE_BY)
def test_half_a_surrogate_pair_is_wrong(origin: str) -> None:
    text = MADE_BY[origin]("secret?")  # what some write in its place
    assert not verify("secret\ud800", text)
    assert not verify("secret?\udfff", text)


def test_a_password_is_checked_as_it_was_typed_where_the_origin_did_not_normalise() -> None:
    composed, decomposed = "\u00e9clair", "e\u0301clair"
    assert verify(decomposed, made_by_bcrypt(decomposed))
    assert not verify(composed, made_by_bcrypt(decomposed))


SALT = "A" * 22
TOO_DEAR = [
    f"$2b$15${'.' * 22}{'.' * 31}",
    f"$2b$31${'.' * 22}{'.' * 31}",
    f"$2b$99${'.' * 22}{'.' * 31}",
    f"$argon2id$v=19$m=131073,t=1,p=1${SALT}${SALT}",
    f"$argon2id$v=19$m=4294967295,t=1,p=1${SALT}${SALT}",
    f"$argon2id$v=19$m=8192,t=11,p=1${SALT}${SALT}",
    f"$argon2id$v=19$m=8192,t=1,p=17${SALT}${SALT}",
    f"$argon2i$v=19$m=131072,t=5,p=1${SALT}${SALT}",
    f"argon2$argon2id$v=19$m=1048576,t=1,p=1${SALT}${SALT}",
    f"pbkdf2_sha256$2500001$salt${'A' * 43}=",
    f"pbkdf2_sha1$9999999999$salt${'A' * 27}=",
    f"pbkdf2:sha256:2500001$salt${'0' * 64}",
    f"pbkdf2:sha512:1250001$salt${'0' * 128}",
    f"pbkdf2:sha512:9999999999$salt${'0' * 128}",
    f"scrypt:262144:8:1$salt${'0' * 128}",
    f"scrypt:131072:8:2$salt${'0' * 128}",
    f"scrypt:1024:8:1024$salt${'0' * 128}",
    f"scrypt:2:4194304:1$salt${'0' * 128}",
    f"scrypt:2:8:65536$salt${'0' * 128}",
    f"scrypt:512:8:1$salt${'0' * 128}",
    f"$hmac-sha256$key={'A' * 43}$argon2id$v=19$m=1048576,t=1,p=1${SALT}${SALT}",
]


@pytest.mark.parametrize("text", TOO_DEAR)
def test_a_cost_beyond_the_cap_is_refused_and_never_spent(text: str) -> None:
    began = time.thread_time()
    why = refusal(text)
    assert why is not None
    assert "accepted" in why
    assert text.rpartition("$")[2] not in why
    assert not verify("secret123", text)
    assert time.thread_time() - began < 0.1


@pytest.mark.parametrize(
    "text",
    [
        f"$2b$14${'.' * 22}{'.' * 31}",
        f"$argon2id$v=19$m=131072,t=4,p=16${SALT}${SALT}",
        f"$argon2id$v=19$m=52428,t=10,p=1${SALT}${SALT}",
        f"pbkdf2_sha256$2500000$salt${'A' * 43}=",
        f"pbkdf2:sha256:2500000$salt${'0' * 64}",
        f"pbkdf2:sha512:1250000$salt${'0' * 128}",
        f"scrypt:131072:8:1$salt${'0' * 128}",
        f"scrypt:1024:8:128$salt${'0' * 128}",
        f"scrypt:1024:1024:1$salt${'0' * 128}",
    ],
)
def test_what_costs_as_much_as_is_accepted_is_checked_without_an_error_and_within_seconds(text: str) -> None:
    began = time.perf_counter()
    assert refusal(text) is None
    assert not verify("secret123", text)
    assert time.perf_counter() - began < 20  # a second or so; the tests may share the processor


MALFORMED = [
    f"$2b$03${'.' * 22}{'.' * 31}",
    f"$2b$12${'.' * 21}A{'.' * 31}",  # a salt's last letter with more than 2 bits
    f"$2b$12${'.' * 22}{'.' * 30}/",
    f"$2b$١٢${'.' * 22}{'.' * 31}",
    f"$argon2d$v=19$m=64,t=1,p=1${SALT}${SALT}",
    f"$argon2id$v=16$m=64,t=1,p=1${SALT}${SALT}",
    f"$argon2id$m=64,t=1,p=1${SALT}${SALT}",
    f"$argon2id$v=19$m=7,t=1,p=1${SALT}${SALT}",
    f"$argon2id$v=19$m=64,t=0,p=1${SALT}${SALT}",
    f"$argon2id$v=19$m=64,t=1,p=0${SALT}${SALT}",
    f"$argon2id$v=19$m=64,t=1,p=1${'A' * 25}${SALT}",  # no length that base64 has
    f"$argon2id$v=19$m=64,t=1,p=1${SALT[:-1]}B${SALT}",  # bits left over
    f"$argon2id$v=19$m=64,t=1,p=1${'A' * 87}${SALT}",
    f"pbkdf2_sha256$0$salt${'A' * 43}=",
    f"pbkdf2_sha256$-1$salt${'A' * 43}=",
    f"pbkdf2_sha256$1000$salt${'A' * 27}=",  # as long as SHA-1
    f"pbkdf2_sha256$1000$${'A' * 43}=",
    f"pbkdf2_sha256$1000${'s' * 129}${'A' * 43}=",
    f"pbkdf2_sha256$1000$s\ud800lt${'A' * 43}=",
    f"pbkdf2:md5:1000$salt${'0' * 32}",
    f"pbkdf2:sha256$salt${'0' * 64}",
    f"pbkdf2:sha512:1000$salt${'0' * 64}",
    f"scrypt:1000:8:1$salt${'0' * 128}",
    f"scrypt:1:8:1$salt${'0' * 128}",
    f"scrypt:131072:1:1$salt${'0' * 128}",
    f"scrypt:1024:0:1$salt${'0' * 128}",
    f"scrypt:1024:8:1$salt${'0' * 127}",
    f"$hmac-sha256$key={'A' * 42}B$argon2id$v=19$m=64,t=1,p=1${SALT}${SALT}",
    f"$hmac-sha256$key={'A' * 43}$2b$12${'.' * 53}",
]


@pytest.mark.parametrize("text", MALFORMED)
def test_what_only_begins_like_a_hash_is_refused(text: str) -> None:
    assert refusal(text) is not None
    assert not verify("secret123", text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "secret123",
        "5f4dcc3b5aa765d61d8327deb882cf99",
        "!unusable",
        "$1$salt$hash",
        "$2x$12$" + "." * 53,
        f"$hmac-sha256$keyid=abc$argon2id$v=19$m=64,t=1,p=1${SALT}${SALT}",  # a row of ours, without its key
        "$aes-256-gcm$keyid=abc$AAAA",
        " " + ARGON2I,
    ],
)
def test_what_is_none_of_these_has_no_format(text: str) -> None:
    assert format_of(text) is None


BEGINNINGS = [
    *("$2a$", "$2b$12$", "$2y$", "$argon2", "$argon2id$v=19$m=", "argon2$argon2id$v=19$m=64,t=1,p=1$"),
    *("pbkdf2_sha256$", "pbkdf2_sha1$1$", "pbkdf2:", "pbkdf2:sha256:1$", "scrypt:", "scrypt:2:1:1$salt$"),
    *("$hmac-sha256$key=", f"$hmac-sha256$key={'A' * 43}$argon2id$"),
]


@settings(deadline=500)
@given(beginning=st.sampled_from(BEGINNINGS), rest=st.text(max_size=300), password=st.text(max_size=80))
def test_no_text_makes_a_check_raise(beginning: str, rest: str, password: str) -> None:
    text = beginning + rest
    found = format_of(text)
    assert found is not None
    found.refusal(text)
    assert not found.verify(password, text)


@settings(deadline=1_000)
@given(origin=st.sampled_from(["bcrypt", "pwdlib argon2", "Werkzeug PBKDF2 SHA-1"]), password=st.text(max_size=80))
def test_no_password_makes_a_check_raise(origin: str, password: str) -> None:
    text = CHEAP[origin]
    assert verify(password, text) == (password == "secret123")


CHEAP = {origin: MADE_BY[origin]("secret123") for origin in ("bcrypt", "pwdlib argon2", "Werkzeug PBKDF2 SHA-1")}


@pytest.mark.parametrize("beginning", BEGINNINGS)
@pytest.mark.parametrize("filling", ["A", "9", "$", "$A", "\0", "é", "=,"])
def test_a_megabyte_is_refused_at_once(beginning: str, filling: str) -> None:
    text = beginning + filling * (1_000_000 // len(filling))
    began = time.thread_time()
    assert refusal(text) is not None
    assert not verify("secret123", text)
    assert time.thread_time() - began < 0.5


def made_with_a_cut(password: str) -> str:
    """As bcrypt before 5.0, PHP and others do: what is beyond 72 bytes is not read."""
    return bcrypt.hashpw(password.encode()[:72], bcrypt.gensalt(CHEAP_BCRYPT)).decode()


@pytest.mark.parametrize("password", ["0123456789" * 8, "é" * 40, "a" + "é" * 39])
def test_a_password_beyond_72_bytes_is_right_whole_and_with_what_bcrypt_reads_of_it(password: str) -> None:
    text = made_with_a_cut(password)
    assert verify(password, text)
    assert verify(password[:-1] + "!", text)  # the origin did not look there either
    assert verify("0123456789" * 7 + "01", made_with_a_cut("0123456789" * 8))
    assert not verify(password[:30] + "!" + password[31:], text)


async def test_after_the_first_login_only_the_whole_of_a_long_password_is_right() -> None:
    password = "0123456789" * 8
    passwords = passwords_with(seals=HeldKeys())
    kept = (await passwords.seal_all({7: made_with_a_cut(password)}))[7]
    verdict = await passwords.verify(password, kept, account_id=7)
    assert verdict.right
    assert verdict.renewed is not None
    assert (await passwords.verify(password, verdict.renewed, account_id=7)).right
    assert not (await passwords.verify(password[:72], verdict.renewed, account_id=7)).right


@pytest.mark.parametrize("password", ["a\0a", "a\0", "\0", "a\0" * 40])
def test_bcrypt_never_matches_a_password_with_nul(password: str) -> None:
    """It hashes the password and a NUL, over and over: to it "a" and "a\\0a" are the same."""
    assert not verify(password, made_by_bcrypt("a"))
    assert not verify(password, made_with_a_cut(password))


@pytest.mark.parametrize("origin", ["pwdlib argon2", "Django PBKDF2", "Werkzeug"])
def test_elsewhere_nul_is_a_character_like_others(origin: str) -> None:
    text = MADE_BY[origin]("a\0b")
    assert verify("a\0b", text)
    assert not verify("a", text)


async def test_a_hash_from_elsewhere_is_right_for_its_account_only_and_is_renewed_as_ours() -> None:
    passwords = passwords_with()
    kept = (await passwords.seal_all({7: made_by_bcrypt("secret123")}))[7]
    assert "$2b$" not in kept
    verdict = await passwords.verify("secret123", kept, account_id=7)
    assert verdict.right
    assert verdict.renewed is not None
    assert verdict.renewed.startswith("$hmac-sha256$keyid=")
    assert not (await passwords.verify("secret124", kept, account_id=7)).right
    assert not (await passwords.verify("secret123", kept, account_id=8)).right


def test_each_format_has_a_name_of_its_own() -> None:
    assert len({one.name for one in FORMATS}) == len(FORMATS)
