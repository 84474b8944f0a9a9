"""Forgeries of what a token says, and of JSON itself (RFC 8725 sections 3.7 to 3.9, RFC 7519 section 4.1)."""

from collections.abc import Iterator

from coatcheck.tokens.base64url import encoded
from tests.black_box.forging import (
    ATTACKER_KEY,
    Forgery,
    Original,
    Text,
    as_json,
    headed,
    saying,
    signed,
    with_claims,
)

DEEP = 10_000


def j11_j21_j29_a_header_that_is_no_plain_object(original: Original) -> Iterator[Text]:
    own = as_json(original.header)
    for header in (
        own.decode().encode("utf-16"),
        own.decode().encode("utf-16-le"),
        b"\xef\xbb\xbf" + own,
        own[:-1] + b',"alg":"none"}',
        b'{"alg":"none",' + own[1:],
        own[:-1] + b',"kid":"x"}',
        own.replace(b'"alg"', b'"\\u0061lg":"none","alg"'),
        own.replace(b"at+jwt", b"at+jwt\xff"),
        b"[" + own + b"]",
        b"null",
        b"7",
        b'"text"',
        own + b"{}",
        own[:-1],
        own[:-1] + b',"x":NaN}',
    ):
        yield from headed(original, header)


def j30_nesting_of_10_000(original: Original) -> Iterator[Text]:
    deep = b"[" * DEEP + b"]" * DEEP
    for value in (deep, b"[" * DEEP, b'{"a":' * DEEP, b"[" * 1_400):
        yield from headed(original, value)
        yield from saying(original, value)
    yield from saying(original, as_json(original.claims)[:-1] + b',"x":' + b"[" * 1_000 + b"]" * 999 + b"}")


def j11_j21_j28_claims_that_are_no_plain_object(original: Original) -> Iterator[Text]:
    own = as_json(original.claims)
    for claims in (
        own.decode().encode("utf-16"),
        b"\xef\xbb\xbf" + own,
        own[:-1] + f',"sub":"{original.stranger}"}}'.encode(),
        f'{{"sub":"{original.stranger}",'.encode() + own[1:],
        own[:-1] + b',"exp":4102444800}',
        own.replace(b'"username":"', b'"username":"\xff'),
        b"[" + own + b"]",
        b"null",
        b"[]",
        b"7",
        own + b" x",
        own[:-1] + b',"x":Infinity}',
    ):
        yield from saying(original, claims)


def another_account_without_signing_again(original: Original) -> Iterator[Text]:
    header, _, signature = original.parts
    for changes in ({"sub": str(original.stranger)}, {"username": "root"}, {"exp": 4_102_444_800}, {"sid": "x"}):
        yield f"{header}.{encoded(as_json(original.claims | changes))}.{signature}"


def a_subject_that_is_no_account(original: Original) -> Iterator[Text]:
    for subject in ("", "0", "-1", "1 ", "01", "1.0", "1e3", "\u0661", "9" * 20, 1, None, True, ["1"], "root"):
        yield from with_claims(original, sub=subject)


def j12_a_token_of_another_issuer(original: Original) -> Iterator[Text]:
    issuer = original.claims["iss"]
    yield original.elsewhere  # good there: another key
    for other in (
        "http://127.0.0.1:9000",
        f"{issuer}/",
        issuer.upper(),
        issuer[:-1],
        f"{issuer}0",
        "",
        None,
        [issuer],
    ):
        yield from with_claims(original, iss=other)  # the same key
        yield signed(as_json(original.header), as_json(original.claims | {"iss": other}), ATTACKER_KEY)


def j14_a_token_for_somebody_else(original: Original) -> Iterator[Text]:
    audience = original.claims["aud"]
    others: list[object] = ["https://else.example", audience[:-1], f"{audience}/x", "", "*", None, [], 7, {}]
    for other in (*others, [audience, 7]):
        yield from with_claims(original, aud=other)
    yield from saying(original, as_json({key: value for key, value in original.claims.items() if key != "aud"}))


def j22_j25_a_token_that_is_over(original: Original) -> Iterator[Text]:
    for ago in (0, 1, 3_600):
        yield from with_claims(original, exp=original.now - ago)
    yield from with_claims(original, exp=-1)
    yield from with_claims(original, iat=original.now - 86_401)  # it has lived longer than any of ours may
    yield from with_claims(original, exp=original.now + 10**9)


def j23_a_token_that_is_not_valid_yet(original: Original) -> Iterator[Text]:
    begins: list[object] = [original.now + 1, original.now + 3_600, "soon", True, 1.5, None, []]
    for begin in begins:
        yield from with_claims(original, nbf=begin)


def j22_an_expiry_that_is_no_whole_number(original: Original) -> Iterator[Text]:
    soon = original.now + 60
    values: list[object] = [str(soon), True, None, float(soon), soon + 0.5, [soon], {}]
    for value in values:
        yield from with_claims(original, exp=value)
    own = str(original.claims["exp"]).encode()
    for text in (b"NaN", b"Infinity", b"1e400", b"-1e400", b"1e9", b"0x7fffffff", own + b".0", b"9" * 5_000):
        yield from saying(original, as_json(original.claims).replace(own, text))
    yield from saying(original, as_json({key: value for key, value in original.claims.items() if key != "exp"}))


CLAIM_FORGERIES: tuple[Forgery, ...] = (
    j11_j21_j29_a_header_that_is_no_plain_object,
    j30_nesting_of_10_000,
    j11_j21_j28_claims_that_are_no_plain_object,
    another_account_without_signing_again,
    a_subject_that_is_no_account,
    j12_a_token_of_another_issuer,
    j14_a_token_for_somebody_else,
    j22_j25_a_token_that_is_over,
    j23_a_token_that_is_not_valid_yet,
    j22_an_expiry_that_is_no_whole_number,
)
