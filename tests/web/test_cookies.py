"""The pages' cookies: what is set, what is read, and what only looks like one of ours."""

from typing import Any

import pytest
from fastapi.requests import HTTPConnection
from fastapi.responses import Response
from hypothesis import given
from hypothesis import strategies as st

from coatcheck.web import Cookies, CrossSiteRequest, Site, TwoCookies

LOCAL = Cookies(Site(local=True, issuer="http://127.0.0.1:8000"))
PRODUCTION = Cookies(Site(local=False, issuer="https://todos.example"))
ACCESS, REFRESH = "__Host-coatcheck", "__Host-coatcheck-refresh"
OWN = (b"sec-fetch-site", b"same-origin")


def sending(*lines: str | bytes, method: str = "GET", host: str = "todos.example", more: Any = ()) -> HTTPConnection:
    cookies = [(b"cookie", line.encode("latin-1") if isinstance(line, str) else line) for line in lines]
    headers = [(b"host", host.encode()), *cookies, *more]
    scope = {"type": "http", "method": method, "scheme": "http", "server": ("127.0.0.1", 8000), "headers": headers}
    return HTTPConnection(scope)


def locally(*lines: str | bytes, **options: Any) -> HTTPConnection:
    return sending(*lines, host="localhost:8000", **options)


def set_cookies(response: Response) -> list[str]:
    return response.headers.getlist("set-cookie")


def test_w47_in_production_both_are_bound_to_this_host_and_https_and_hidden_from_scripts() -> None:
    response = Response()
    PRODUCTION.set(sending(method="POST", more=[OWN]), response, access=("a.b.c", 1_800), refresh=("r_-9", 86_400))
    assert set_cookies(response) == [
        f"{ACCESS}=a.b.c; Max-Age=1800; Path=/; HttpOnly; SameSite=Lax; Secure",
        f"{REFRESH}=r_-9; Max-Age=86400; Path=/; HttpOnly; SameSite=Lax; Secure",
    ]


def test_locally_the_names_carry_the_port_and_plain_http_suffices() -> None:
    response = Response()
    LOCAL.set(locally(method="POST", more=[OWN]), response, access=("a", 60), refresh=("r", 120))
    assert set_cookies(response) == [
        "coatcheck-8000=a; Max-Age=60; Path=/; HttpOnly; SameSite=Lax",
        "coatcheck-8000-refresh=r; Max-Age=120; Path=/; HttpOnly; SameSite=Lax",
    ]


def test_clearing_takes_both_away_with_the_attributes_that_the_prefix_asks_for() -> None:
    response = Response()
    PRODUCTION.clear(sending(method="POST", more=[OWN]), response)
    gone = "=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax; Secure"
    assert set_cookies(response) == [ACCESS + gone, REFRESH + gone]


def test_a_session_without_a_refresh_value_takes_away_the_one_of_whoever_was_here_before() -> None:
    response = Response()
    PRODUCTION.set(sending(method="POST", more=[OWN]), response, access=("a", 60), refresh=None)
    assert set_cookies(response)[1].startswith(f"{REFRESH}=; Max-Age=0;")


@pytest.mark.parametrize("act", ["set", "clear"])
def test_b12_an_answer_that_sets_or_clears_them_is_kept_nowhere(act: str) -> None:
    response = Response(headers={"Cache-Control": "public, max-age=60"})
    if act == "set":
        PRODUCTION.set(sending(method="POST", more=[OWN]), response, access=("a", 1), refresh=None)
    else:
        PRODUCTION.clear(sending(method="POST", more=[OWN]), response)
    assert response.headers.getlist("cache-control") == ["no-store"]


@pytest.mark.parametrize("said", [[], [(b"sec-fetch-site", b"cross-site")], [(b"origin", b"null")]])
def test_a_foreign_form_signs_nobody_in_or_out(said: Any) -> None:
    """It would sign its visitor in to the attacker's account, who then reads what is written there."""
    response = Response()
    request = sending(method="POST", more=said)
    with pytest.raises(CrossSiteRequest):
        PRODUCTION.require_own_page(request)
    with pytest.raises(CrossSiteRequest):
        PRODUCTION.set(request, response, access=("a", 60), refresh=None)
    with pytest.raises(CrossSiteRequest):
        PRODUCTION.clear(request, response)
    assert set_cookies(response) == []


@pytest.mark.parametrize("value", ["", "a b", "a;b", 'a"', "a,b", "a\r\nSet-Cookie: x=y", "\xe9", "a\\", "a" * 4_090])
def test_what_a_cookie_cannot_hold_is_a_mistake_in_the_program(value: str) -> None:
    """A browser drops a cookie that is too long without a word, and the person would not be signed in."""
    with pytest.raises(ValueError, match="cannot hold") as mistake:
        PRODUCTION.set(sending(method="POST", more=[OWN]), Response(), access=(value, 60), refresh=None)
    assert not value or value not in str(mistake.value)


@pytest.mark.parametrize(
    ("lines", "token"),
    [
        ([], None),
        ([""], None),
        (["other=x"], None),
        ([f"{ACCESS}=t"], "t"),
        ([f"a=b; {ACCESS}=t; c=d"], "t"),
        ([f"a=b;{ACCESS}=t;c=d"], "t"),
        (["a=b", f"{ACCESS}=t"], "t"),
        ([f"\t{ACCESS} =\tt "], "t"),
        ([f"{ACCESS}="], ""),
        ([ACCESS], ""),
        ([f'{ACCESS}="t"'], '"t"'),
        ([f"{ACCESS}=a=b=="], "a=b=="),
        ([f"{ACCESS}=%74"], "%74"),
        ([f"{REFRESH}=t"], None),
        ([b"\xff\xfe=\xff; __Host-coatcheck=\xff"], "\xff"),
    ],
)
def test_the_access_token_is_what_stands_in_the_cookie_of_this_very_name(lines: list[Any], token: str | None) -> None:
    assert PRODUCTION.access_token(sending(*lines)) == token


@pytest.mark.parametrize(
    "name",
    [
        b"__host-coatcheck",
        b"__HOST-coatcheck",
        b"__Host-Coatcheck",
        b"coatcheck",
        b"__Secure-coatcheck",
        b"coatcheck-8000",
        b"\xa0__Host-coatcheck",
        b"\x85__Host-coatcheck",
        b"\x0b__Host-coatcheck",
        b"\x1f__Host-coatcheck",
        "\u2003__Host-coatcheck".encode(),
        b"__Host-coatcheck\xa0",
        b"=__Host-coatcheck",
        b'"__Host-coatcheck"',
        b"$Version=1, __Host-coatcheck",
        b"a=b, __Host-coatcheck",
        b"__Host%2Dcoatcheck",
    ],
)
def test_in_production_no_name_that_others_may_set_passes_for_ours(name: bytes) -> None:
    """A sibling's subdomain may set any cookie but one whose name begins with __Host-. A reader that takes off
    what browsers leave on (Unicode blanks, quotes, $Version) sees that name where the browser saw another."""
    assert PRODUCTION.access_token(sending(name + b"=planted")) is None
    assert PRODUCTION.access_token(sending(name + b"=planted; __Host-coatcheck=mine")) == "mine"


def test_locally_only_the_cookie_of_the_servers_own_port_is_read() -> None:
    line = "__Host-coatcheck=a; coatcheck=b; coatcheck-8001=c; coatcheck-8000=mine; coatcheck-80=d"
    assert LOCAL.access_token(locally(line)) == "mine"
    assert LOCAL.access_token(locally("coatcheck-8001=c")) is None


@pytest.mark.parametrize(
    "lines",
    [
        [f"{ACCESS}=a; {ACCESS}=b"],
        [f"{ACCESS}=a", f"{ACCESS}=b"],
        [f"{ACCESS}=a; {ACCESS}=a"],
        [f"{ACCESS}; {ACCESS}=a"],
    ],
)
def test_a_cookie_that_comes_twice_is_refused(lines: list[str]) -> None:
    """Another server on this machine sets `coatcheck-8000` for the path /me: the browser then sends both, that
    one first, and whoever reads the first acts as whom the other server chose (cookie tossing)."""
    with pytest.raises(TwoCookies):
        PRODUCTION.access_token(sending(*lines))
    with pytest.raises(TwoCookies):
        PRODUCTION.refresh_value(sending(*(line.replace(ACCESS, REFRESH) for line in lines)))


def test_the_refresh_value_is_read_from_its_own_cookie_and_only_there() -> None:
    both = f"{ACCESS}=a; {REFRESH}=r"
    assert PRODUCTION.refresh_value(sending(both, method="POST", more=[OWN])) == "r"
    assert PRODUCTION.refresh_value(sending(f"{ACCESS}=a")) is None
    with pytest.raises(CrossSiteRequest):
        PRODUCTION.refresh_value(sending(both, method="POST", more=[(b"sec-fetch-site", b"same-site")]))


def test_where_no_cookie_of_ours_came_nothing_is_asked_of_an_unsafe_request() -> None:
    assert PRODUCTION.access_token(sending("other=x", method="POST")) is None


def test_a_cookie_that_came_twice_and_from_elsewhere_is_refused_for_coming_from_elsewhere() -> None:
    with pytest.raises(CrossSiteRequest):
        PRODUCTION.access_token(sending(f"{ACCESS}=a; {ACCESS}=b", method="POST"))


@given(lines=st.lists(st.binary(max_size=60), max_size=3))
def test_no_cookie_makes_it_fail(lines: list[bytes]) -> None:
    token = PRODUCTION.access_token(sending(*lines))
    assert token is None or b"__Host-coatcheck" in b"".join(lines)
