"""Each stage refuses what it is for, and `explain` tells what `verify` does. J facts: RFC 8725 and its neighbours."""

import hmac
import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coatcheck.tokens import InvalidToken, explain, verify
from coatcheck.tokens.base64url import decoded, encoded
from coatcheck.tokens.stages import STAGES
from tests.tokens.test_tokens import ALPHABET, GOOD_HEADER, ISSUER, KEY, NOW, OTHER_KEY, part, signed, token

GIVEN: dict[str, Any] = {"keys": {KEY.id: KEY}, "issuer": ISSUER, "audience": ISSUER, "now": NOW}
NAMES = [stage.name for stage in STAGES]
REFUSED_SECONDS = 0.010


def refusal(text: str) -> str:
    """The stage that refuses the token; empty for none."""
    outcomes = explain(text, **GIVEN)
    assert [outcome.stage for outcome in outcomes] == NAMES
    results = [outcome.result for outcome in outcomes]
    passed = results.count("passed")
    assert results == [*["passed"] * passed, *["refused", *["not reached"] * len(NAMES)][: len(NAMES) - passed]]
    try:
        verify(text, **GIVEN)
    except InvalidToken:
        assert "refused" in results
    else:
        assert "refused" not in results
    return NAMES[passed] if passed < len(NAMES) else ""


def headed(header: Any, signature: str | None = None) -> str:
    """The good token under another header, with its own or another signature."""
    _, payload, own = token().split(".")
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return ".".join((encoded(text), payload, own if signature is None else signature))


def claiming(payload: bytes | None = None, **claims: Any) -> str:
    """A token with a right signature over other claims; None removes one."""
    said = {**part(token(), 1), **claims}
    kept = {name: value for name, value in said.items() if value is not None}
    return signed(GOOD_HEADER, json.dumps(kept).encode() if payload is None else payload)


def own_claims() -> bytes:
    return json.dumps(part(token(), 1)).encode()


def test_a_good_token_passes_every_stage() -> None:
    assert refusal(token()) == ""


@pytest.mark.parametrize("change", [lambda text: text + "A" * 4_096, lambda text: "A" * 1_000_000], ids=["4K", "1M"])
def test_j31_a_long_token_is_not_looked_at(change: Callable[[str], str]) -> None:
    assert refusal(change(token())) == "size"


@pytest.mark.parametrize("text", ["", ".", "..", "a.b", "a.b.c.d", "a..c", json.dumps({"payload": "a"})])
def test_j20_other_than_three_parts_are_refused(text: str) -> None:
    assert refusal(text) == "parts"


@pytest.mark.parametrize(
    "change",
    [
        lambda text: " " + text,
        lambda text: text + "\n",
        lambda text: text + "=",
        lambda text: text.replace("-", "+").replace("_", "/") + "+",
        lambda text: text[:-1] + ALPHABET_ORDER[ALPHABET_ORDER.index(text[-1]) ^ 1],
        lambda text: text + "é",
        lambda text: text + "\ud800",
    ],
)
def test_j20_another_spelling_of_the_same_bytes_is_refused(change: Callable[[str], str]) -> None:
    assert refusal(change(token())) == "base64url"


@pytest.mark.parametrize(
    "header",
    [
        b"",
        b"{",
        b"[]",
        b"7",
        b"null",
        b'"text"',
        b"\xff",
        json.dumps(GOOD_HEADER).encode("utf-16"),
        b"\xef\xbb\xbf" + json.dumps(GOOD_HEADER).encode(),
        b'{"alg":"none","alg":"EdDSA","typ":"at+jwt","kid":"x"}',
        b'{"alg":NaN,"typ":"at+jwt","kid":"x"}',
        b"[" * 1_500 + b"]" * 1_000,
    ],
)
def test_j11_j21_j29_j30_a_header_that_is_no_plain_object_is_refused(header: bytes) -> None:
    assert refusal(headed(header)) in {"header", "parts"}


@pytest.mark.parametrize(
    "more",
    [
        {"crit": ["exp"]},
        {"crit": []},
        {"crit": ["b64"], "b64": False},
        {"b64": False},
        {"zip": "DEF"},
        {"jku": "https://attacker.example/keys"},
        {"x5u": "https://attacker.example/cert"},
        {"x5c": ["MIIB"]},
        {"jwk": OTHER_KEY.jwk.as_dict(private=False)},
        {"cty": "JWT"},
        {"x": 1},
    ],
)
def test_j10_j16_j19_a_header_that_says_more_is_refused_unread(more: dict[str, Any]) -> None:
    assert refusal(headed({**GOOD_HEADER, **more})) == "members"


@pytest.mark.parametrize("missing", ["alg", "typ", "kid"])
def test_a_header_that_says_less_is_refused(missing: str) -> None:
    assert refusal(headed({name: value for name, value in GOOD_HEADER.items() if name != missing})) == "members"


@pytest.mark.parametrize("kind", ["JWT", "at+jwt ", "logout+jwt", "dpop+jwt", "text/at+jwt", "", None, 7, ["at+jwt"]])
def test_j17_a_token_of_another_kind_is_refused(kind: Any) -> None:
    assert refusal(headed({**GOOD_HEADER, "typ": kind})) == "type"


@pytest.mark.parametrize("kind", ["AT+JWT", "application/at+jwt", "Application/At+Jwt"])
def test_j17_t02_the_type_is_compared_without_case_and_may_have_its_prefix(kind: str) -> None:
    assert refusal(signed({**GOOD_HEADER, "typ": kind}, own_claims())) == ""


@pytest.mark.parametrize(
    "kid",
    [
        OTHER_KEY.id,
        KEY.id.swapcase(),
        KEY.id[:-1],
        "../../etc/passwd",
        "https://attacker.example/key",
        "' OR 1=1 --",
        "\0",
        "x" * 1_000,
        "",
        ["a"],
        {"a": 1},
        7,
        None,
        True,
    ],
)
def test_j15_a_key_id_is_only_looked_up(kid: Any) -> None:
    assert refusal(headed({**GOOD_HEADER, "kid": kid})) == "key"


NO_ALGORITHMS = ["none", "None", "NONE", "nOnE", "none ", "", None, ["EdDSA"], {"a": 1}, 7, "eddsa", "EdDSA "]
OTHER_ALGORITHMS = [f"{kind}{size}" for kind in ("HS", "RS", "PS", "ES") for size in (256, 384, 512)]


@pytest.mark.parametrize("algorithm", [*NO_ALGORITHMS, *OTHER_ALGORITHMS, "ES256K", "Ed25519"], ids=str)
def test_j01_j02_j04_t03_the_header_does_not_choose_the_algorithm(algorithm: Any) -> None:
    for signature in (None, "AA"):
        assert refusal(headed({**GOOD_HEADER, "alg": algorithm}, signature)) == "algorithm"


@pytest.mark.parametrize("secret", ["x", "jwk", "pem", "der", "thumbprint"])
def test_j39_the_public_key_is_no_secret_of_hs256(secret: str) -> None:
    """Key confusion: the attacker signs with HMAC and the public key, which everybody has."""
    public = KEY.jwk.as_dict(private=False)
    spelled: dict[str, bytes] = {
        "x": decoded(str(public["x"])),
        "jwk": json.dumps(public).encode(),
        "pem": KEY.jwk.as_pem(private=False),
        "der": KEY.jwk.as_der(private=False),
        "thumbprint": KEY.id.encode(),
    }
    signing_input = headed({**GOOD_HEADER, "alg": "HS256"}).rpartition(".")[0]
    mac = hmac.digest(spelled[secret], signing_input.encode(), "sha256")  # joserfc would refuse such a secret
    forged = f"{signing_input}.{encoded(mac)}"
    assert refusal(forged) == "algorithm"
    as_ours = headed(GOOD_HEADER, forged.rsplit(".")[-1])
    assert refusal(as_ours) == "signature"


def test_a_signature_of_another_key_another_token_or_another_length_is_refused() -> None:
    head, payload, signature = token().split(".")
    _, other_payload, other_signature = token().split(".")
    raw = decoded(signature)
    for text in (
        signed(GOOD_HEADER, own_claims(), key=OTHER_KEY),
        f"{head}.{payload}.{other_signature}",
        f"{head}.{other_payload}.{signature}",
        *(
            f"{head}.{payload}.{encoded(other)}"
            for other in (raw[:-1], raw + b"\0", raw[32:], bytes(64), b"\xff" * 64)
        ),
    ):
        assert refusal(text) == "signature"


@pytest.mark.parametrize(
    "payload",
    [
        b"[]",
        b"7",
        b"null",
        b'"text"',
        b"{",
        b"\xff",
        b"{}",
        b"\xef\xbb\xbf{}",
        b"[" * 1_000 + b"]" * 1_000,
        b'{"exp":' + b"9" * 2_000 + b"}",
    ],
)
def test_j11_j28_j30_claims_that_are_no_plain_object_are_refused(payload: bytes) -> None:
    assert refusal(claiming(payload)) == "claims"


def test_j21_a_claim_that_comes_twice_is_refused() -> None:
    twice = own_claims()[:-1] + b',"sub":"1"}'
    assert refusal(claiming(twice)) == "claims"


NO_TIMES: list[Any] = [None, "1800000000", True, 1.5, -0.5, [], {}]


@pytest.mark.parametrize("name", ["exp", "iat", "auth_time"])
@pytest.mark.parametrize("value", NO_TIMES, ids=str)
def test_j22_j24_t05_a_time_is_a_whole_number(name: str, value: Any) -> None:
    assert refusal(claiming(**{name: value})) == "claims"


@pytest.mark.parametrize("text", [b"NaN", b"Infinity", b"-Infinity"])
def test_j22_what_json_does_not_know_is_no_time(text: bytes) -> None:
    assert refusal(claiming(own_claims().replace(str(NOW + 1_800).encode(), text))) == "claims"


@pytest.mark.parametrize("name", ["iss", "sub", "client_id", "jti", "sid", "username"])
@pytest.mark.parametrize("value", [None, 7, [], {}, True], ids=str)
def test_t05_to_t11_each_claim_is_there_and_a_text(name: str, value: Any) -> None:
    assert refusal(claiming(**{name: value})) == "claims"


@pytest.mark.parametrize("value", [None, "pwd", [7], [None]], ids=str)
def test_the_methods_are_texts(value: Any) -> None:
    assert refusal(claiming(amr=value)) == "claims"


@pytest.mark.parametrize("other", [ISSUER + "/", ISSUER.upper(), ISSUER[:-1], "", "https://other.example.org"])
def test_j12_another_issuer_is_refused(other: str) -> None:
    assert refusal(claiming(iss=other)) == "issuer"


@pytest.mark.parametrize("other", [None, "", [], 7, {}, ISSUER[:-1], ISSUER + "x", [ISSUER, 7], [[ISSUER]]], ids=str)
def test_j14_another_audience_is_refused(other: Any) -> None:
    assert refusal(claiming(aud=other)) == "audience"


def test_j14_one_audience_of_several_may_be_us() -> None:
    assert refusal(claiming(aud=["https://other.example.org", ISSUER])) == ""


@pytest.mark.parametrize(
    "times",
    [
        {"exp": NOW},
        {"exp": NOW - 1},
        {"exp": -1},
        {"iat": NOW - 86_400, "exp": NOW + 1},
        {"nbf": NOW + 1},
        {"nbf": "soon"},
        {"nbf": True},
        {"nbf": NOW - 0.5},
        {"exp": 10**30},
    ],
    ids=str,
)
def test_j22_j23_j25_times_that_do_not_hold_are_refused(times: dict[str, Any]) -> None:
    assert refusal(claiming(**times)) == "times"


def test_j24_another_machines_clock_refuses_nobody() -> None:
    """`iat` is held to its type: two machines differ by seconds, and each takes the other's tokens."""
    assert refusal(claiming(iat=NOW + 30)) == ""
    assert refusal(claiming(nbf=NOW)) == ""


@pytest.mark.parametrize("other", ["alice", "", "0", "-1", "07", "7 ", "7.0", "٧", "9" * 20, "1e3"])
def test_the_subject_is_an_accounts_id(other: str) -> None:
    assert refusal(claiming(sub=other)) == "subject"


@given(position=st.integers(0, 700), piece=st.text(ALPHABET + ".=", max_size=3), removed=st.integers(0, 5))
def test_explain_and_verify_agree_on_any_change(position: int, piece: str, removed: int) -> None:
    text = token()
    changed = text[:position] + piece + text[position + removed :]
    assert (refusal(changed) == "") == (changed == text)


def test_j30_a_hostile_token_is_refused_quickly() -> None:
    """The best of five: the machine has other work."""
    deep = b'{"a":' + b"[" * 1_500
    texts = [
        "A" * 4_096,
        ".".join(["A" * 1_364] * 3),
        headed(deep),
        claiming(b"[" * 1_200),
        headed(GOOD_HEADER, "A" * 2_000),
    ]
    for text in texts:
        took: list[float] = []
        for _ in range(5):
            began = time.perf_counter()
            with pytest.raises(InvalidToken):
                verify(text, **GIVEN)
            took.append(time.perf_counter() - began)
        assert min(took) < REFUSED_SECONDS


def test_j03_a_key_is_for_signing() -> None:
    public = KEY.jwk.as_dict(private=False)
    assert (public["use"], public["alg"]) == ("sig", KEY.algorithm)


ALPHABET_ORDER = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
