"""Who is signed in, in an application of somebody's own."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import APIRouter, Depends, FastAPI
from fastapi.testclient import TestClient
from pydantic import BaseModel

from coatcheck import Coatcheck, CurrentUser, OptionalUser, Route, Settings, current_user
from tests.support.app import CHEAP
from tests.support.person import Person


class Item(BaseModel):
    name: str


def make_host(folder: Path) -> FastAPI:
    app = FastAPI()
    Coatcheck(app, Settings.read(folder, **CHEAP), prefix="")

    @app.get("/hello")
    async def hello(user: CurrentUser) -> str:
        return f"Hello {user.username}"

    @app.get("/maybe")
    async def maybe(user: OptionalUser) -> str:
        return user.username if user else "nobody"

    strict = APIRouter(route_class=Route)

    @strict.post("/signature")
    async def signature(item: Item, user: CurrentUser) -> str:
        return user.username

    on_router = APIRouter(route_class=Route, dependencies=[Depends(current_user)])

    @on_router.post("/router")
    async def router(item: Item) -> str:
        return item.name

    open_by_itself = APIRouter(route_class=Route)

    @open_by_itself.post("/included")
    async def included(item: Item) -> str:
        return item.name

    app.include_router(strict)
    app.include_router(on_router)
    app.include_router(open_by_itself, dependencies=[Depends(current_user)])
    app.include_router(open_by_itself, prefix="/open")
    sub = FastAPI()
    sub.get("/hello")(hello)
    app.mount("/sub", sub)
    return app


@pytest.fixture
def host(tmp_path: Path) -> Iterator[TestClient]:
    with TestClient(make_host(tmp_path)) as client:
        yield client


def test_the_ten_lines_greet(host: TestClient) -> None:
    person = Person(host)
    assert person.get("/hello").json() == f"Hello {person.username}"
    assert host.get("/hello").status_code == 401


def test_an_optional_user_may_be_nobody_but_not_a_forger(host: TestClient) -> None:
    person = Person(host)
    assert host.get("/maybe").json() == "nobody"
    assert person.get("/maybe").json() == person.username
    assert person.get("/maybe", token="forged").status_code == 401


@pytest.mark.parametrize("path", ["/signature", "/router", "/included"])
def test_the_token_is_checked_before_the_body_wherever_the_dependency_stands(host: TestClient, path: str) -> None:
    assert host.post(path, content=b"{broken").status_code == 401
    person = Person(host)
    answer = person.post(path, content=b"{broken", headers={"Content-Type": "application/json"})
    assert answer.status_code == 422


def test_a_router_that_is_included_twice_is_protected_where_it_says(host: TestClient) -> None:
    assert host.post("/open/included", json={"name": "x"}).json() == "x"


@pytest.mark.parametrize("path", ["/signature", "/router", "/included"])
def test_an_override_takes_the_checks_place(tmp_path: Path, path: str) -> None:
    app = make_host(tmp_path)

    class Somebody:
        username = "somebody"

    app.dependency_overrides[current_user] = Somebody
    with TestClient(app) as client:
        assert client.post(path, json={"name": "x"}).status_code == 200


def test_a_mounted_app_finds_its_coatcheck(host: TestClient) -> None:
    person = Person(host)
    assert person.get("/sub/hello").json() == f"Hello {person.username}"


def test_without_a_coatcheck_the_error_says_which_call_is_missing() -> None:
    app = FastAPI()

    @app.get("/")
    async def home(user: CurrentUser) -> str:
        return user.username

    with pytest.raises(RuntimeError, match=r"call Coatcheck\(app\)"):
        TestClient(app).get("/")


def test_fastapi_still_names_its_effective_route_as_we_read_it(host: TestClient) -> None:
    """`Route` reads scope["fastapi"]["effective_route_context"]; FastAPI may move it one day."""
    seen: list[Any] = []
    app = host.app

    async def watching(scope: Any, receive: Any, send: Any) -> None:
        await app(scope, receive, send)
        seen.append(scope)

    TestClient(watching).post("/included", json={"name": "x"})
    assert seen[-1]["fastapi"]["effective_route_context"].dependant.dependencies


@pytest.mark.parametrize("url", ["sqlite", "postgresql"])
def test_ten_requests_without_a_lifespan_each_in_a_loop_of_its_own(
    tmp_path: Path, url: str, request: pytest.FixtureRequest
) -> None:
    """Starlette's TestClient without `with` gives every request a new event loop and closes it."""
    database_url = f"sqlite:///{tmp_path / 'test.db'}"
    if url == "postgresql":
        cluster = request.getfixturevalue("cluster")
        database_url = cluster.url(cluster.new_database())
    app = FastAPI()
    Coatcheck(app, Settings.read(tmp_path, **CHEAP, database_url=database_url), prefix="")
    client = TestClient(app)
    person = Person(client)
    for _ in range(10):
        assert person.get("/me").status_code == 200
