"""The manual's page on another origin, in a browser: it signs in where the setting names it, and nowhere else."""

import subprocess
import sys
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import httpx2
import pytest
from playwright.sync_api import expect

from tests.browser.chromium import Visit
from tests.docs.pages import blocks
from tests.support.postgresql import free_port
from tests.support.server import CHEAP, ROOT, START_SECONDS, clean_environment

pytestmark = pytest.mark.browser

ALICE = {"username": "alice", "password": "secret123"}


@contextmanager
def running(folder: Path, port: int, module: str, *arguments: str, **settings: str) -> Generator[str, None, None]:
    """A Python module that serves on this port, as in a terminal of its own; its address."""
    process = subprocess.Popen(
        [sys.executable, "-m", module, *arguments],
        cwd=folder,
        env=clean_environment() | CHEAP | settings,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield answering(f"http://127.0.0.1:{port}", process)
    finally:
        process.terminate()
        process.wait(10)


def answering(url: str, process: subprocess.Popen[bytes]) -> str:
    """The address, once something answers there."""
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            httpx2.get(url)
        except httpx2.ConnectError:
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)
        else:
            return url


def files(folder: Path, port: int) -> AbstractContextManager[str]:
    """A web server of the files in a folder; its address."""
    return running(folder, port, "http.server", "--bind=127.0.0.1", str(port))


@pytest.fixture
def page(tmp_path: Path) -> Iterator[str]:
    """The page's address; the API that it asks has another one, and is told the page's."""
    api_port, page_port = free_port(), free_port()
    for block in blocks(ROOT / "docs" / "embed.md"):
        if block.title in {"welcome.py", "page/api.js", "page/index.html"}:
            text = block.text.replace("http://127.0.0.1:8000", f"http://127.0.0.1:{api_port}")
            file = tmp_path / block.title
            file.parent.mkdir(exist_ok=True)
            file.write_text(text, encoding="utf-8")
    allowed = f"http://127.0.0.1:{page_port}"
    with (
        running(
            tmp_path, api_port, "uvicorn", "welcome:app", f"--port={api_port}", COATCHECK_ALLOWED_ORIGINS=allowed
        ) as api,
        files(tmp_path / "page", page_port) as here,
    ):
        httpx2.post(f"{api}/auth/register", json=ALICE).raise_for_status()
        yield here


def sign_in(visit: Visit, password: str) -> None:
    visit.page.get_by_label("Name").fill("alice")
    visit.page.get_by_label("Password").fill(password)
    visit.page.get_by_role("button").click()


def test_it_signs_in_and_keeps_the_token_to_itself(page: str, visit: Callable[..., Visit]) -> None:
    at = visit(page, "/")
    status = at.page.get_by_role("status")
    sign_in(at, "a guess")
    expect(status).to_have_text("Wrong username or password.")
    sign_in(at, "secret123")
    expect(status).to_have_text("Hello alice")
    assert at.page.evaluate("[localStorage.length, sessionStorage.length, document.cookie]") == [0, 0, ""]


def test_who_forgets_the_token_has_ended_its_session(page: str, visit: Callable[..., Visit]) -> None:
    at = visit(page, "/")
    sign_in(at, "secret123")
    expect(at.page.get_by_role("status")).to_have_text("Hello alice")
    with at.page.expect_response("**/auth/logout") as ended:
        at.page.evaluate("import('./api.js').then((api) => api.forget())")
    assert ended.value.status == 204
    sign_in(at, "secret123")
    expect(at.page.get_by_role("status")).to_have_text("Hello alice")


def test_an_origin_that_is_not_named_reads_nothing(page: str, tmp_path: Path, visit: Callable[..., Visit]) -> None:
    port = free_port()
    with files(tmp_path / "page", port) as elsewhere:
        at = visit(elsewhere, "/")
        sign_in(at, "secret123")
        expect(at.page.get_by_role("status")).to_have_text("Failed to fetch")
