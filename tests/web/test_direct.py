"""An endpoint that needs nothing but the user is answered without FastAPI's solver, and nobody can tell."""

from dataclasses import dataclass
from typing import Annotated, Any

import pytest
from fastapi import APIRouter, BackgroundTasks, Depends, FastAPI, Header, Query, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse
from fastapi.routing import APIRoute, iter_route_contexts
from fastapi.testclient import TestClient
from pydantic import BaseModel, Field

from coatcheck import Route

done: list[str] = []


class Shown(BaseModel):
    name: str = Field(alias="Name", default="x")
    size: int | None = None


@dataclass
class Row:
    name: str
    secret: str = "hidden"


class NameOnly(BaseModel):
    name: str


@dataclass
class ShownRow:
    name: str


def make(route_class: type[APIRoute]) -> FastAPI:
    app = FastAPI()
    router = APIRouter(route_class=route_class)

    @router.get("/model")
    async def model() -> Shown:
        return Shown()

    @router.get("/filtered", response_model=NameOnly)
    async def filtered() -> Row:
        return Row("a")

    @router.get("/list", status_code=203)
    async def many(response: Response) -> list[ShownRow]:
        response.headers["X-Own"] = "yes"
        response.set_cookie("a", "b")
        return [ShownRow("a"), ShownRow("b")]

    @router.get("/query")
    async def query(a: int = 1, b: Annotated[str, Query(max_length=3)] = "b") -> list[Any]:
        return [a, b]

    @router.get("/query-object")
    async def query_object(a: int = Query(5)) -> int:
        return a

    @router.get("/needed")
    async def needed(a: int) -> int:
        return a

    @router.get("/own-response")
    async def own_response() -> Response:
        return PlainTextResponse("text")

    @router.get("/response-class", response_class=PlainTextResponse)
    async def response_class() -> str:
        return "text"

    @router.get("/json-class", response_class=JSONResponse)
    async def json_class() -> dict[str, int]:
        return {"a": 1}

    @router.get("/without-nulls", response_model_exclude_none=True)
    async def without_nulls() -> Shown:
        return Shown()

    @router.get("/untyped")
    async def untyped():  # type: ignore[no-untyped-def]
        return {"a": 1}

    @router.get("/header")
    async def header(x_a: Annotated[str, Header()] = "none") -> str:
        return x_a

    @router.get("/background")
    async def background(tasks: BackgroundTasks) -> str:
        tasks.add_task(done.append, route_class.__name__)
        return "started"

    @router.get("/dependency")
    async def dependency(value: Annotated[int, Depends(lambda: 7)]) -> int:
        return value

    @router.get("/thread")
    def thread() -> str:
        return "thread"

    @router.get("/path")
    async def path(request: Request) -> str:
        return request.url.path

    @router.delete("/nothing", status_code=204)
    async def nothing() -> None: ...

    app.include_router(router)
    app.include_router(router, prefix="/again")
    return app


PATHS = [
    "/model",
    "/filtered",
    "/list",
    "/query",
    "/query?a=2",
    "/query?a=2&b=abc",
    "/query-object",
    "/query-object?a=6",
    "/needed?a=1",
    "/own-response",
    "/response-class",
    "/json-class",
    "/without-nulls",
    "/untyped",
    "/header",
    "/background",
    "/dependency",
    "/thread",
    "/path",
]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("prefix", ["", "/again"])
def test_it_answers_as_fastapi_does(prefix: str, path: str) -> None:
    ours, theirs = (TestClient(make(kind)).get(prefix + path) for kind in (Route, APIRoute))
    assert (ours.status_code, ours.content) == (theirs.status_code, theirs.content)
    headers = dict(ours.headers)
    assert (headers.pop("cache-control"), headers.pop("x-content-type-options")) == ("no-store", "nosniff")
    assert headers == dict(theirs.headers)


def test_no_content_has_no_body_and_no_media_type() -> None:
    answer = TestClient(make(Route)).delete("/nothing")
    assert (answer.status_code, answer.content) == (204, b"")
    assert "content-type" not in answer.headers


def test_background_tasks_run() -> None:
    done.clear()
    TestClient(make(Route)).get("/background")
    assert done == ["Route"]


@pytest.mark.parametrize("path", ["/query?a=x", "/query?b=long", "/needed"])
def test_a_query_is_still_validated(path: str) -> None:
    app = make(Route)
    with pytest.raises(Exception, match="not acceptable"):
        TestClient(app).get(path)


def test_a_dependency_of_the_including_router_runs() -> None:
    def refuse() -> None:
        raise PermissionError

    app = FastAPI()
    router = APIRouter(route_class=Route)

    @router.get("/x")
    async def x() -> str:
        return "x"

    app.include_router(router, dependencies=[Depends(refuse)])
    app.include_router(router, prefix="/open")
    with pytest.raises(PermissionError):
        TestClient(app).get("/x")
    assert TestClient(app).get("/open/x").json() == "x"


def test_a_result_that_does_not_fit_the_model_is_our_mistake() -> None:
    app = FastAPI()
    app.router.route_class = Route

    @app.get("/x")
    async def x() -> int:
        return "not a number"  # type: ignore[return-value]

    assert TestClient(app, raise_server_exceptions=False).get("/x").status_code == 500


@pytest.mark.parametrize(
    ("path", "plain"), [("/model", True), ("/list", True), ("/query", True), ("/header", False), ("/thread", False)]
)
def test_the_plain_ones_are_answered_directly(path: str, plain: bool) -> None:
    """Else all of the above would compare FastAPI with itself."""
    app = make(Route)
    TestClient(app).get(path)
    (route,) = (context.original_route for context in iter_route_contexts(app.routes) if context.path == path)
    assert isinstance(route, Route)
    assert [plan.direct is not None for plan in route._plans.values()] == [plain]
