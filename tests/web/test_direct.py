"""An endpoint that needs only the user and a body is answered without FastAPI's solver, and nobody can tell."""

from dataclasses import dataclass
from typing import Annotated, Any

import pytest
from fastapi import APIRouter, BackgroundTasks, Body, Depends, FastAPI, Header, Query, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse
from fastapi.routing import APIRoute, iter_route_contexts
from fastapi.testclient import TestClient
from pydantic import BaseModel, ConfigDict, Field

from coatcheck import Route
from coatcheck.problems import Invalid

done: list[str] = []


class Shown(BaseModel):
    name: str = Field(alias="Name", default="x")
    size: int | None = None


@dataclass
class Row:
    name: str
    secret: str = "hidden"


class New(BaseModel):
    model_config = ConfigDict(extra="forbid")

    size: int = Field(alias="Size", validation_alias="size", ge=2)
    name: str = "x"


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

    @router.post("/body")
    async def body(new: New) -> New:
        return new

    @router.post("/body-and-query")
    async def body_and_query(new: New, request: Request, a: int = 1) -> list[Any]:
        return [new.size, a, (await request.json())["size"]]

    @router.post("/titled-body")
    async def titled_body(new: Annotated[New, Body(title="New")]) -> int:
        return new.size

    @router.post("/embedded")
    async def embedded(new: Annotated[New, Body(embed=True)]) -> int:
        return new.size

    @router.post("/two-bodies")
    async def two_bodies(new: New, other: New) -> int:
        return new.size + other.size

    @router.post("/optional-body")
    async def optional_body(new: New | None = None) -> int:
        return 0 if new is None else new.size

    @router.post("/list-body")
    async def list_body(new: list[New]) -> int:
        return len(new)

    @router.post("/number", status_code=202)
    async def number(size: Annotated[int, Body(ge=2)], response: Response) -> int:
        response.headers["X-Own"] = "yes"
        return size

    @router.post("/body-and-dependency")
    async def body_and_dependency(new: New, value: Annotated[int, Depends(lambda: 7)]) -> int:
        return new.size + value

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
BODIES: list[tuple[str, Any]] = [
    ("/body", {"size": 3}),
    ("/body", {"size": "3", "name": "y"}),
    ("/body-and-query", {"size": 3}),
    ("/body-and-query?a=5", {"size": 3}),
    ("/titled-body", {"size": 3}),
    ("/embedded", {"new": {"size": 3}}),
    ("/two-bodies", {"new": {"size": 3}, "other": {"size": 4}}),
    ("/optional-body", {"size": 3}),
    ("/optional-body", None),
    ("/list-body", [{"size": 3}]),
    ("/number", 3),
    ("/body-and-dependency", {"size": 3}),
]
MISTAKES: list[Any] = [
    {},
    {"size": 1},
    {"size": "x"},
    {"size": 3, "more": 1},
    {"size": 3, "name": 5},
    [],
    [{"size": 3}],
    "x",
    5,
    None,
]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("prefix", ["", "/again"])
def test_it_answers_as_fastapi_does(prefix: str, path: str) -> None:
    ours, theirs = (TestClient(make(kind)).get(prefix + path) for kind in (Route, APIRoute))
    assert (ours.status_code, ours.content) == (theirs.status_code, theirs.content)
    headers = dict(ours.headers)
    assert (headers.pop("cache-control"), headers.pop("x-content-type-options")) == ("no-store", "nosniff")
    assert headers == dict(theirs.headers)


@pytest.mark.parametrize(("path", "body"), BODIES)
@pytest.mark.parametrize("prefix", ["", "/again"])
def test_it_takes_a_body_as_fastapi_does(prefix: str, path: str, body: Any) -> None:
    ours, theirs = (TestClient(make(kind)).post(prefix + path, json=body) for kind in (Route, APIRoute))
    assert (ours.status_code, ours.content) == (theirs.status_code, theirs.content)
    assert ours.headers.get("x-own") == theirs.headers.get("x-own")


@pytest.mark.parametrize("body", MISTAKES)
def test_a_body_is_refused_with_the_same_mistakes(body: Any) -> None:
    """By what FastAPI's solver finds in an endpoint that needs it."""
    client = TestClient(make(Route))
    found: list[Any] = []
    for path in ("/body", "/body-and-dependency"):
        with pytest.raises(Invalid) as refused:
            client.post(path, json=body)
        found.append(refused.value.errors)
    assert found[0] == found[1]


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
    ("path", "plain"),
    [
        ("/model", True),
        ("/list", True),
        ("/query", True),
        ("/header", False),
        ("/thread", False),
        ("/body", True),
        ("/body-and-query", True),
        ("/titled-body", True),
        ("/embedded", False),
        ("/two-bodies", False),
        ("/optional-body", False),
        ("/list-body", False),
        ("/number", False),
        ("/body-and-dependency", False),
    ],
)
def test_the_plain_ones_are_answered_directly(path: str, plain: bool) -> None:
    """Else all of the above would compare FastAPI with itself."""
    app = make(Route)
    body = next((body for other, body in BODIES if other == path), None)
    TestClient(app).request("GET" if body is None else "POST", path, json=body)
    (route,) = (context.original_route for context in iter_route_contexts(app.routes) if context.path == path)
    assert isinstance(route, Route)
    assert [plan.direct is not None for plan in route._plans.values()] == [plain]
