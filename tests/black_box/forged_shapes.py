"""Forgeries of the signature and of the spelling (RFC 7515 section 5.2)."""

import json
from collections.abc import Iterator

from coatcheck.tokens.base64url import decoded, encoded
from tests.black_box.forging import Forgery, Original, Text, as_json, headed

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def a_signature_of_another_token(original: Original) -> Iterator[Text]:
    header, claims, _ = original.parts
    for other in (original.other, original.elsewhere):
        yield f"{header}.{claims}.{other.rsplit('.')[-1]}"


def claims_of_another_token(original: Original) -> Iterator[Text]:
    header, _, signature = original.parts
    for other in (original.other, original.elsewhere):
        yield f"{header}.{other.split('.')[1]}.{signature}"


def a_header_of_another_token(original: Original) -> Iterator[Text]:
    header, claims, signature = original.parts
    yield f"{original.elsewhere.split('.')[0]}.{claims}.{signature}"
    yield f"{claims}.{header}.{signature}"


def a_signature_that_is_too_short(original: Original) -> Iterator[Text]:
    header, claims, signature = original.parts
    for length in (0, 1, 31, 32, 63):
        yield f"{header}.{claims}.{encoded(decoded(signature)[:length])}"
    yield original.token[:-1]


def a_signature_that_is_too_long(original: Original) -> Iterator[Text]:
    header, claims, signature = original.parts
    for more in (b"\0", b"\0" * 64, decoded(signature)):
        yield f"{header}.{claims}.{encoded(decoded(signature) + more)}"
        yield f"{header}.{claims}.{encoded(more + decoded(signature))}"
    yield original.token + "A"


def j06_a_signature_of_a_special_value(original: Original) -> Iterator[Text]:
    header, claims, signature = original.parts
    order = 2**252 + 27742317777372353535851937790883648493  # of the curve's base point (RFC 8032 section 5.1)
    raw = decoded(signature)
    # The same to a lenient verifier; of ES256 there is no such value, and this is any other.
    larger = ((int.from_bytes(raw[32:], "little") + order) % 2**256).to_bytes(32, "little")
    zeros = (bytes(64), raw[:32] + bytes(32), bytes(32) + raw[32:])
    for value in (*zeros, b"\xff" * 64, b"\x01" + bytes(63), raw[32:] + raw[:32], raw[:32] + larger):
        yield f"{header}.{claims}.{encoded(value)}"


def j20_a_twin_of_a_last_letter(original: Original) -> Iterator[Text]:
    """A lenient decoder takes the twin for the same bytes: the last letter has bits that are not used."""
    for place in range(3):
        parts = original.parts
        unused = {0: 0, 2: 15, 3: 3}[len(parts[place]) % 4]
        last = LETTERS.index(parts[place][-1])
        for bits in range(1, unused + 1):
            parts[place] = parts[place][:-1] + LETTERS[last ^ bits]
            yield ".".join(parts)
        flipped = parts[place][:-1] + LETTERS[last ^ 32]
        yield ".".join([*parts[:place], flipped, *original.parts[place + 1 :]])


def j20_padding(original: Original) -> Iterator[Text]:
    header, claims, signature = original.parts
    yield f"{original.token}="
    yield f"{original.token}=="
    yield f"{header}=.{claims}.{signature}"
    yield f"{header}.{claims}==.{signature}"


def j20_the_other_alphabet(original: Original) -> Iterator[Text]:
    header, claims, signature = original.parts
    other = signature.replace("-", "+").replace("_", "/")
    if other != signature:
        yield f"{header}.{claims}.{other}"
    yield from (f"{original.token}+", f"/{original.token}", f"{header}.{claims}.+/{signature}")
    yield original.token.replace(".", "%2E")


def j20_more_or_fewer_dots(original: Original) -> Iterator[Text]:
    header, claims, signature = original.parts
    yield from (f".{original.token}", f"{original.token}.", f"{header}..{claims}.{signature}")
    yield from (f"{header}.{claims}", f"{header}.{claims}.", f".{claims}.{signature}", f"{header}..{signature}")
    yield from (f"{original.token}.{signature}", f"{original.token}.{original.token}", "...", "..", ".", "")


def j20_the_json_serialisation(original: Original) -> Iterator[Text]:
    header, claims, signature = original.parts
    flat = {"protected": header, "payload": claims, "signature": signature}
    yield json.dumps(flat)
    yield json.dumps({"payload": claims, "signatures": [{"protected": header, "signature": signature}]})
    yield encoded(json.dumps(flat).encode())


def j20_white_space(original: Original) -> Iterator[Text]:
    header, claims, signature = original.parts
    for space in (" ", "\t", "\n", "\r\n", "\x0b", "\0", "\xa0"):
        yield f"{space}{original.token}"
        yield f"{original.token}{space}"
        yield f"{header}.{space}{claims}.{signature}"
        yield f"{header}.{claims}{space}.{signature}"


def j20_a_token_in_company(original: Original) -> Iterator[Text]:
    yield from (f"Bearer {original.token}", f'"{original.token}"', f"<{original.token}>", f"token={original.token}")
    yield from (f"{original.token},{original.token}", f"{original.token}, Bearer {original.token}")


def no_letters_at_all(original: Original) -> Iterator[Text]:
    yield from (b"\xff\xfe\x80", b"\xf0\x9f\x94\x91", original.token.encode("utf-16-le"), b"\xef\xbb\xbf")
    yield b"\xef\xbb\xbf" + original.token.encode()


def j31_j32_a_header_of_100_kb(original: Original) -> Iterator[Text]:
    yield original.token + "A" * 100_000
    yield "A" * 100_000
    yield "A." * 50_000
    yield next(headed(original, as_json(original.header | {"x": "A" * 75_000})))


def j18_a_refresh_token(original: Original) -> Iterator[Text]:
    yield original.refresh_token
    yield encoded(original.refresh_token.encode())


SHAPE_FORGERIES: tuple[Forgery, ...] = (
    a_signature_of_another_token,
    claims_of_another_token,
    a_header_of_another_token,
    a_signature_that_is_too_short,
    a_signature_that_is_too_long,
    j06_a_signature_of_a_special_value,
    j20_a_twin_of_a_last_letter,
    j20_padding,
    j20_the_other_alphabet,
    j20_more_or_fewer_dots,
    j20_the_json_serialisation,
    j20_white_space,
    j20_a_token_in_company,
    no_letters_at_all,
    j31_j32_a_header_of_100_kb,
    j18_a_refresh_token,
)
