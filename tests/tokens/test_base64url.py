"""base64url has one spelling: a reader that takes another would take two tokens for one."""

from hypothesis import given
from hypothesis import strategies as st

from coatcheck.tokens.base64url import decoded, encoded
from tests.tokens.test_tokens import ALPHABET


@given(st.binary(max_size=80))
def test_base64url_has_one_spelling(value: bytes) -> None:
    text = encoded(value)
    assert decoded(text) == value
    for other in ALPHABET:
        twin = text[:-1] + other
        if text and twin != text:
            try:
                assert decoded(twin) != value
            except ValueError:
                continue
