"""A page of another site makes the visitor's browser send a request, and the browser adds the visitor's cookies.
It also says whose page it was, and no page can change what it says."""

from functools import partial
from typing import Any

import pytest
from fastapi.requests import HTTPConnection

from coatcheck.web import CrossSiteRequest, Misdirected, Site, refuse_cross_site
from coatcheck.web.site import NotLocal

LOCAL = Site(local=True, issuer="http://127.0.0.1:9999")
PRODUCTION = Site(local=False, issuer="https://Todos.example:443", allowed_origins=["https://app.example"])
UNSAFE = ["POST", "PUT", "PATCH", "DELETE", "TRACE", "CONNECT", "PROPFIND", "post", "get", ""]


def sent(
    method: str = "POST",
    *,
    site: tuple[str, ...] = (),
    origin: tuple[str, ...] = (),
    host: str = "localhost:8000",
    kind: str = "http",
    scheme: str = "http",
) -> HTTPConnection:
    headers = [(b"host", host.encode())]
    headers += [(b"sec-fetch-site", one.encode("latin-1")) for one in site]
    headers += [(b"origin", one.encode("latin-1")) for one in origin]
    scope: dict[str, Any] = {"type": kind, "headers": headers, "server": ("127.0.0.1", 8000), "scheme": scheme}
    if kind == "http":
        scope["method"] = method
    return HTTPConnection(scope)


def passes(connection: HTTPConnection, site: Site = LOCAL) -> bool:
    try:
        refuse_cross_site(connection, site)
    except CrossSiteRequest:
        return False
    return True


# Whatever stands in Origin, Sec-Fetch-Site is believed where there is one: with a Referrer-Policy of
# no-referrer browsers write `Origin: null` on a page's own forms.
OWN = "http://localhost:8000"
OUTCOMES = [
    ((), (), False),
    (("same-origin",), (), True),
    (("same-origin",), ("null",), True),
    (("same-site",), (), False),
    (("same-site",), (OWN,), False),
    (("cross-site",), (OWN,), False),
    (("none",), (OWN,), False),
    (("none",), (), False),
    (("",), (OWN,), False),
    (("Same-Origin",), (OWN,), False),
    (("same-origin, same-origin",), (), False),
    (("same-origin", "same-origin"), (), False),
    (("same-origin", "cross-site"), (), False),
    (("same-origin",), (OWN, OWN), False),
    ((), (OWN,), True),
    ((), ("null",), False),
    ((), ("",), False),
    ((), (OWN, OWN), False),
    ((), (f"{OWN} {OWN}",), False),
    ((), ("https://localhost:8000",), False),
    ((), ("http://localhost",), False),
    ((), ("http://localhost:8001",), False),
    ((), ("http://127.0.0.1:8000",), False),
    ((), ("http://localhost:8000/",), False),
    ((), ("http://localhost:8000.evil.example",), False),
    ((), ("http://127.0.0.1:9999",), False),
    ((), ("\xff",), False),
]


@pytest.mark.parametrize(("site", "origin", "expected"), OUTCOMES)
@pytest.mark.parametrize(("kind", "scheme"), [("http", "http"), ("websocket", "ws")])
def test_only_what_the_browser_says_to_come_from_a_page_of_ours_passes(
    site: tuple[str, ...], origin: tuple[str, ...], expected: bool, kind: str, scheme: str
) -> None:
    assert passes(sent(site=site, origin=origin, kind=kind, scheme=scheme)) is expected


@pytest.mark.parametrize("method", UNSAFE)
def test_every_method_but_three_may_change_something(method: str) -> None:
    assert not passes(sent(method, site=("cross-site",)))
    assert passes(sent(method, site=("same-origin",)))


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_what_is_safe_comes_from_anywhere(method: str) -> None:
    """So that a link on another site finds its visitor signed in."""
    for site in ((), ("cross-site",), ("none",), ("same-origin", "same-origin")):
        assert passes(sent(method, site=site, origin=("https://evil.example",)))


@pytest.mark.parametrize(
    ("host", "scheme", "origin"),
    [
        ("localhost:8000", "http", "http://localhost:8000"),
        ("LOCALHOST:8000", "http", "http://localhost:8000"),
        ("[::1]:8000", "http", "http://[::1]:8000"),
        ("my-machine", "http", "http://my-machine"),
        ("my-machine:80", "http", "http://my-machine"),
        ("localhost:8443", "https", "https://localhost:8443"),
        ("localhost:443", "https", "https://localhost"),
    ],
)
def test_locally_ours_is_the_origin_that_was_asked_for(host: str, scheme: str, origin: str) -> None:
    assert passes(sent(host=host, scheme=scheme, origin=(origin,)))
    assert passes(sent(host=host, scheme=scheme.replace("http", "ws"), origin=(origin,), kind="websocket"))
    assert not passes(sent(host=host, scheme=scheme, origin=("http://localhost:1",)))


def test_locally_a_name_that_somebody_else_has_pointed_here_is_not_ours() -> None:
    with pytest.raises(NotLocal):
        passes(sent(host="evil.example", origin=("http://evil.example",)))
    with pytest.raises(NotLocal):
        passes(sent(host="evil.example", site=("same-origin",)))


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_in_production_ours_is_the_issuers_whatever_the_proxy_speaks(scheme: str) -> None:
    here = partial(sent, host="todos.example", scheme=scheme)
    assert passes(here(origin=("https://todos.example",)), PRODUCTION)
    for foreign in ("http://todos.example", "https://app.example", "https://todos.example:8443", "null"):
        assert not passes(here(origin=(foreign,)), PRODUCTION)
    # The name of an allowed origin is answered, but only the browser's own word makes its page one of ours.
    assert not passes(sent(host="app.example", scheme=scheme, origin=("https://app.example",)), PRODUCTION)
    with pytest.raises(Misdirected):
        passes(sent(host="evil.example", site=("same-origin",)), PRODUCTION)
