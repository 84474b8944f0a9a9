"""A server on the network: who opens its /docs may be at a machine that others use after them."""

import subprocess
import sys
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Playwright

from coatcheck.keys import Secret
from tests.browser.chromium import NO_OTHER_HOST, Visit, started
from tests.support.person import Person
from tests.support.postgresql import free_port
from tests.support.server import Server, clean_environment, install_application

pytestmark = pytest.mark.browser

NAME = "todos.example"


@pytest.fixture(scope="module")
def server(playwright: Playwright, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server in production, with its schema made beforehand."""
    folder = tmp_path_factory.mktemp("production")
    settings = {
        "COATCHECK_ENVIRONMENT": "production",
        "COATCHECK_SECRET": Secret.new_text(),
        "COATCHECK_ISSUER": f"https://{NAME}",
        "COATCHECK_PORT": str(free_port()),
    }
    install_application(folder)
    (folder / "data").mkdir(mode=0o700)
    subprocess.run(
        [sys.executable, "-m", "coatcheck", "migrate", "--app", "app:app"],
        cwd=folder,
        env=clean_environment() | settings,
        check=True,
        capture_output=True,
    )
    running = Server(folder, settings)
    yield running
    running.stop()


@pytest.fixture
def docs(playwright: Playwright, server: Server) -> Iterator[Visit]:
    """Its /docs under its own name, as it comes from behind the proxy that speaks https."""
    with started(playwright, f"MAP {NAME}:80 127.0.0.1:{server.port}, {NO_OTHER_HOST}") as browser:
        visit = Visit(browser, f"http://{NAME}")
        visit.open("/docs")
        yield visit
        visit.close()


def test_in_production_a_reload_forgets_the_token(docs: Visit, server: Server) -> None:
    with server.client(headers={"Host": NAME}) as client:
        token = Person(client).token
    docs.authorize(token)
    assert docs.execute_json("list_todos") == (200, [])
    assert token not in docs.stored()
    assert docs.elsewhere() == []
    assert docs.complaints == []

    docs.page.reload()
    docs.operation("list_todos").wait_for()
    assert not docs.signed_in()
    assert docs.execute("list_todos")[0] == 401


def test_under_another_name_the_page_comes_and_its_calls_say_what_to_do(browser: Browser, server: Server) -> None:
    docs = Visit(browser, server.url)
    docs.open("/docs")
    status, refusal = docs.execute_json("register")
    docs.close()
    assert (status, refusal["type"]) == (421, "urn:coatcheck:problem:misdirected")
    assert "COATCHECK_ISSUER" in refusal["detail"]
