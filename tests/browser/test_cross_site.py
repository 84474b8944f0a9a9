"""A page that somebody else serves, on another port of this machine or under another name, makes the visitor's
Chromium send requests with the visitor's cookies. They change nothing; the same from a page of ours do."""

from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from playwright.sync_api import Browser, Playwright

from tests.browser.chromium import NO_OTHER_HOST, Visit, started
from tests.browser.test_page_on_another_origin import files, running
from tests.support.postgresql import free_port

pytestmark = pytest.mark.browser

EVIL = "evil.example"
CREDENTIALS = {"username": "alice", "password": "secret123"}
SITE = '''
from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.responses import HTMLResponse
from coatcheck import Coatcheck, CurrentUser, Route, Settings

app = FastAPI()
coatcheck = Coatcheck(app, Settings.read())
pages = APIRouter(route_class=Route)
notes = []


@pages.get("/", response_class=HTMLResponse)
async def home():
    return """<form method=post action="/sign-in?username=alice"><button>Sign in</button></form>
              <form method=post action="/notes"><button>Add</button></form>"""


@pages.post("/sign-in")
async def sign_in(request: Request, response: Response, username: str) -> str:
    coatcheck.cookies.require_own_page(request)
    opening = await coatcheck.login.log_in(username, "secret123", coatcheck.proxies.client(request))
    token = opening.access.access_token
    coatcheck.cookies.set(request, response, access=(token, 1800), refresh=None)
    return "signed in"


@pages.get("/notes")
async def count(user: CurrentUser) -> int:
    return len(notes)


@pages.post("/notes")
async def add(user: CurrentUser) -> str:
    notes.append(user.username)
    return "added"


app.include_router(pages)
'''
SEND = """([url, options]) => fetch(url, {method: "POST", credentials: "include", ...options})
    .then((answer) => answer.status, () => "blocked")"""
FORM = """(url) => {
    document.body.innerHTML = `<form method="post" action="${url}" enctype="text/plain"></form>`;
    document.forms[0].submit();
}"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An application with pages; alice has an account."""
    folder, port = tmp_path_factory.mktemp("site"), free_port()
    (folder / "site_of_ours.py").write_text(SITE)
    with running(folder, port, "uvicorn", "site_of_ours:app", f"--port={port}", "--no-proxy-headers") as url:
        httpx2.post(f"{url}/auth/register", json=CREDENTIALS).raise_for_status()
        yield url


@pytest.fixture(scope="module")
def foreign_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Where somebody else serves a page."""
    folder, port = tmp_path_factory.mktemp("foreign"), free_port()
    (folder / "index.html").write_text("<!doctype html><link rel=icon href=data:,><p>Win a prize")
    with files(folder, port):
        yield port


@pytest.fixture
def browser_that_finds_evil(playwright: Playwright, foreign_port: int) -> Iterator[Browser]:
    """Chromium for which the foreign page has a name of its own too."""
    with started(playwright, f"MAP {EVIL}:80 127.0.0.1:{foreign_port}, {NO_OTHER_HOST}") as browser:
        yield browser


@pytest.fixture
def alice(browser_that_finds_evil: Browser, site: str) -> Iterator[Visit]:
    """Signed in by the form on our own page."""
    visit = Visit(browser_that_finds_evil, site)
    visit.open("/")
    visit.page.get_by_role("button", name="Sign in").click()
    visit.page.get_by_text("signed in").wait_for()
    yield visit
    visit.close()


def notes(visit: Visit) -> Any:
    """How many there are, asked on our own page."""
    visit.open("/notes")
    return int(visit.page.inner_text("body"))


def test_on_our_own_pages_forms_and_scripts_work_and_no_script_sees_the_cookie(alice: Visit, site: str) -> None:
    before = notes(alice)
    alice.open("/")
    alice.page.get_by_role("button", name="Add").click()
    alice.page.get_by_text("added").wait_for()
    assert alice.page.evaluate(SEND, ["/notes", {}]) == 200
    assert notes(alice) == before + 2
    (cookie,) = map(dict, alice.context.cookies())
    assert cookie["name"] == f"coatcheck-{site.rpartition(':')[2]}"
    assert (cookie["httpOnly"], cookie["sameSite"], cookie["path"]) == (True, "Lax", "/")
    assert alice.page.evaluate("document.cookie") == ""


@pytest.mark.parametrize("where", ["another port of this machine", "another site"])
def test_a_foreign_page_changes_nothing(alice: Visit, site: str, foreign_port: int, where: str) -> None:
    """To a browser another port is another origin, and yet the same site: it sends the cookie, Lax or Strict."""
    before = notes(alice)
    sent: dict[str, str | None] = {}
    alice.page.on("request", lambda request: sent.update({request.url: request.header_value("cookie")}))
    foreign = f"http://{EVIL}" if where == "another site" else f"http://127.0.0.1:{foreign_port}"
    for options in ({"mode": "no-cors"}, {"mode": "cors"}, {"mode": "no-cors", "body": "x", "keepalive": True}):
        alice.page.goto(foreign)
        assert alice.page.evaluate(SEND, [f"{site}/notes", options]) in {0, "blocked"}
    with alice.page.expect_navigation(url=f"{site}/notes") as navigation:
        alice.page.evaluate(FORM, f"{site}/notes")
    assert navigation.value.status == (403 if where != "another site" else 401)
    if where != "another site":
        assert "coatcheck-" in str(sent[f"{site}/notes"])
        assert "urn:coatcheck:problem:cross-site-request" in alice.page.inner_text("body")
    assert notes(alice) == before


@pytest.mark.parametrize("where", ["another port of this machine", "another site"])
def test_a_foreign_page_signs_nobody_in(
    browser_that_finds_evil: Browser, site: str, foreign_port: int, where: str
) -> None:
    """Signed in to the attacker's account, a victim would write what the attacker then reads."""
    visit = Visit(
        browser_that_finds_evil, f"http://{EVIL}" if where == "another site" else f"http://127.0.0.1:{foreign_port}"
    )
    visit.open("/")
    assert visit.page.evaluate(SEND, [f"{site}/sign-in?username=alice", {"mode": "no-cors"}]) == 0
    with visit.page.expect_navigation(url=f"{site}/sign-in*") as navigation:
        visit.page.evaluate(FORM, f"{site}/sign-in?username=alice")
    assert navigation.value.status == 403
    assert visit.context.cookies() == []
    visit.close()


def test_a_link_on_a_foreign_page_finds_its_visitor_signed_in(alice: Visit, site: str) -> None:
    alice.page.goto(f"http://{EVIL}")
    alice.page.evaluate("(url) => { document.body.innerHTML = `<a href='${url}'>Look</a>` }", f"{site}/notes")
    alice.page.get_by_role("link").click()
    alice.page.wait_for_url(f"{site}/notes")
    assert alice.page.inner_text("body").isdigit()
