"""A browser for each file, and servers as a user starts them."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Playwright, sync_playwright

from tests.browser.chromium import HOW_TO_GET_IT, Visit, chromium_path, started
from tests.support.server import Server


# Its event loop runs until it is stopped, and no other can meanwhile: so not for the whole session.
@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    """What starts and drives Chromium."""
    if chromium_path() is None:
        pytest.skip(HOW_TO_GET_IT)
    with sync_playwright() as running:
        yield running


@pytest.fixture(scope="module")
def browser(playwright: Playwright) -> Iterator[Browser]:
    """Chromium, which reaches 127.0.0.1 and nothing else."""
    with started(playwright) as browser:
        yield browser


@pytest.fixture
def new_server(tmp_path: Path) -> Iterator[Server]:
    """A server on nothing."""
    running = Server(tmp_path / "new")
    yield running
    running.stop()


@pytest.fixture(scope="session")
def used_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that several tests look at."""
    running = Server(tmp_path_factory.mktemp("used"))
    yield running
    running.stop()


@pytest.fixture
def visit(browser: Browser) -> Iterator[Callable[..., Visit]]:
    """Open a page of a server in a new profile."""
    opened: list[Visit] = []

    def open_page(url: str, path: str, width: int = 1280) -> Visit:
        opened.append(Visit(browser, url, width))
        opened[-1].open(path)
        return opened[-1]

    yield open_page
    for one in opened:
        one.close()
