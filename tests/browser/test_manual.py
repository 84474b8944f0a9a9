"""The manual's site in a browser that reaches no other host: it is read, and searched."""

import re
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from playwright.sync_api import Playwright

from tests.browser.chromium import Visit
from tests.support.manual import NOT_INSTALLED, ZENSICAL, build_site, lay_out

pytestmark = [pytest.mark.browser, pytest.mark.skipif(not ZENSICAL.exists(), reason=NOT_INSTALLED)]


class Quiet(SimpleHTTPRequestHandler):
    """Files, without a log."""

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture(scope="module")
def site(playwright: Playwright, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    build = tmp_path_factory.mktemp("build")
    lay_out(build)
    assert build_site(build).returncode == 0
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(build / "site"))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_pages_and_search_ask_no_other_host(site: str, visit: Callable[..., Visit]) -> None:
    opened = visit(site, "/index.html")
    opened.page.wait_for_load_state("networkidle")  # what is under way when a page is left counts as failed
    opened.page.get_by_role("link", name="The manual").first.click()
    opened.page.get_by_role("heading", name="The manual").wait_for()
    opened.page.get_by_role("button", name="Search").click()
    opened.page.get_by_role("combobox").fill("secret")
    opened.page.get_by_text(re.compile(r"[1-9]\d* results?")).wait_for()
    assert opened.elsewhere() == []
    assert opened.complaints == []
