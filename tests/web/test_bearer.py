"""A token comes in one Authorization header after `Bearer `, or, where there is no
such header, in a page's cookie (RFC 6750 section 2.1)."""

import pytest
from fastapi.requests import HTTPConnection
from hypothesis import given
from hypothesis import strategies as st

from coatcheck.web import Cookies, Credential, CrossSiteRequest, Site, TwoCookies, TwoCredentials, credential

COOKIES = Cookies(Site(local=False, issuer="https://todos.example"))
COOKIE = (b"cookie", b"__Host-coatcheck=from-cookie")


def connection(
    *headers: tuple[bytes, bytes], kind: str = "http", query: bytes = b"", method: str = "GET"
) -> HTTPConnection:
    named = [(b"host", b"todos.example"), *headers]
    return HTTPConnection({"type": kind, "headers": named, "query_string": query, "method": method, "scheme": "http"})


def bearer_token(sent: HTTPConnection) -> str | None:
    found = credential(sent, COOKIES)
    assert found is None or not found.by_cookie
    return None if found is None else found.token


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


def test_a_cookie_counts_where_there_is_no_header() -> None:
    assert credential(connection(COOKIE), COOKIES) == Credential("from-cookie", by_cookie=True)


@pytest.mark.parametrize(
    "value", [b"Bearer", b"Bearer ", b"Bearer expired", b"Bearer\tx", b"Basic YQ==", b"DPoP x", b""]
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_whatever_the_header_says_the_cookie_does_not_count_beside_it(value: bytes, method: str) -> None:
    """Whoever writes the header says who they are; taken for the cookie's owner, they would act as another."""
    for headers in ([(b"authorization", value), COOKIE], [COOKIE, COOKIE, (b"authorization", value)]):
        found = credential(connection(*headers, method=method), COOKIES)
        assert found is None or not found.by_cookie


def test_two_headers_are_refused_beside_a_cookie_too() -> None:
    with pytest.raises(TwoCredentials):
        credential(connection((b"authorization", b"Basic a"), (b"authorization", b"Bearer a"), COOKIE), COOKIES)


def test_two_cookies_are_refused() -> None:
    with pytest.raises(TwoCookies):
        credential(connection(COOKIE, COOKIE), COOKIES)


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_which_credential_counts_decides_whether_its_page_is_asked_for(method: str) -> None:
    """A page of another site cannot write the header, so what bears one needs no further proof."""
    with pytest.raises(CrossSiteRequest):
        credential(connection(COOKIE, method=method), COOKIES)
    own = connection(COOKIE, (b"origin", b"https://todos.example"), method=method)
    assert credential(own, COOKIES) == Credential("from-cookie", by_cookie=True)
    named = connection(COOKIE, (b"authorization", b"Bearer x"), (b"sec-fetch-site", b"cross-site"), method=method)
    assert credential(named, COOKIES) == Credential("x", by_cookie=False)


def test_a_websocket_is_asked_for_its_page() -> None:
    """Any page may open one, and the browser adds the cookie (cross-site WebSocket hijacking)."""
    with pytest.raises(CrossSiteRequest):
        credential(connection(COOKIE, (b"origin", b"https://evil.example"), kind="websocket"), COOKIES)
    own = connection(COOKIE, (b"origin", b"https://todos.example"), kind="websocket")
    assert credential(own, COOKIES) == Credential("from-cookie", by_cookie=True)
