"""Forgeries that want to choose the algorithm or the key (RFC 8725 sections 3.1, 3.2 and 3.10)."""

import base64
import hmac
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding

from coatcheck.tokens.base64url import decoded, encoded
from tests.black_box.forging import (
    ATTACKER_ES256,
    ATTACKER_KEY,
    Forgery,
    Original,
    Text,
    as_json,
    headed,
    said_in,
    signed,
    with_header,
)

NONES: list[object] = ["none", "None", "NONE", "nOnE", "none ", " none", "", "null", None, [], ["none"], {}, 0, False]
RANDOM_SIGNATURE = encoded(bytes(range(64)))


def j04_no_algorithm_in_all_its_spellings(original: Original) -> Iterator[Text]:
    _, claims, signature = original.parts
    for spelling in NONES:
        header = encoded(as_json(original.header | {"alg": spelling}))
        for end in ("", signature, RANDOM_SIGNATURE):
            yield f"{header}.{claims}.{end}"
    for least in ({"alg": "none"}, {"typ": "JWT", "alg": "none"}, {}):
        yield f"{encoded(as_json(least))}.{claims}."


def j01_j02_another_algorithm_over_a_right_signature(original: Original) -> Iterator[Text]:
    for kind in ("HS", "RS", "PS", "ES"):
        for size in (256, 384, 512):
            if f"{kind}{size}" != original.key.algorithm:
                yield from with_header(original, alg=f"{kind}{size}")
    for name in ("ES256K", "Ed25519", "EdDSA ", "eddsa", "EDDSA", "Ed448"):
        yield from with_header(original, alg=name)


def j02_another_kind_of_key_under_our_keys_id(original: Original) -> Iterator[Text]:
    for key in (ATTACKER_ES256, ATTACKER_KEY):
        header = as_json(original.header | {"alg": key.algorithm})
        yield signed(header, as_json(original.claims), key)


def j39_hs256_with_the_public_key_as_the_secret(original: Original) -> Iterator[Text]:
    public = original.key.jwk.as_dict(private=False)
    secrets = [
        decoded(str(public["x"])),
        b"\x04" + decoded(str(public["x"])) + decoded(str(public.get("y", ""))),  # SEC 1's point, for ES256
        str(public["x"]).encode(),
        json.dumps(original.key.public).encode(),
        original.key.jwk.as_pem(private=False),
        original.key.jwk.as_der(private=False),
        original.key.id.encode(),  # its thumbprint
    ]
    for algorithm in ("HS256", original.key.algorithm):  # by its name, and by ours
        signing_input = f"{encoded(as_json(original.header | {'alg': algorithm}))}.{original.parts[1]}"
        for secret in secrets:
            yield f"{signing_input}.{encoded(hmac.digest(secret, signing_input.encode(), 'sha256'))}"


def a_signature_of_another_key_under_our_keys_id(original: Original) -> Iterator[Text]:
    yield signed(as_json(original.header), as_json(original.claims), ATTACKER_KEY)


def _brought_along(original: Original, **members: object) -> Iterator[Text]:
    """Signed with the attacker's key: under our key's id, under its own, and once by our own key."""
    for kid in (original.header["kid"], ATTACKER_KEY.id):
        header = as_json(original.header | members | {"kid": kid})
        yield signed(header, as_json(original.claims), ATTACKER_KEY)
    yield from with_header(original, **members)


def j16_the_key_in_the_header(original: Original) -> Iterator[Text]:
    yield from _brought_along(original, jwk=ATTACKER_KEY.public)


def j16_the_address_of_a_key_set(original: Original) -> Iterator[Text]:
    yield from _brought_along(original, jku=f"{original.attacker}/jwks.json")


def j16_the_address_of_a_certificate(original: Original) -> Iterator[Text]:
    yield from _brought_along(original, x5u=f"{original.attacker}/certificate.pem")


def j16_a_certificate_in_the_header(original: Original) -> Iterator[Text]:
    yield from _brought_along(original, x5c=[certificate()])


def certificate() -> str:
    """One of the attacker's key, by the attacker, as `x5c` has it (RFC 7515 section 4.1.6)."""
    private = Ed25519PrivateKey.from_private_bytes(ATTACKER_KEY.private)
    name, begin = x509.Name([]), datetime(2026, 1, 1, tzinfo=UTC)
    builder = x509.CertificateBuilder(name, name, private.public_key(), 1, begin, begin + timedelta(days=9_999))
    return base64.b64encode(builder.sign(private, None).public_bytes(Encoding.DER)).decode()


def _kid(original: Original, *spellings: object) -> Iterator[Text]:
    for kid in spellings:
        yield from with_header(original, kid=kid)
        yield signed(as_json(original.header | {"kid": kid}), as_json(original.claims), ATTACKER_KEY)


def j15_a_key_id_that_is_a_path_or_an_address(original: Original) -> Iterator[Text]:
    paths = ["../../../../dev/null", "/etc/passwd", "file:///dev/null", f"{original.attacker}/key", "..\\..\\key"]
    yield from _kid(original, *paths, f"./{original.key.id}", f"{original.key.id}/", f"|sh {original.key.id}")


def j15_a_key_id_that_is_sql(original: Original) -> Iterator[Text]:
    key_id = original.key.id
    yield from _kid(
        original, f"{key_id}' --", f"{key_id}' OR '1'='1", "' UNION SELECT key --", "%", "*", f"{key_id}%"
    )


def j15_a_key_id_with_a_nul(original: Original) -> Iterator[Text]:
    yield from _kid(original, "\0", f"{original.key.id}\0", f"{original.key.id}\0.pem", f"\0{original.key.id}")


def j15_a_key_id_of_10_kb(original: Original) -> Iterator[Text]:
    yield from _kid(original, "A" * 10_240, original.key.id * 240, "A" * 2_000)


def j15_a_key_id_that_is_no_text(original: Original) -> Iterator[Text]:
    yield from _kid(original, [original.key.id], {"kid": original.key.id}, 7, 0, -1, 1.5, True, False, None, [], {})


def j15_a_key_id_in_other_case(original: Original) -> Iterator[Text]:
    key_id = original.key.id
    yield from _kid(original, key_id.swapcase(), key_id.upper(), key_id.lower(), f" {key_id}", key_id[:-1], "")


def j12_a_key_id_of_another_service(original: Original) -> Iterator[Text]:
    kid = said_in(original.elsewhere.split(".")[0])["kid"]
    yield from _kid(original, kid, ATTACKER_KEY.id)


def j10_j19_a_header_that_says_more(original: Original) -> Iterator[Text]:
    more: list[dict[str, object]] = [
        {"crit": ["exp"]},
        {"crit": []},
        {"crit": ["alg", "kid"]},
        {"crit": ["b64", "b64"], "b64": True},
        {"crit": "exp", "exp": 1},
        {"crit": None},
        {"zip": "DEF"},
        {"zip": None},
        {"cty": "JWT"},
        {"cty": "at+jwt"},
        {"x5t": "AAAA"},
        {"x5t#S256": "AAAA"},
        {"enc": "A256GCM"},
        {"": ""},
        {"Alg": "none"},
        {"ALG": "none"},
    ]
    for members in more:
        yield from with_header(original, **members)


def j19_claims_that_are_not_encoded(original: Original) -> Iterator[Text]:
    yield from with_header(original, b64=False)
    yield from with_header(original, b64=False, crit=["b64"])
    header = as_json(original.header | {"b64": False, "crit": ["b64"]})
    yield f"{encoded(header)}.{as_json(original.claims).decode()}.{original.parts[2]}"


def a_header_that_says_less(original: Original) -> Iterator[Text]:
    for name in original.header:
        yield from headed(original, as_json({key: value for key, value in original.header.items() if key != name}))


def j17_a_token_for_another_purpose(original: Original) -> Iterator[Text]:
    for kind in (
        "JWT",
        "logout+jwt",
        "dpop+jwt",
        "id+jwt",
        "jose",
        "at+jwt;q=1",
        "text/at+jwt",
        "",
        None,
        ["at+jwt"],
    ):
        yield from with_header(original, typ=kind)


KEY_FORGERIES: tuple[Forgery, ...] = (
    j04_no_algorithm_in_all_its_spellings,
    j01_j02_another_algorithm_over_a_right_signature,
    j02_another_kind_of_key_under_our_keys_id,
    j39_hs256_with_the_public_key_as_the_secret,
    a_signature_of_another_key_under_our_keys_id,
    j16_the_key_in_the_header,
    j16_the_address_of_a_key_set,
    j16_the_address_of_a_certificate,
    j16_a_certificate_in_the_header,
    j15_a_key_id_that_is_a_path_or_an_address,
    j15_a_key_id_that_is_sql,
    j15_a_key_id_with_a_nul,
    j15_a_key_id_of_10_kb,
    j15_a_key_id_that_is_no_text,
    j15_a_key_id_in_other_case,
    j12_a_key_id_of_another_service,
    j10_j19_a_header_that_says_more,
    j19_claims_that_are_not_encoded,
    a_header_that_says_less,
    j17_a_token_for_another_purpose,
)
