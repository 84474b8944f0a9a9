"""A token is accepted exactly as it was issued, by whoever it was issued for, until it expires."""

import base64
import json
import string
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jws
from joserfc.errors import JoseError

from coatcheck.tokens import Claims, InvalidToken, SigningKey, VerifiedTokens, issue, verify
from coatcheck.tokens.key import REGISTRY

NOW = 1_800_000_000
ISSUER = "https://api.example.org"
ALPHABET = string.ascii_letters + string.digits + "-_"
# The same in every process that runs a part of the tests: their ids are names of tests.
KEY = SigningKey.from_seed(bytes(range(32)))
OTHER_KEY = SigningKey.from_seed(bytes(range(32, 64)))


def claims(**changes: Any) -> Claims:
    usual = Claims(
        subject=7,
        username="Zoë",
        session="session-id",
        auth_time=NOW,
        amr=("pwd",),
        expires_at=NOW + 1_800,
        key_id=KEY.id,
    )
    return replace(usual, **changes)


def token(**changes: Any) -> str:
    return issue(claims(**changes), key=KEY, issuer=ISSUER, audience=ISSUER, now=NOW)


def check(text: str, **changes: Any) -> Claims:
    given_values: dict[str, Any] = {
        "keys": {KEY.id: KEY},
        "issuer": ISSUER,
        "audience": ISSUER,
        "now": NOW,
        **changes,
    }
    return verify(text, **given_values)


def part(text: str, index: int) -> dict[str, Any]:
    piece = text.split(".")[index]
    decoded: dict[str, Any] = json.loads(base64.urlsafe_b64decode(piece + "=" * (-len(piece) % 4)))
    return decoded


def signed(header: dict[str, Any], payload: bytes, key: SigningKey = KEY) -> str:
    """A token with any header and payload, with a right signature."""
    return jws.serialize_compact(header, payload, key.jwk, registry=REGISTRY)


def accepted_twins(text: str, accept: Callable[[str], object]) -> list[str]:
    """Which of all tokens that differ in one letter are accepted."""
    accepted = []
    for position, letter in enumerate(text):
        for other in ALPHABET.replace(letter, ""):
            twin = text[:position] + other + text[position + 1 :]
            try:
                accept(twin)
            except InvalidToken:
                continue
            accepted.append(twin)
    return accepted


GOOD_HEADER = {"alg": "EdDSA", "typ": "at+jwt", "kid": KEY.id}


def test_what_was_issued_is_what_is_verified() -> None:
    assert check(token()) == claims()


def test_the_header_begins_with_alg_and_says_access_token() -> None:
    text = token()
    assert text.startswith("eyJhbG")
    assert list(part(text, 0).items()) == [("alg", "EdDSA"), ("typ", "at+jwt"), ("kid", KEY.id)]


def test_the_claims_are_those_of_rfc_9068() -> None:
    payload = part(token(), 1)
    assert payload.pop("jti")
    assert payload == {
        "iss": ISSUER,
        "sub": "7",
        "aud": ISSUER,
        "client_id": ISSUER,
        "iat": NOW,
        "exp": NOW + 1_800,
        "sid": "session-id",
        "auth_time": NOW,
        "amr": ["pwd"],
        "username": "Zoë",
    }


def test_no_two_tokens_have_one_id() -> None:
    assert len({part(token(), 1)["jti"] for _ in range(1_000)}) == 1_000


def test_a_token_is_good_until_the_second_before_it_expires() -> None:
    assert check(token(), now=NOW + 1_799.999) == claims()
    with pytest.raises(InvalidToken):
        check(token(), now=NOW + 1_800)


def accepted_twins_of_a_new_token(_: int) -> list[str]:
    return accepted_twins(token(), check)


@pytest.mark.slow
def test_every_other_letter_at_every_position_of_twenty_tokens_is_refused() -> None:
    """The last letter of a signature has unused bits: lenient decoders accept its twins."""
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as processes:  # seven hundred thousand signatures
        assert list(processes.map(accepted_twins_of_a_new_token, range(20))) == [[]] * 20


@given(position=st.integers(0, 200), piece=st.text(max_size=5), removed=st.integers(0, 5))
def test_any_other_change_is_refused(position: int, piece: str, removed: int) -> None:
    text = token()
    changed = text[:position] + piece + text[position + removed :]
    if changed != text:
        with pytest.raises(InvalidToken):
            check(changed)


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text + "=",
        lambda text: text + ".",
        lambda text: text + ".x",
        lambda text: " " + text,
        lambda text: text + "\n",
        lambda text: text.replace(".", "..", 1),
        lambda text: text.rsplit(".", 1)[0] + ".",
        lambda text: text.rsplit(".", 1)[0],
        lambda text: "",
        lambda text: "é" + text,
        lambda text: "\ud800" + text,
        lambda text: text + "A" * 5_000,
    ],
)
def test_what_is_no_token_is_refused(change: Callable[[str], str]) -> None:
    with pytest.raises(InvalidToken):
        check(change(token()))


@pytest.mark.parametrize(
    "header",
    [
        {**GOOD_HEADER, "typ": "JWT"},
        {"alg": "EdDSA", "kid": KEY.id},
        {"alg": "EdDSA", "typ": "at+jwt"},
        {**GOOD_HEADER, "kid": OTHER_KEY.id},
        {**GOOD_HEADER, "kid": "../../etc/passwd"},
    ],
)
def test_a_right_signature_under_a_wrong_header_is_refused(header: dict[str, Any]) -> None:
    payload = json.dumps(part(token(), 1)).encode()
    assert check(signed(GOOD_HEADER, payload)) == claims()
    with pytest.raises(InvalidToken):
        check(signed(header, payload))


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "nOnE", "HS256", "ES256", "RS256", "Ed25519", ""])
def test_the_header_does_not_choose_the_algorithm(algorithm: str) -> None:
    _, payload, signature = token().split(".")
    header = json.dumps({**GOOD_HEADER, "alg": algorithm}).encode()
    encoded = base64.urlsafe_b64encode(header).rstrip(b"=").decode()
    for text in (f"{encoded}.{payload}.{signature}", f"{encoded}.{payload}."):
        with pytest.raises(InvalidToken):
            check(text)


@pytest.mark.parametrize("kid", [["a"], {"a": 1}, 7, None, "x" * 3_000, "\0"])
def test_a_key_id_of_any_kind_is_only_looked_up(kid: Any) -> None:
    _, payload, signature = token().split(".")
    header = json.dumps({**GOOD_HEADER, "kid": kid}).encode()
    encoded = base64.urlsafe_b64encode(header).rstrip(b"=").decode()
    with pytest.raises(InvalidToken):
        check(f"{encoded}.{payload}.{signature}")


def test_another_key_with_the_right_id_is_refused() -> None:
    payload = json.dumps(part(token(), 1)).encode()
    with pytest.raises(InvalidToken):
        check(signed(GOOD_HEADER, payload, key=OTHER_KEY))


@pytest.mark.parametrize(
    ("claim", "value"),
    [
        ("iss", "https://api.example.org/"),
        ("iss", None),
        ("aud", "https://other.example.org"),
        ("aud", []),
        ("aud", [7, ISSUER]),
        ("aud", ["https://other.example.org"]),
        ("aud", ISSUER[:-1]),
        ("sub", "alice"),
        ("sub", None),
        ("exp", "never"),
        ("exp", None),
        ("exp", NOW),
        ("nbf", NOW + 1),
        ("nbf", "soon"),
        ("sid", None),
    ],
)
def test_a_signed_token_with_a_wrong_claim_is_refused(claim: str, value: Any) -> None:
    payload = part(token(), 1)
    if value is None:
        del payload[claim]
    else:
        payload[claim] = value
    with pytest.raises(InvalidToken):
        check(signed(GOOD_HEADER, json.dumps(payload).encode()))


@pytest.mark.parametrize("payload", [b"[]", b"7", b"null", b'"text"', b"{", b"\xff", b"{}"])
def test_a_signed_payload_that_is_no_object_is_refused(payload: bytes) -> None:
    with pytest.raises(InvalidToken):
        check(signed(GOOD_HEADER, payload))


def test_a_key_comes_back_from_its_seed() -> None:
    assert SigningKey.from_seed(KEY.private) == KEY
    assert len(KEY.private) == 32


def test_published_vector_rfc_8037_thumbprint() -> None:
    """RFC 8037 appendix A.1 and A.3."""
    seed = base64.urlsafe_b64decode("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=")
    assert SigningKey.from_seed(seed).id == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"


def test_published_vector_rfc_8037_signature() -> None:
    """RFC 8037 appendix A.4: the key of A.1 signs `Example of Ed25519 signing`."""
    seed = base64.urlsafe_b64decode("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=")
    text = signed({"alg": "EdDSA"}, b"Example of Ed25519 signing", SigningKey.from_seed(seed))
    assert text == (
        "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc."
        "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"
    )


class TestVerifiedTokens:
    """The memory of verified tokens answers as the verifier does."""

    def memory(self) -> tuple[VerifiedTokens, dict[str, SigningKey]]:
        keys = {KEY.id: KEY}
        return VerifiedTokens(keys=keys, issuer=ISSUER, audience=ISSUER), keys

    def test_j42_a_warm_token_makes_no_changed_twin_pass(self) -> None:
        verified, _ = self.memory()
        text = token()
        assert verified.claims(text, NOW) == claims()
        assert accepted_twins(text, lambda twin: verified.claims(twin, NOW)) == []

    def test_j42_a_warm_token_expires_all_the_same(self) -> None:
        verified, _ = self.memory()
        text = token()
        assert verified.claims(text, NOW + 1_799.9) == claims()
        with pytest.raises(InvalidToken):
            verified.claims(text, NOW + 1_800)

    def test_j42_a_warm_token_is_refused_once_its_key_is_gone(self) -> None:
        verified, keys = self.memory()
        text = token()
        assert verified.claims(text, NOW) == claims()
        del keys[KEY.id]
        with pytest.raises(InvalidToken):
            verified.claims(text, NOW)

    def test_a_refused_token_is_not_remembered(self) -> None:
        verified, keys = self.memory()
        text = token()
        del keys[KEY.id]
        with pytest.raises(InvalidToken):
            verified.claims(text, NOW)
        keys[KEY.id] = KEY
        assert verified.claims(text, NOW) == claims()

    def test_the_memory_is_bounded(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("coatcheck.tokens.verified.TOKENS_REMEMBERED", 3)
        verified, _ = self.memory()
        texts = [token() for _ in range(10)]
        for text in texts:
            verified.claims(text, NOW)
        assert len(verified._accepted) == 3
        assert all(verified.claims(text, NOW) == claims() for text in texts)


def test_joserfc_is_as_strict_as_we_rely_on() -> None:
    """A twin of the last letter decodes to the same bytes where unused bits are ignored."""
    text = token()
    twin = text[:-1] + ALPHABET_ORDER[ALPHABET_ORDER.index(text[-1]) ^ 1]
    lenient = base64.urlsafe_b64decode(twin.rsplit(".")[-1] + "==")
    assert lenient == base64.urlsafe_b64decode(text.rsplit(".")[-1] + "==")
    with pytest.raises(JoseError):
        jws.deserialize_compact(twin, KEY.jwk, registry=REGISTRY)


ALPHABET_ORDER = string.ascii_uppercase + string.ascii_lowercase + string.digits + "-_"
