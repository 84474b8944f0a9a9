"""An application with pages of its own: it signs people in with a cookie, and knows which way they came."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import APIRouter, FastAPI, Request, Response, WebSocket
from fastapi.testclient import TestClient
from starlette.testclient import WebSocketDenialResponse

from coatcheck import Coatcheck, CurrentUser, OptionalUser, Route, Settings, optional_user
from coatcheck.sessions import came_by_cookie
from tests.support.app import CHEAP
from tests.support.person import PASSWORD, Person

OWN = {"Sec-Fetch-Site": "same-origin"}
ORIGIN = "http://testserver"
NAME = "coatcheck-80"


def make_site(folder: Path) -> FastAPI:
    app = FastAPI()

    @app.middleware("http")
    async def looks_who_it_is(request: Request, call_next: Any) -> Any:
        if request.method == "GET" and folder.name == "outer":
            await optional_user(request)
        return await call_next(request)

    coatcheck = Coatcheck(app, Settings.read(folder, **CHEAP), prefix="")
    pages = APIRouter(route_class=Route)

    @pages.post("/sign-in", status_code=204)
    async def sign_in(request: Request, response: Response, username: str) -> None:
        coatcheck.pages.require_own_page(request)
        client, refresh = coatcheck.proxies.client(request), "shared-computer" not in request.query_params
        opening = await coatcheck.login.log_in(username, PASSWORD, client, refresh=refresh)
        coatcheck.pages.give(request, response, opening)

    @pages.post("/renew", status_code=204)
    async def renew(request: Request, response: Response) -> None:
        await coatcheck.pages.renew(request, response)

    @pages.post("/sign-out", status_code=204)
    async def sign_out(request: Request, response: Response, user: CurrentUser) -> None:
        await coatcheck.sessions.end(user, user.session_id)
        coatcheck.pages.take(request, response)

    @pages.post("/way")
    async def way(request: Request, user: OptionalUser) -> list[Any]:
        return [user.username if user else None, came_by_cookie(request)]

    @pages.get("/way-in")
    async def way_in(request: Request) -> bool:
        return came_by_cookie(request)

    app.include_router(pages)
    app.post("/plain")(way)

    @app.get("/kept")
    async def kept(response: Response, user: CurrentUser) -> str:
        response.headers["Cache-Control"] = "private, max-age=60"
        return user.username

    inner = FastAPI()
    inner.post("/way")(way)
    app.mount("/inner", inner)

    @app.websocket("/chat")
    async def chat(socket: WebSocket, user: CurrentUser) -> None:
        await socket.accept()
        await socket.send_json([user.username, came_by_cookie(socket)])
        await socket.close()

    @app.websocket("/lobby")
    async def lobby(socket: WebSocket, user: OptionalUser) -> None:
        await socket.accept()
        await socket.send_json([user.username if user else None, came_by_cookie(socket)])
        await socket.close()

    return app


@pytest.fixture
def visitor(tmp_path: Path) -> Iterator[TestClient]:
    with TestClient(make_site(tmp_path)) as client:
        yield client


@pytest.fixture
def alice(visitor: TestClient) -> Person:
    return Person(visitor, "alice")


def test_who_signs_in_on_a_page_of_ours_is_signed_in_until_they_sign_out(visitor: TestClient, alice: Person) -> None:
    answer = visitor.post("/sign-in?username=alice", headers=OWN)
    assert answer.status_code == 204
    assert answer.headers["cache-control"] == "no-store"
    assert set(visitor.cookies) == {NAME, f"{NAME}-refresh"}
    assert visitor.get("/me").json()["username"] == "alice"
    assert visitor.post("/sign-out", headers=OWN).status_code == 204
    assert set(visitor.cookies) == set()
    assert visitor.get("/me").status_code == 401


@pytest.mark.parametrize(
    "said", [{}, {"Sec-Fetch-Site": "same-site"}, {"Origin": "null"}, {"Origin": "http://other"}]
)
def test_a_foreign_page_signs_nobody_in_or_out(visitor: TestClient, alice: Person, said: dict[str, str]) -> None:
    refused = visitor.post("/sign-in?username=alice", headers=said)
    assert (refused.status_code, refused.json()["type"]) == (403, "urn:coatcheck:problem:cross-site-request")
    assert "set-cookie" not in refused.headers
    visitor.post("/sign-in?username=alice", headers=OWN)
    assert visitor.post("/sign-out", headers=said).status_code == 403
    assert visitor.get("/me").status_code == 200


@pytest.mark.parametrize("path", ["/way", "/plain", "/inner/way"])
def test_a_route_knows_which_way_its_caller_came(visitor: TestClient, alice: Person, path: str) -> None:
    assert alice.post(path).json() == ["alice", False]
    assert visitor.post(path).json() == [None, False]
    visitor.cookies.set(NAME, alice.token)
    assert visitor.post(path, headers=OWN).json() == ["alice", True]
    assert visitor.post(path, headers={"Origin": ORIGIN}).json() == ["alice", True]
    assert alice.post(path).json() == ["alice", False]


@pytest.mark.parametrize("path", ["/way", "/plain", "/inner/way"])
def test_b12_what_somebody_gets_for_their_cookie_no_cache_gives_to_the_next(
    visitor: TestClient, alice: Person, path: str
) -> None:
    """Caches in front keep no answer to a request with Authorization; of cookies they know nothing."""
    visitor.cookies.set(NAME, alice.token)
    for said, status in ((OWN, 200), ({}, 403)):
        answer = visitor.post(path, headers=said)
        assert (answer.status_code, answer.headers.get_list("cache-control")) == (status, ["no-store"])


def test_b12_no_cache_keeps_it_where_a_middleware_passes_a_copy_of_the_scope_on(tmp_path: Path) -> None:
    class Copying:
        def __init__(self, app: Any) -> None:
            self.app = app

        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            await self.app(dict(scope), receive, send)

    app = FastAPI()
    app.add_middleware(Copying)
    Coatcheck(app, Settings.read(tmp_path, **CHEAP), prefix="")

    @app.get("/page")
    async def page(user: OptionalUser) -> bool:
        return user is not None

    with TestClient(app) as visitor:
        alice = Person(visitor)
        assert "cache-control" not in visitor.get("/page", headers={"Cookie": "other=1"}).headers
        visitor.cookies.set(NAME, alice.token)
        answer = visitor.get("/page")
        assert (answer.json(), answer.headers.get_list("cache-control")) == (True, ["no-store"])


def test_a_route_may_say_itself_how_long_its_answer_is_kept(visitor: TestClient, alice: Person) -> None:
    visitor.cookies.set(NAME, alice.token)
    assert visitor.get("/kept").headers.get_list("cache-control") == ["private, max-age=60"]
    visitor.cookies.clear()
    visitor.cookies.set("theme", "dark")
    assert "cache-control" not in visitor.post("/plain").headers


@pytest.mark.parametrize("path", ["/way", "/plain", "/inner/way"])
def test_an_optional_user_from_elsewhere_is_refused_and_not_taken_for_nobody(
    visitor: TestClient, alice: Person, path: str
) -> None:
    visitor.cookies.set(NAME, alice.token)
    assert visitor.post(path, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    visitor.cookies.set(NAME, "forged")
    assert visitor.post(path, headers=OWN).status_code == 401
    assert visitor.post(path, headers={**OWN, "Authorization": "Basic YQ=="}).json() == [None, False]


@pytest.mark.parametrize("path", ["/chat", "/lobby"])
def test_a_page_of_ours_opens_a_websocket_with_the_cookie(visitor: TestClient, alice: Person, path: str) -> None:
    """Browsers let no script write Authorization there, and Chromium sends no Sec-Fetch-Site."""
    visitor.cookies.set(NAME, alice.token)
    with visitor.websocket_connect(path, headers={"Origin": ORIGIN}) as socket:
        assert socket.receive_json() == ["alice", True]
    with visitor.websocket_connect(path, headers={"Authorization": f"Bearer {alice.token}"}) as socket:
        assert socket.receive_json() == ["alice", False]


@pytest.mark.parametrize("path", ["/chat", "/lobby"])
@pytest.mark.parametrize(
    ("said", "status"),
    [
        ({}, 403),
        ({"Origin": "http://testserver:8000"}, 403),
        ({"Origin": "https://testserver"}, 403),
        ({"Origin": "ws://testserver"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": ORIGIN, "Sec-Fetch-Site": "same-site"}, 403),
        ({"Origin": ORIGIN, "Authorization": "Bearer forged"}, 401),
    ],
)
def test_any_other_page_opens_none_with_it(
    visitor: TestClient, alice: Person, path: str, said: dict[str, str], status: int
) -> None:
    """Cross-site WebSocket hijacking: no same-origin policy stops a page from opening one and reading from it."""
    visitor.cookies.set(NAME, alice.token)
    with pytest.raises(WebSocketDenialResponse) as denied, visitor.websocket_connect(path, headers=said):
        pass
    assert denied.value.status_code == status


def test_a_mounted_application_with_accounts_of_its_own_is_another_way_in(tmp_path: Path) -> None:
    """Both are on one host and so share the cookie; the outer one's user is nobody to the inner one."""
    for name in ("outer", "own"):
        (tmp_path / name).mkdir()
    outer = make_site(tmp_path / "outer")
    outer.mount("/own", make_site(tmp_path / "own"))
    with TestClient(outer) as client:
        alice = Person(client, "alice")
        client.cookies.set(NAME, alice.token)
        assert client.post("/way", headers=OWN).json() == ["alice", True]
        assert client.get("/way-in").json() is True
        assert client.post("/own/way", headers=OWN).status_code == 401
        assert client.get("/own/way-in").json() is False


def test_a_page_renews_its_session_from_the_cookie_and_no_body_has_it(visitor: TestClient, alice: Person) -> None:
    visitor.post("/sign-in?username=alice", headers=OWN)
    before = dict(visitor.cookies)
    for said in ({}, {"Sec-Fetch-Site": "cross-site"}):
        assert visitor.post("/renew", headers=said).status_code == 403
    answer = visitor.post("/renew", headers=OWN)
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["cache-control"] == "no-store"
    after = dict(visitor.cookies)
    assert all(after[name] != before[name] for name in (NAME, f"{NAME}-refresh"))
    assert visitor.get("/me").json()["username"] == "alice"
    assert visitor.post("/sign-out", headers=OWN).status_code == 204
    visitor.cookies.update(after)
    assert visitor.post("/renew", headers=OWN).status_code == 401


def test_without_the_refresh_cookie_nothing_is_renewed(visitor: TestClient, alice: Person) -> None:
    visitor.cookies.set(NAME, alice.token)
    assert visitor.post("/renew", headers=OWN).status_code == 401


def test_j18_the_cookies_do_not_do_for_each_other(visitor: TestClient, alice: Person) -> None:
    visitor.post("/sign-in?username=alice", headers=OWN)
    access, refresh = visitor.cookies[NAME], visitor.cookies[f"{NAME}-refresh"]
    visitor.cookies.clear()
    visitor.cookies.set(NAME, refresh)
    assert visitor.get("/me").status_code == 401
    visitor.cookies.clear()
    visitor.cookies.set(f"{NAME}-refresh", access)
    assert visitor.post("/renew", headers=OWN).status_code == 401
    assert visitor.get("/me").status_code == 401


def test_a_page_that_changes_the_password_gets_a_new_session_and_its_old_one_is_over(
    visitor: TestClient, alice: Person
) -> None:
    """A thief who copied the cookies has nothing left, not even until the access token expires."""
    visitor.post("/sign-in?username=alice", headers=OWN)
    stolen = dict(visitor.cookies)
    body = {"old_password": PASSWORD, "new_password": "correct horse battery"}
    answer = visitor.put("/me/password", json=body, headers=OWN)
    assert (answer.status_code, answer.content) == (204, b"")
    assert visitor.get("/me").json()["username"] == "alice"
    assert visitor.post("/renew", headers=OWN).status_code == 204
    assert alice.get("/me").status_code == 401
    sessions = visitor.get("/sessions").json()
    assert [one["current"] for one in sessions] == [True]
    visitor.cookies.clear()
    visitor.cookies.update(stolen)
    assert visitor.get("/me").status_code == 401
    assert visitor.post("/renew", headers=OWN).status_code == 401


def test_a_changed_password_makes_no_session_renewable_that_was_not(visitor: TestClient, alice: Person) -> None:
    """Who signed in for half an hour on somebody else's computer must not leave a month there."""
    visitor.post("/sign-in?username=alice&shared-computer", headers=OWN)
    body = {"old_password": PASSWORD, "new_password": "correct horse battery"}
    assert visitor.put("/me/password", json=body, headers=OWN).status_code == 204
    assert set(visitor.cookies) == {NAME}
    assert visitor.get("/me").json()["username"] == "alice"
    assert visitor.post("/renew", headers=OWN).status_code == 401


@pytest.mark.parametrize(("method", "path"), [("POST", "/logout"), ("DELETE", "/me")])
def test_who_leaves_by_a_page_leaves_no_cookie(visitor: TestClient, alice: Person, method: str, path: str) -> None:
    visitor.post("/sign-in?username=alice", headers=OWN)
    assert visitor.request(method, path, headers=OWN).status_code == 204
    assert set(visitor.cookies) == set()
    visitor.post("/sign-in?username=alice", headers=OWN)
    with_header = alice.request(method, path) if path == "/logout" else None
    assert with_header is None or "set-cookie" not in with_header.headers
