"""Who may call: what no browser can change is where a request arrived, what a page can choose is the name."""

from typing import Any

import pytest
from fastapi.requests import HTTPConnection
from hypothesis import given
from hypothesis import strategies as st

from coatcheck.web import Misdirected, Site
from coatcheck.web.site import DECISIONS_REMEMBERED, NotLocal

ISSUER = "https://todos.example"


def arriving(
    host: str | None = "localhost", *, at: Any = ("127.0.0.1", 8000), path: str = "/todos", more: Any = ()
) -> HTTPConnection:
    headers = [(name.encode(), value.encode("latin-1")) for name, value in more]
    if host is not None:
        headers.append((b"host", host.encode("latin-1")))
    scope = {"type": "http", "scheme": "http", "path": path, "query_string": b"", "headers": headers, "server": at}
    return HTTPConnection(scope)


@pytest.fixture
def local() -> Site:
    return Site(local=True, issuer="http://127.0.0.1:8000")


@pytest.fixture
def production() -> Site:
    return Site(local=False, issuer=ISSUER, allowed_origins=["https://app.example", "http://other.example:8080"])


@pytest.mark.parametrize(
    "at",
    [
        ("127.0.0.1", 8000),
        ("127.255.0.1", 1),
        ("::1", 8000),
        ("::ffff:127.0.0.1", 8000),
        ("testserver", 80),
        ("test", None),
    ],
)
def test_locally_a_loopback_address_and_a_test_client_are_this_machine(at: Any, local: Site) -> None:
    local.admit(arriving(at=at))


@pytest.mark.parametrize(
    "at",
    [("192.0.2.1", 8000), ("::", 80), ("::ffff:192.0.2.1", 80), ("fe80::1%eth0", 80), None, ("/run/x", None)],
)
def test_locally_any_other_address_is_refused_whatever_the_name(at: Any, local: Site) -> None:
    for host in ("localhost", "127.0.0.1", "192.0.2.1", None):
        with pytest.raises(NotLocal):
            local.admit(arriving(host, at=at))


@pytest.mark.parametrize(
    "name", ["forwarded", "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "x-forwarded-"]
)
def test_locally_a_proxys_header_is_refused_even_empty(name: str, local: Site) -> None:
    with pytest.raises(NotLocal):
        local.admit(arriving(more=[(name, "")]))


@pytest.mark.parametrize("name", ["x-real-ip", "via", "forwarded-for", "xforwarded-for"])
def test_locally_other_headers_do_not_matter(name: str, local: Site) -> None:
    local.admit(arriving(more=[(name, "192.0.2.1")]))


@given(host=st.text(st.characters(max_codepoint=255), max_size=80))
def test_locally_no_name_with_a_dot_passes_but_a_loopback_address(host: str) -> None:
    site = Site(local=True, issuer="http://127.0.0.1:8000")
    try:
        site.admit(arriving(host))
    except NotLocal:
        return
    name = host.partition(":")[0] if not host.startswith("[") else host
    assert "." not in name or name.startswith(("127.", "[::ffff:127."))


def test_decisions_that_are_remembered_have_an_end(local: Site) -> None:
    """Each request may bring another name; memory must not grow with them."""
    for number in range(DECISIONS_REMEMBERED * 2):
        local.admit(arriving(f"name{number}"))
    assert len(local._decided) == DECISIONS_REMEMBERED
    with pytest.raises(NotLocal):
        local.admit(arriving("evil.example"))
    local.admit(arriving("one-more"))


@pytest.mark.parametrize("host", ["todos.example", "Todos.Example:443", "app.example", "other.example:8080"])
def test_in_production_the_issuers_name_and_the_origins_are_answered(host: str, production: Site) -> None:
    production.admit(arriving(host, at=("10.0.0.5", 80), more=[("x-forwarded-for", "192.0.2.1")]))


@pytest.mark.parametrize(
    "host",
    [None, "", "localhost", "evil.example", "other.example", "todos.example:80", "[", "x/health?"],
)
def test_in_production_any_other_name_is_refused(host: str | None, production: Site) -> None:
    for path in ("/todos", "/health", "/todos/health"):  # which route it is decides, not how its path ends
        with pytest.raises(Misdirected):
            production.admit(arriving(host, path=path))
    production.admit(arriving(host), any_host=True)


def test_locally_no_route_is_for_any_host(local: Site) -> None:
    with pytest.raises(NotLocal):
        local.admit(arriving("evil.example"), any_host=True)


def test_two_hosts_are_no_host(local: Site, production: Site) -> None:
    for site, name in ((local, "localhost"), (production, "todos.example")):
        with pytest.raises(Misdirected):
            site.admit(arriving(name, more=[("host", name)]))


def test_what_one_site_admitted_another_looks_at_again(local: Site, production: Site) -> None:
    connection = arriving("localhost")
    local.admit(connection)
    with pytest.raises(Misdirected):
        production.admit(connection)


def test_an_issuer_with_the_usual_port_is_asked_for_without_it() -> None:
    site = Site(local=False, issuer="https://todos.example:443")
    site.admit(arriving("todos.example"))
    site.admit(arriving("todos.example:443"))
