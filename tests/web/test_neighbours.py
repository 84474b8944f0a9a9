"""An application of somebody's own is in the way, or is mounted in another."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import JSONResponse
from fastapi.testclient import TestClient
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.routing import Mount

from coatcheck import Coatcheck, CurrentUser, Forbidden, Problem, Settings
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


def mounted_before(path: str) -> Callable[[FastAPI, Path], None]:
    def build(app: FastAPI, folder: Path) -> None:
        app.mount(path, FastAPI())
        accounts_on(app, folder)

    return build


def mounted_after(path: str) -> Callable[[FastAPI, Path], None]:
    def build(app: FastAPI, folder: Path) -> None:
        accounts_on(app, folder)
        app.mount(path, FastAPI())

    return build


@pytest.mark.parametrize(
    ("build", "taken"),
    [
        (before("/login", "POST"), "POST /login is taken: this application answers it by /login (hosts)"),
        (before("/{page}"), "GET /me is taken: this application answers it by /{page} (hosts)"),
        (after("/me"), "GET /me is taken: this application answers it by /me (hosts)"),
        (after("/me", "DELETE"), "DELETE /me is taken"),
        (mounted_before(""), "POST /register is taken: this application answers it by what is mounted at /"),
        (mounted_before("/me"), "PUT /me/password is taken: this application answers it by what is mounted at /me"),
    ],
)
def test_a_path_that_is_taken_is_refused_at_start(
    build: Callable[[FastAPI, Path], None], taken: str, tmp_path: Path
) -> None:
    app = FastAPI()
    build(app, tmp_path)
    with pytest.raises(NotStarted, match=f"^{re.escape(taken)}.*use prefix="), TestClient(app):
        pass


@pytest.mark.parametrize(
    "build", [before("/login"), after("/login"), after("/{page}"), after("/todos"), mounted_after("")]
)
def test_what_is_not_in_the_way_stays(build: Callable[[FastAPI, Path], None], tmp_path: Path) -> None:
    app = FastAPI()
    build(app, tmp_path)
    with TestClient(app) as client:
        assert client.get("/me").status_code == 401
        assert client.post("/login", json={"username": "x", "password": "y"}).status_code == 401


def test_a_prefix_makes_room(tmp_path: Path) -> None:
    app = FastAPI()
    app.add_api_route("/me", hosts)
    accounts_on(app, tmp_path, prefix="/accounts/v1")
    with TestClient(app) as client:
        assert client.get("/me").json() == "the host's"
        assert client.get("/accounts/v1/me").status_code == 401


@pytest.mark.parametrize("prefix", ["auth", "/auth/", "/", "auth/"])
def test_a_prefix_is_empty_or_the_beginning_of_a_path(prefix: str, tmp_path: Path) -> None:
    with pytest.raises(StartRefused, match=r'such as "/auth"'):
        accounts_on(FastAPI(), tmp_path, prefix)


def test_one_application_has_one_coatcheck(tmp_path: Path) -> None:
    app = FastAPI()
    accounts_on(app, tmp_path)
    with pytest.raises(StartRefused, match="twice"):
        accounts_on(app, tmp_path, prefix="/other")


def protected() -> FastAPI:
    sub = FastAPI()

    @sub.get("/hello")
    async def hello(user: CurrentUser) -> str:
        return user.username

    return sub


def directly(app: FastAPI, sub: Any) -> None:
    app.mount("/sub", sub)


def below_a_router(app: FastAPI, sub: Any) -> None:
    router = APIRouter()
    router.mount("/sub", sub)
    app.include_router(router)


def below_another_app(app: FastAPI, sub: Any) -> None:
    middle = FastAPI()
    middle.mount("/sub", sub)
    app.mount("/", middle)


def below_a_starlette_app(app: FastAPI, sub: Any) -> None:
    app.mount("/", Starlette(routes=[Mount("/sub", app=sub, middleware=[Middleware(GZipMiddleware)])]))


@pytest.mark.parametrize("with_lifespan", [True, False])
@pytest.mark.parametrize("mount", [directly, below_a_router, below_another_app, below_a_starlette_app])
def test_a_bad_token_in_a_mounted_app_is_a_401(mount: Any, with_lifespan: bool, tmp_path: Path) -> None:
    app = FastAPI()
    accounts_on(app, tmp_path, "/auth")
    mount(app, protected())
    client = TestClient(app)
    if with_lifespan:
        with client:
            answer = client.get("/sub/hello", headers={"Authorization": "Bearer forged"})
    else:
        answer = client.get("/sub/hello", headers={"Authorization": "Bearer forged"})
    assert (answer.status_code, answer.headers["content-type"]) == (401, "application/problem+json")
    assert answer.headers["www-authenticate"] == 'Bearer realm="coatcheck", error="invalid_token"'


def test_a_mounted_app_keeps_a_handler_of_its_own(tmp_path: Path) -> None:
    app, sub = FastAPI(), protected()

    @sub.exception_handler(Problem)
    async def mine(_: Request, problem: Problem) -> JSONResponse:
        return JSONResponse({"mine": problem.title}, 418)

    @sub.get("/refused")
    async def refused() -> None:
        raise Forbidden

    accounts_on(app, tmp_path, "/auth")
    app.mount("/sub", sub)
    with TestClient(app) as client:
        assert client.get("/sub/refused").json() == {"mine": "Not allowed"}
        assert client.get("/sub/hello").status_code == 418
