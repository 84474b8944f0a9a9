"""Draw docs/images/docs.png, README's picture of /docs: python -m tests.browser.picture"""

import tempfile
from contextlib import ExitStack
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.browser.chromium import Visit, started
from tests.support.server import ROOT, Server

PICTURE = ROOT / "docs" / "images" / "docs.png"


def draw(target: Path) -> None:
    """Register, log in, Authorize; then a picture of every endpoint with its lock closed."""
    server = Server(Path(tempfile.mkdtemp()) / "app")
    with ExitStack() as stack:
        stack.callback(server.stop)
        browser = stack.enter_context(started(stack.enter_context(sync_playwright())))
        docs = Visit(browser, server.url, width=800)
        docs.open("/docs")
        docs.execute("register")
        docs.authorize(docs.execute_json("login")[1]["access_token"])
        docs.open("/redoc")
        docs.open("/docs")  # everything folded again
        docs.operation("add_todo").wait_for()
        docs.page.screenshot(path=target, full_page=True)


if __name__ == "__main__":
    draw(PICTURE)
