"""/docs and /redoc come whole from this server: on a train, behind a firewall, under a strict policy."""

import re
from collections.abc import Callable
from typing import Any

import pytest

from tests.browser.chromium import Visit
from tests.support.server import Server

pytestmark = pytest.mark.browser

Open = Callable[..., Visit]

PAGES = ["/docs", "/redoc"]
WIDTHS = [1280, 400]


def operations(server: Server) -> list[dict[str, Any]]:
    with server.client() as client:
        paths = client.get("/openapi.json").json()["paths"]
    return [operation for path in paths.values() for operation in path.values()]


def opened(visit: Open, server: Server, path: str, width: int) -> Visit:
    """The page once it shows the last operation and has come to rest."""
    page = visit(server.url, path, width)
    page.page.get_by_text(operations(server)[-1]["summary"]).last.wait_for(state="attached")
    page.page.wait_for_load_state("networkidle")
    return page


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("path", PAGES)
def test_every_operation_is_shown_and_nothing_comes_from_another_host(
    visit: Open, used_server: Server, path: str, width: int
) -> None:
    page = opened(visit, used_server, path, width)
    shown = page.page.locator("body").inner_text()
    assert [one["summary"] for one in operations(used_server) if one["summary"] not in shown] == []
    assert page.page.title() == "Todos and accounts"
    assert page.page.evaluate("document.documentElement.scrollWidth") == width
    assert used_server.url + "/openapi.json" in page.requested
    assert page.elsewhere() == []
    assert page.complaints == []


def test_what_a_page_asks_of_another_host_would_be_seen(visit: Open, used_server: Server) -> None:
    page = opened(visit, used_server, "/redoc", 1280)
    page.page.evaluate("new Image().src = 'https://elsewhere.example/logo.svg'")
    page.page.wait_for_function("window.violations.length > 0")
    assert page.elsewhere() == ["https://elsewhere.example/logo.svg", "img-src https://elsewhere.example/logo.svg"]
    assert any("elsewhere.example" in line for line in page.complaints)


@pytest.mark.parametrize("path", PAGES)
def test_no_script_stands_in_the_page_and_none_would_run(visit: Open, used_server: Server, path: str) -> None:
    with used_server.client() as client:
        answer = client.get(path)
    policy = answer.headers["content-security-policy"]
    assert "script-src 'self';" in policy
    assert "frame-ancestors 'none'" in policy
    assert re.findall(r"<script(?![^>]*\ssrc=)|\son\w+=|javascript:", answer.text) == []

    page = opened(visit, used_server, path, 1280)
    page.page.evaluate("document.body.appendChild(document.createElement('script')).textContent = 'window.ran = 1'")
    assert page.page.evaluate("window.ran") is None
    assert page.elsewhere() == ["script-src-elem inline"]
