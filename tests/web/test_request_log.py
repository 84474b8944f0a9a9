"""One JSON line a request, also where something goes wrong."""

import asyncio
import json
import logging
from io import StringIO
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from coatcheck import problem_details, request_log
from coatcheck.web.request_log import LOGGER, RequestLog


def make() -> FastAPI:
    app = FastAPI()
    request_log(app)
    problem_details(app)

    @app.get("/fine/{name}")
    async def fine(name: str) -> str:
        return name

    @app.get("/mistake")
    async def mistake() -> None:
        raise RuntimeError

    return app


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_each_request_has_one_line_under_the_id_of_its_answer(capsys: pytest.CaptureFixture[str]) -> None:
    with TestClient(make(), raise_server_exceptions=False) as client:
        paths = ["/fine/a", "/fine/%22%0a", "/nowhere?q=hidden", "/mistake", "/fine/last"]
        answers = [client.get(path) for path in paths]
    found = lines(capsys)
    assert [line["request_id"] for line in found] == [answer.headers["x-request-id"] for answer in answers]
    assert [line["status"] for line in found] == [200, 200, 404, 500, 200]
    assert [line["path"] for line in found] == [path.partition("?")[0] for path in paths]


def test_many_at_once_lose_no_line(capsys: pytest.CaptureFixture[str]) -> None:
    app = make()

    async def receive() -> Any:
        return {"type": "http.request"}

    async def send(_: Any) -> None:
        await asyncio.sleep(0)

    async def ask(number: int) -> None:
        path = f"/fine/{number}"
        scope = {"type": "http", "method": "GET", "path": path, "query_string": b"", "headers": []}
        await app(scope, receive, send)

    async def all_at_once() -> None:
        await asyncio.gather(*(ask(number) for number in range(200)))

    asyncio.run(all_at_once())
    assert sorted(line["path"] for line in lines(capsys)) == sorted(f"/fine/{number}" for number in range(200))


def test_a_host_may_send_the_lines_elsewhere(capsys: pytest.CaptureFixture[str]) -> None:
    elsewhere = StringIO()
    handler = logging.StreamHandler(elsewhere)
    LOGGER.addHandler(handler)
    try:
        with TestClient(make()) as client:
            client.get("/fine/100%25s")
    finally:
        LOGGER.removeHandler(handler)
    (line,) = elsewhere.getvalue().splitlines()
    assert json.loads(line)["path"] == "/fine/100%25s"
    assert capsys.readouterr().err == ""


async def test_what_is_cut_off_by_a_stop_is_a_503(capsys: pytest.CaptureFixture[str]) -> None:
    async def never(*_: Any) -> None:
        await asyncio.Event().wait()

    scope = {"type": "http", "method": "GET", "path": "/x", "headers": []}
    task = asyncio.create_task(RequestLog(never)(scope, None, None))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.sleep(0)
    assert [line["status"] for line in lines(capsys)] == [503]


async def test_a_websocket_passes_without_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    passed: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        passed.append(scope)

    await RequestLog(app)({"type": "websocket"}, None, None)
    assert passed == [{"type": "websocket"}]
    assert capsys.readouterr().err == ""
