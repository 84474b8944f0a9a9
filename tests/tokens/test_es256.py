"""Tokens signed by ES256 (RFC 7518 section 3.4), and what a key shows of itself. J facts: RFC 8725."""

from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from coatcheck.tokens import ALGORITHMS, EDDSA, ES256, InvalidToken, SigningKey, explain, issue, verify
from coatcheck.tokens.base64url import decoded, encoded
from tests.tokens.test_tokens import ISSUER, NOW, accepted_twins, claims, part, signed

KEY = SigningKey.from_private(ES256, bytes(range(1, 33)))
EDWARDS = SigningKey.from_private(EDDSA, bytes(range(1, 33)))
GIVEN: dict[str, Any] = {"keys": {KEY.id: KEY}, "issuer": ISSUER, "audience": ISSUER, "now": NOW}
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551  # n of P-256, FIPS 186-5
HALF = 32
TRIES = 400  # each 256th has a leading zero byte in r, and each 256th in s


def token() -> str:
    return issue(claims(key_id=KEY.id), key=KEY, issuer=ISSUER, audience=ISSUER, now=NOW)


def refused_by(text: str, **changes: Any) -> str:
    outcomes = explain(text, **{**GIVEN, **changes})
    with pytest.raises(InvalidToken):
        verify(text, **{**GIVEN, **changes})
    return next(outcome.stage for outcome in outcomes if outcome.result == "refused")


def with_signature(text: str, signature: bytes) -> str:
    return ".".join((*text.split(".")[:2], encoded(signature)))


def test_what_was_issued_is_what_is_verified() -> None:
    text = token()
    assert text.startswith("eyJhbG")
    assert part(text, 0) == {"alg": "ES256", "typ": "at+jwt", "kid": KEY.id}
    assert verify(text, **GIVEN) == claims(key_id=KEY.id)


def test_no_token_that_differs_in_one_letter_is_accepted() -> None:
    assert accepted_twins(token(), lambda twin: verify(twin, **GIVEN)) == []


def test_every_signature_has_64_bytes_and_is_accepted() -> None:
    lengths = set()
    for _ in range(TRIES):
        text = token()
        verify(text, **GIVEN)
        lengths.add(len(decoded(text.split(".")[2])))
    assert lengths == {2 * HALF}


@pytest.mark.parametrize("bad", [0, ORDER, ORDER + 1, 2**256 - 1], ids=["0", "n", "n + 1", "2^256 - 1"])
def test_j06_an_r_or_s_outside_1_to_n_minus_1_is_refused(bad: int) -> None:
    text = token()
    signature = decoded(text.split(".")[2])
    verify(with_signature(text, signature), **GIVEN)
    r, s, wrong = signature[:HALF], signature[HALF:], bad.to_bytes(HALF, "big")
    for one in (wrong + s, r + wrong, wrong + wrong):
        assert refused_by(with_signature(text, one)) == "signature"


def test_j06_only_the_raw_form_is_taken_not_der_and_not_another_length() -> None:
    text = token()
    signature = decoded(text.split(".")[2])
    verify(with_signature(text, signature), **GIVEN)
    r, s = (int.from_bytes(half, "big") for half in (signature[:HALF], signature[HALF:]))
    zero = b"\0"
    for one in (
        encode_dss_signature(r, s),
        zero + signature,
        signature + zero,
        zero + signature[:HALF] + zero + signature[HALF:],
        signature[:-1],
        signature[:HALF],
        signature * 2,
    ):
        assert refused_by(with_signature(text, one)) == "signature"


def test_j01_j02_a_key_is_for_one_algorithm() -> None:
    """A token that names one key's id and the other's algorithm, signed with either."""
    both: dict[str, Any] = {"keys": {KEY.id: KEY, EDWARDS.id: EDWARDS}}
    payload = decoded(token().split(".")[1])
    for named, other in ((KEY, EDWARDS), (EDWARDS, KEY)):
        header = {"alg": other.algorithm, "typ": "at+jwt", "kid": named.id}
        assert refused_by(signed(header, payload, other), **both) == "algorithm"
        honest = {"alg": named.algorithm, "typ": "at+jwt", "kid": named.id}
        text = signed(honest, payload, named)
        verify(text, **{**GIVEN, **both})
        _, _, foreign = signed({**honest, "alg": other.algorithm}, payload, other).split(".")
        assert refused_by(".".join((*text.split(".")[:2], foreign)), **both) == "signature"


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_key_comes_back_from_its_private_bytes(algorithm: str) -> None:
    key = SigningKey.generate(algorithm)
    assert SigningKey.from_private(algorithm, key.private) == key
    assert len(key.private) == HALF
    assert SigningKey.generate(algorithm).id != key.id


@pytest.mark.parametrize("algorithm", ["HS256", "RS256", "none", "es256", ""])
def test_there_is_no_key_of_another_algorithm(algorithm: str) -> None:
    with pytest.raises(ValueError, match="EdDSA or ES256"):
        SigningKey.generate(algorithm)
    with pytest.raises(ValueError, match="EdDSA or ES256"):
        SigningKey.from_private(algorithm, bytes(range(32)))


@pytest.mark.parametrize(
    "private", [bytes(32), ORDER.to_bytes(HALF, "big"), b"\xff" * HALF, b"\1" * 31, b"\1" * 33], ids=len
)
def test_what_is_no_scalar_is_no_p_256_key(private: bytes) -> None:
    with pytest.raises(ValueError, match=r"key|private"):
        SigningKey.from_private(ES256, private)


@pytest.mark.parametrize(("algorithm", "kind", "curve"), [(EDDSA, "OKP", "Ed25519"), (ES256, "EC", "P-256")])
def test_j33_j34_a_key_shows_its_public_members_and_no_other(algorithm: str, kind: str, curve: str) -> None:
    key = SigningKey.generate(algorithm)
    public = key.public
    assert list(public) == ["kty", "crv", "x", *(["y"] if kind == "EC" else []), "use", "alg", "kid"]
    assert (public["kty"], public["crv"], public["use"]) == (kind, curve, "sig")
    assert (public["alg"], public["kid"]) == (algorithm, key.id)
    assert encoded(key.private) not in public.values()


def test_published_vector_fips_186_the_point_of_the_scalar_1_is_the_generator() -> None:
    """SP 800-186 section 3.2.1.3: G of P-256."""
    public = SigningKey.from_private(ES256, (1).to_bytes(HALF, "big")).public
    assert decoded(public["x"]).hex() == "6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
    assert decoded(public["y"]).hex() == "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5"
