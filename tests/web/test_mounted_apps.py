"""A bad token in an application that is mounted in ours is refused there, and is no mistake of the server's."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
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

from coatcheck import CurrentUser, Forbidden, Problem, problem_details
from tests.web.test_neighbours import accounts_on


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


def answer_to_a_bad_token(app: FastAPI) -> int:
    with TestClient(app, raise_server_exceptions=False) as client:
        return client.get("/sub/hello", headers={"Authorization": "Bearer forged"}).status_code


def test_also_in_one_that_is_mounted_by_the_hosts_own_start(tmp_path: Path) -> None:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncGenerator[None]:
        app.mount("/sub", protected())
        yield

    app = FastAPI(lifespan=lifespan)
    accounts_on(app, tmp_path, "/auth")
    assert answer_to_a_bad_token(app) == 401


def test_also_in_one_that_has_answered_before(tmp_path: Path) -> None:
    app, sub = FastAPI(), protected()
    assert TestClient(sub).get("/nowhere").status_code == 404
    accounts_on(app, tmp_path, "/auth")
    app.mount("/sub", sub)
    assert answer_to_a_bad_token(app) == 401


def test_one_that_is_not_found_is_helped_by_problem_details(tmp_path: Path) -> None:
    app, sub = FastAPI(), protected()

    async def wrapped(scope: Any, receive: Any, send: Any) -> None:
        await sub(scope, receive, send)

    accounts_on(app, tmp_path, "/auth")
    app.mount("/sub", wrapped)
    assert answer_to_a_bad_token(app) == 500
    problem_details(sub)
    sub.middleware_stack = None
    assert answer_to_a_bad_token(app) == 401


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
