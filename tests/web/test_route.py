"""`Route` for a host's own endpoints: what it takes over, and what it leaves as FastAPI has it."""

from collections.abc import AsyncIterator
from typing import Annotated

import pytest
from fastapi import APIRouter, Body, FastAPI, Response
from fastapi.responses import StreamingResponse
from fastapi.testclient import TestClient
from pydantic import BaseModel

from coatcheck import Route, problem_details


class Thing(BaseModel):
    name: str = "x"


def make() -> FastAPI:
    app = FastAPI()
    router = APIRouter(route_class=Route)

    @router.post("/json")
    async def takes_json(thing: Thing) -> Thing:
        return thing

    @router.post("/perhaps")
    async def perhaps(thing: Annotated[Thing | None, Body()] = None) -> Thing | None:
        return thing

    @router.post("/raw")
    async def raw() -> str:
        return "nothing taken"

    @router.get("/stream")
    async def stream() -> StreamingResponse:
        async def pieces() -> AsyncIterator[bytes]:
            yield b"a"
            yield b"b"

        return StreamingResponse(pieces(), media_type="text/plain")

    @router.get("/cached")
    async def cached(response: Response) -> str:
        response.headers["Cache-Control"] = "max-age=60"
        return "x"

    @router.delete("/gone", status_code=204)
    async def gone() -> None:
        return None

    app.include_router(router)
    problem_details(app)
    return app


@pytest.fixture
def client() -> TestClient:
    return TestClient(make())


def test_json_is_taken_strictly(client: TestClient) -> None:
    assert client.post("/json", json={"name": "y"}).json() == {"name": "y"}
    for body in (b'{"name": "a", "name": "b"}', b'{"name": "\\ud800"}', b"\xff"):
        answer = client.post("/json", content=body, headers={"Content-Type": "application/json"})
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "#")
    assert client.post("/json", content=b"{}").status_code == 415
    assert client.post("/json", content=b" " * 65_537).status_code == 413


def test_a_body_that_need_not_come_may_stay_away(client: TestClient) -> None:
    assert client.post("/perhaps").json() is None
    assert client.post("/perhaps", json={"name": "y"}).json() == {"name": "y"}
    assert client.post("/perhaps", content=b"{", headers={"Content-Type": "application/json"}).status_code == 422


def test_an_endpoint_without_a_body_does_not_mind_one(client: TestClient) -> None:
    assert client.post("/raw", content=b"[" * 100_000).json() == "nothing taken"


def test_answers_are_not_kept_by_caches_unless_the_endpoint_says_so(client: TestClient) -> None:
    answer = client.post("/json", json={})
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert client.get("/cached").headers.get_list("cache-control") == ["max-age=60"]


def test_a_stream_keeps_its_type_and_no_content_has_none(client: TestClient) -> None:
    answer = client.get("/stream")
    assert (answer.content, answer.headers["content-type"]) == (b"ab", "text/plain; charset=utf-8")
    answer = client.delete("/gone")
    assert (answer.status_code, answer.content) == (204, b"")
    assert "content-type" not in answer.headers


def test_without_a_coatcheck_it_is_for_everybody(client: TestClient) -> None:
    assert client.post("/json", json={}, headers={"Host": "evil.example", "X-Forwarded-For": "1"}).status_code == 200
