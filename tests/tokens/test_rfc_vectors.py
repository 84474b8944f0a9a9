"""The published examples of JWS and JWE, whole: none is an access token of ours, and whoever signs by our algorithms
gets what the RFCs say.

RFC 7520 (cookbook), RFC 7797 (claims that are not encoded), RFC 8037 appendix A (Ed25519), RFC 7515 appendix A.3
(ES256). The first three are files beside the checkout; without them their tests are skipped with a line.
"""

import json
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey

from coatcheck.tokens import EDDSA, ES256, InvalidToken, SigningKey, explain, verify
from coatcheck.tokens.base64url import decoded, encoded
from coatcheck.tokens.key import REGISTRY
from tests.support.server import ROOT
from tests.tokens.test_tokens import ISSUER, KEY, NOW

VECTORS = ROOT.parent / "shared" / "vectors" / "rfc7520"
needs_vectors = pytest.mark.skipif(not VECTORS.exists(), reason="shared/vectors is not beside the checkout")


class Expected(NamedTuple):
    """A published example, by its file, and the stage at which our verifier refuses its compact form.

    None: the RFC has no compact form of it. Either way its JSON forms are refused as not three parts.
    """

    file: str
    stage: str | None


EXPECTED = [
    Expected("jws/4_1.rsa_v15_signature.json", "members"),  # no typ
    Expected("jws/4_2.rsa-pss_signature.json", "members"),
    Expected("jws/4_3.ecdsa_signature.json", "members"),
    Expected("jws/4_4.hmac-sha2_integrity_protection.json", "members"),
    Expected("jws/4_5.signature_with_detached_content.json", "parts"),  # the middle is empty
    Expected("jws/4_6.protecting_specific_header_fields.json", None),
    Expected("jws/4_7.protecting_content_only.json", None),
    Expected("jws/4_8.multiple_signatures.json", None),
    Expected("curve25519/jws.json", "members"),
    Expected("rfc7797/hmac-sha2_b64_false.json", "base64url"),  # the middle is a sentence
    Expected("6.nesting_signatures_and_encryption.json", "parts"),
    Expected("curve25519/ecdh-es.json", "parts"),
    Expected("jwe/5_1.key_encryption_using_rsa_v15_and_aes-hmac-sha2.json", "parts"),
    Expected("jwe/5_10.including_additional_authentication_data.json", None),
    Expected("jwe/5_11.protecting_specific_header_fields.json", None),
    Expected("jwe/5_12.protecting_content_only.json", None),
    Expected("jwe/5_13.encrypting_to_multiple_recipients.json", None),
    Expected("jwe/5_2.key_encryption_using_rsa-oaep_with_aes-gcm.json", "parts"),
    Expected("jwe/5_3.key_wrap_using_pbes2-aes-keywrap_with-aes-cbc-hmac-sha2.json", "parts"),
    Expected("jwe/5_4.key_agreement_with_key_wrapping_using_ecdh-es_and_aes-keywrap_with_aes-gcm.json", "parts"),
    Expected("jwe/5_5.key_agreement_using_ecdh-es_with_aes-cbc-hmac-sha2.json", "parts"),
    Expected("jwe/5_6.direct_encryption_using_aes-gcm.json", "parts"),
    Expected("jwe/5_7.key_wrap_using_aes-gcm_keywrap_with_aes-cbc-hmac-sha2.json", "parts"),
    Expected("jwe/5_8.key_wrap_using_aes-keywrap_with_aes-gcm.json", "parts"),
    Expected("jwe/5_9.compressed_content.json", "parts"),
]
KEYS = {  # what RFC 7517 calls them; none is for us
    "jwk/3_1.ec_public_key.json": "EC",
    "jwk/3_2.ec_private_key.json": "EC",
    "jwk/3_3.rsa_public_key.json": "RSA",
    "jwk/3_4.rsa_private_key.json": "RSA",
    "jwk/3_5.symmetric_key_mac_computation.json": "oct",
    "jwk/3_6.symmetric_key_encryption.json": "oct",
}


def vector(file: str) -> dict[str, Any]:
    """One file of them."""
    content: dict[str, Any] = json.loads((VECTORS / file).read_text(encoding="utf-8"))
    return content


def refusing_stage(text: str) -> str:
    """Which stage refuses it; empty for none. `verify` must say the same."""
    given: dict[str, Any] = {"keys": {KEY.id: KEY}, "issuer": ISSUER, "audience": ISSUER, "now": NOW}
    stages = [outcome.stage for outcome in explain(text, **given) if outcome.result == "refused"]
    try:
        verify(text, **given)
    except InvalidToken:
        return stages[0]
    assert stages == []
    return ""


@needs_vectors
def test_every_file_has_its_outcome_here() -> None:
    there = {str(file.relative_to(VECTORS)) for file in VECTORS.rglob("*.json")}
    assert there == {one.file for one in EXPECTED} | set(KEYS)


@needs_vectors
@pytest.mark.parametrize("expected", EXPECTED, ids=lambda one: Path(one.file).stem)
def test_j01_j05_j19_no_example_of_jws_or_jwe_is_a_token_of_ours(expected: Expected) -> None:
    found = vector(expected.file)
    forms = (found.get("output") or found["encrypt"]["output"]).items()
    assert forms
    stages = {name: refusing_stage(form if isinstance(form, str) else json.dumps(form)) for name, form in forms}
    compact = {} if expected.stage is None else {"compact": expected.stage}
    # In the JSON forms no part is where a token has it; some have two dots by chance, inside a text.
    assert {name: stage for name, stage in stages.items() if name == "compact"} == compact
    assert {stage for name, stage in stages.items() if name != "compact"} <= {"parts", "base64url", "size"}


@needs_vectors
def test_j19_a_signature_that_says_b64_false_is_refused_with_all_that_a_token_of_ours_says() -> None:
    """RFC 7797: with our three members beside it, the header is still refused for the other two."""
    protected, payload, signature = vector("rfc7797/hmac-sha2_b64_false.json")["output"]["compact"].split(".")
    header = json.loads(decoded(protected)) | {"alg": EDDSA, "typ": "at+jwt", "kid": KEY.id}
    assert header["b64"] is False
    text = ".".join((encoded(json.dumps(header).encode()), encoded(payload.encode()), signature))
    assert refusing_stage(text) == "members"


@needs_vectors
@pytest.mark.parametrize(("file", "kind"), KEYS.items(), ids=[Path(file).stem for file in KEYS])
def test_j03_j37_no_example_of_a_key_is_one_of_ours(file: str, kind: str) -> None:
    """The EC keys are on P-521, the others of kinds that we do not have: neither room takes one."""
    key = vector(file)
    assert key["kty"] == kind
    private = decoded(key.get("d") or key.get("k") or key.get("x") or key["n"])
    for algorithm in ("ES512", "RS256", "PS384", "HS256", "none"):
        with pytest.raises(ValueError, match="EdDSA or ES256"):
            SigningKey.from_private(algorithm, private)
    if kind == "EC":
        with pytest.raises(ValueError, match="32 bytes"):
            SigningKey.from_private(ES256, private)


RFC_8037_SEED = "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"
RFC_8037_X = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
RFC_8037_THUMBPRINT = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
RFC_8037_SIGNED = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc"
RFC_8037_SIGNATURE = "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"


@pytest.fixture
def ed25519() -> SigningKey:
    """The key of RFC 8037 appendix A.1."""
    return SigningKey.from_private(EDDSA, decoded(RFC_8037_SEED))


def test_rfc_8037_a1_and_a2_the_public_key_is_the_published_one(ed25519: SigningKey) -> None:
    assert ed25519.public["x"] == RFC_8037_X
    assert encoded(ed25519.private) == RFC_8037_SEED


def test_rfc_8037_a3_the_thumbprint_is_the_published_one(ed25519: SigningKey) -> None:
    assert ed25519.id == RFC_8037_THUMBPRINT


def test_rfc_8037_a4_the_signature_is_the_published_one_to_the_byte(ed25519: SigningKey) -> None:
    signature = REGISTRY.get_alg(EDDSA).sign(RFC_8037_SIGNED.encode(), ed25519.jwk)
    assert encoded(signature) == RFC_8037_SIGNATURE


def test_rfc_8037_a5_the_public_key_alone_verifies_it_and_nothing_beside_it() -> None:
    public = OKPKey.import_key({"kty": "OKP", "crv": "Ed25519", "x": RFC_8037_X})
    signature = decoded(RFC_8037_SIGNATURE)
    verifies = REGISTRY.get_alg(EDDSA).verify
    assert verifies(RFC_8037_SIGNED.encode(), signature, public)
    assert not verifies(RFC_8037_SIGNED.encode() + b"A", signature, public)
    for place in range(len(signature)):
        changed = signature[:place] + bytes([signature[place] ^ 1]) + signature[place + 1 :]
        assert not verifies(RFC_8037_SIGNED.encode(), changed, public)


@needs_vectors
def test_the_file_has_the_values_of_rfc_8037_that_are_written_here() -> None:
    found = vector("curve25519/jws.json")
    assert (found["input"]["key"]["d"], found["input"]["key"]["x"]) == (RFC_8037_SEED, RFC_8037_X)
    assert (found["signing"]["sig-input"], found["signing"]["sig"]) == (RFC_8037_SIGNED, RFC_8037_SIGNATURE)


RFC_7515_A3_KEY = {
    "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
    "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
    "d": "jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI",
}
RFC_7515_A3_SIGNED = (
    "eyJhbGciOiJFUzI1NiJ9."
    "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
)
RFC_7515_A3_SIGNATURE = "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"
P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def test_rfc_7515_a3_the_published_es256_signature_fits_and_the_whole_is_no_token_of_ours() -> None:
    key = SigningKey.from_private(ES256, decoded(RFC_7515_A3_KEY["d"]))
    assert {name: key.public[name] for name in ("x", "y")} == {name: RFC_7515_A3_KEY[name] for name in ("x", "y")}
    signature = decoded(RFC_7515_A3_SIGNATURE)
    verifies = REGISTRY.get_alg(ES256).verify
    assert verifies(RFC_7515_A3_SIGNED.encode(), signature, key.jwk)
    assert not verifies(RFC_7515_A3_SIGNED.encode() + b"A", signature, key.jwk)
    assert refusing_stage(f"{RFC_7515_A3_SIGNED}.{RFC_7515_A3_SIGNATURE}") == "members"


def test_j06_an_es256_signature_is_64_plain_bytes_of_values_below_the_order() -> None:
    """Psychic signatures: r and s of zero fit everything in a verifier that does not look (CVE-2022-21449)."""
    key = ECKey.import_key({"kty": "EC", "crv": "P-256", "x": RFC_7515_A3_KEY["x"], "y": RFC_7515_A3_KEY["y"]})
    good = decoded(RFC_7515_A3_SIGNATURE)
    r, s, zero, order = good[:32], good[32:], bytes(32), P256_ORDER.to_bytes(32, "big")
    der = b"\x30\x45\x02\x20" + r + b"\x02\x21\x00" + s
    twice = [zero + zero, zero + s, r + zero, order + order, order + s, r + order, b"\xff" * 64]
    for signature in (*twice, s + r, der, good + b"\0", b"\0" + good, good[:-1], r, b""):
        try:
            accepted = REGISTRY.get_alg(ES256).verify(RFC_7515_A3_SIGNED.encode(), signature, key)
        except (JoseError, ValueError):  # what the stage takes for a refusal, too
            accepted = False
        assert not accepted, signature.hex()
