"""A token comes in one Authorization header after `Bearer `, and in no other way (RFC 6750 section 2.1)."""

import pytest
from fastapi.requests import HTTPConnection
from hypothesis import given
from hypothesis import strategies as st

from coatcheck.web import TwoCredentials, bearer_token


def connection(*headers: tuple[bytes, bytes], kind: str = "http", query: bytes = b"") -> HTTPConnection:
    return HTTPConnection({"type": kind, "headers": list(headers), "query_string": query})


@pytest.mark.parametrize("kind", ["http", "websocket"])
def test_without_the_header_there_is_none(kind: str) -> None:
    assert bearer_token(connection(kind=kind, query=b"access_token=x")) is None
    assert bearer_token(connection((b"x-authorization", b"Bearer x"), kind=kind)) is None


@pytest.mark.parametrize(
    ("value", "token"),
    [
        (b"Bearer abc", "abc"),
        (b"bEARER abc", "abc"),
        (b"Bearer", ""),
        (b"Bearer ", ""),
        (b"Bearer  abc", " abc"),
        (b"Bearer abc def", "abc def"),
        (b"Bearer a,b", "a,b"),
        (b"Bearer \xff", "\xff"),
        (b"", None),
        (b" Bearer abc", None),
        (b"Bearer\tabc", None),
        (b"Basic abc", None),
        (b"Bearerabc", None),
        (b"abc", None),
    ],
)
def test_what_stands_after_the_scheme_is_the_token(value: bytes, token: str | None) -> None:
    assert bearer_token(connection((b"authorization", value))) == token


@pytest.mark.parametrize("values", [(b"Bearer a", b"Bearer a"), (b"Basic a", b"Bearer a"), (b"", b"")])
def test_two_headers_are_refused_whatever_is_in_them(values: tuple[bytes, bytes]) -> None:
    """Which of the two is meant is for the reader to guess, and two readers guess differently."""
    with pytest.raises(TwoCredentials):
        bearer_token(connection(*((b"authorization", value) for value in values)))


@given(value=st.binary())
def test_no_header_makes_it_fail(value: bytes) -> None:
    token = bearer_token(connection((b"authorization", value)))
    assert token is None or value.lower().startswith(b"bearer")
