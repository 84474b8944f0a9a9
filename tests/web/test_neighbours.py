"""An application of somebody's own is in the way, or is mounted in another."""

import re
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from fastapi import APIRouter, FastAPI
from fastapi.responses import PlainTextResponse
from fastapi.testclient import TestClient
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.routing import BaseRoute, Host, Match, Mount, Route, WebSocketRoute

from coatcheck import Coatcheck, Settings
from coatcheck.problems import NotStarted, StartRefused
from tests.support.app import CHEAP


def accounts_on(app: FastAPI, folder: Path, prefix: str = "") -> Coatcheck:
    return Coatcheck(app, Settings.read(folder, **CHEAP), prefix=prefix)


async def hosts() -> str:
    return "the host's"


def before(path: str, method: str = "GET") -> Callable[[FastAPI, Path], None]:
    def build(app: FastAPI, folder: Path) -> None:
        app.add_api_route(path, hosts, methods=[method])
        accounts_on(app, folder)

    return build


def after(path: str, method: str = "GET") -> Callable[[FastAPI, Path], None]:
    def build(app: FastAPI, folder: Path) -> None:
        accounts_on(app, folder)
        router = APIRouter(prefix=path)
        router.add_api_route("", hosts, methods=[method])
        app.include_router(router)

    return build


def one_path(path: str = "/unlike/ours", method: str = "GET") -> FastAPI:
    sub = FastAPI(openapi_url=None)
    sub.add_api_route(path, hosts, methods=[method])
    return sub


def within(path: str, inner: Any) -> Mount:
    return Mount(path, app=inner, middleware=[Middleware(GZipMiddleware)])


class AnyMethod:
    """An endpoint as an ASGI class: Starlette asks it for every method."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await PlainTextResponse("the host's")(scope, receive, send)


class Curious(BaseRoute):
    """Somebody's own kind of route, that looks at all a server tells."""

    def __init__(self, *more: str) -> None:
        self.more = more

    def matches(self, scope: Any) -> tuple[Match, Any]:
        if scope["type"] == "lifespan":
            return Match.NONE, {}
        told = {name: scope[name] for name in ("client", "server", "scheme", "query_string", "app", "http_version")}
        told |= {name: scope[name] for name in ("raw_path", "root_path", "headers", *self.more)}
        assert dict(told["headers"])[b"host"]
        return Match.NONE, {}


class Sessions:
    """A middleware that adds what no server tells."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self.app({**scope, "session": {}}, receive, send)


def first(*routes: BaseRoute) -> Callable[[FastAPI, Path], None]:
    def build(app: FastAPI, folder: Path) -> None:
        app.router.routes.extend(routes)
        accounts_on(app, folder)

    return build


def last(*routes: BaseRoute) -> Callable[[FastAPI, Path], None]:
    def build(app: FastAPI, folder: Path) -> None:
        accounts_on(app, folder)
        app.router.routes.extend(routes)

    return build


def in_the_lifespan(path: str) -> Callable[[FastAPI, Path], None]:
    def build(app: FastAPI, folder: Path) -> None:
        @asynccontextmanager
        async def lifespan(app: FastAPI) -> AsyncGenerator[None]:
            app.add_api_route(path, hosts)
            yield

        app.router.lifespan_context = lifespan
        accounts_on(app, folder)

    return build


@pytest.mark.parametrize(
    ("build", "taken"),
    [
        (before("/login", "POST"), "POST /login is taken: this application answers it by /login (hosts)"),
        (before("/{page}"), "GET /sessions is taken: this application answers it by /{page} (hosts)"),
        (after("/me"), "GET /me is taken: this application answers it by /me (hosts)"),
        (after("/me", "DELETE"), "DELETE /me is taken"),
        (first(Mount("/me", one_path())), "GET /me is taken: this application answers it by what is mounted at /me"),
        (last(Mount("/me", one_path())), "GET /me is taken: this application answers it by what is mounted at /me"),
        (last(Mount("", one_path("/login", "POST"))), "POST /login is taken: this application answers it by /login"),
        (last(within("", Starlette(routes=[within("/me", one_path())]))), "GET /me is taken"),
        (last(within("", Starlette(routes=[Route("/login", AnyMethod())]))), "POST /login is taken"),
        (
            last(Host("other.example", one_path("/me"))),
            "GET /me is taken: this application answers it by /me (hosts)",
        ),
        (last(Route("/login", AnyMethod())), "POST /login is taken"),
        (in_the_lifespan("/me"), "GET /me is taken: this application answers it by /me (hosts)"),
    ],
)
def test_a_path_that_is_taken_is_refused_at_start(
    build: Callable[[FastAPI, Path], None], taken: str, tmp_path: Path
) -> None:
    app = FastAPI()
    build(app, tmp_path)
    with pytest.raises(NotStarted, match=f"^{re.escape(taken)}.*use prefix="), TestClient(app):
        pass


def test_what_is_mounted_at_the_prefix_is_looked_through(tmp_path: Path) -> None:
    app = FastAPI()
    accounts_on(app, tmp_path, "/auth")
    app.mount("/auth", one_path("/unlike/ours"))
    with TestClient(app) as client:
        assert client.get("/auth/unlike/ours").json() == "the host's"
    app.mount("/auth", one_path("/login", "POST"))
    with pytest.raises(NotStarted, match=r"^POST /auth/login is taken: .* by /auth/login \(hosts\)"), TestClient(app):
        pass


@pytest.mark.parametrize(
    ("build", "by"),
    [
        (first(Mount("/", one_path())), "what is mounted at /"),
        (before("/{page:path}", "POST"), "/{page:path} (hosts)"),
        (first(Host("{any}", one_path())), "what is mounted at {any}"),
    ],
)
def test_before_what_answers_everything_no_prefix_helps(
    build: Callable[[FastAPI, Path], None], by: str, tmp_path: Path
) -> None:
    app = FastAPI()
    build(app, tmp_path)
    sentence = (
        f"POST /register is taken: this application answers it by {by}, as it does every path. "
        "Call Coatcheck(app) before you add that."
    )
    with pytest.raises(NotStarted, match=f"^{re.escape(sentence)}$"), TestClient(app):
        pass


@pytest.mark.parametrize(
    "build",
    [
        before("/login"),
        after("/login"),
        after("/{page}"),
        after("/todos"),
        after("/{page:path}", "POST"),
        last(Mount("", one_path())),
        last(Mount("", one_path("/{page}", "POST"))),
        last(Mount("/{tenant}", one_path("/password", "PUT"))),
        last(Mount("/me/picture", one_path("/"))),
        first(WebSocketRoute("/me", hosts)),
        last(WebSocketRoute("/me", hosts)),
        first(Host("other.example", one_path("/me"))),
        last(Mount("", app=AnyMethod())),
        first(Curious()),
        last(Curious()),
        in_the_lifespan("/todos"),
    ],
)
def test_what_is_not_in_the_way_stays(build: Callable[[FastAPI, Path], None], tmp_path: Path) -> None:
    app = FastAPI()
    build(app, tmp_path)
    with TestClient(app) as client:
        assert client.get("/me").status_code == 401
        assert client.post("/login", json={"username": "x", "password": "y"}).status_code == 401


def test_a_route_that_looks_at_what_a_middleware_adds_does_not_stop_the_start(tmp_path: Path) -> None:
    app = FastAPI()
    first(Curious("session"))(app, tmp_path)
    app.add_middleware(Sessions)
    with TestClient(app) as client:
        assert client.get("/me").status_code == 401


def test_an_application_mounted_in_itself_starts(tmp_path: Path) -> None:
    app = FastAPI()
    accounts_on(app, tmp_path)
    app.mount("/again", app)
    with TestClient(app) as client:
        assert client.get("/again/me").status_code == 401


def test_a_prefix_makes_room(tmp_path: Path) -> None:
    app = FastAPI()
    app.add_api_route("/me", hosts)
    accounts_on(app, tmp_path, prefix="/accounts/v1")
    with TestClient(app) as client:
        assert client.get("/me").json() == "the host's"
        assert client.get("/accounts/v1/me").status_code == 401


NO_PATHS = ["auth", "/auth/", "/", "auth/", "//a", "/a//b", "/a?x", "/a#b", "/a%20b", "/a b", "/ä", "/a\n"]
NOT_AS_WRITTEN = ["/..", "/../a", "/a/..", "/a/./b", "/."]
WILDCARDS = ["/{tenant}", "/{id:path}", "/{x}/{x}", "/a{x}", "/}"]


@pytest.mark.parametrize("prefix", [*NO_PATHS, *NOT_AS_WRITTEN, *WILDCARDS, None, b"/auth"])
def test_a_prefix_is_empty_or_the_beginning_of_a_path(prefix: Any, tmp_path: Path) -> None:
    with pytest.raises(StartRefused, match=r'^prefix= is "" or a path .* such as "/auth"'):
        accounts_on(FastAPI(), tmp_path, prefix)


@pytest.mark.parametrize("prefix", ["", "/auth", "/accounts/v1.2", "/~me/-_", "/.well-known", "/...", "/A"])
def test_under_such_a_prefix_the_routes_are_reached(prefix: str, tmp_path: Path) -> None:
    app = FastAPI()
    accounts_on(app, tmp_path, prefix)
    with TestClient(app) as client:
        assert client.get(f"{prefix}/me").status_code == 401


def test_one_application_has_one_coatcheck(tmp_path: Path) -> None:
    app = FastAPI()
    accounts_on(app, tmp_path)
    with pytest.raises(StartRefused, match="twice"):
        accounts_on(app, tmp_path, prefix="/other")
