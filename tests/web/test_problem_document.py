"""Every refusal of a whole app is a problem document, whoever refuses: Starlette, FastAPI, the host or we."""

import json
import re
from typing import Any

import pytest
from fastapi import APIRouter, FastAPI, HTTPException, WebSocket
from fastapi.testclient import TestClient
from pydantic import BaseModel
from starlette.responses import PlainTextResponse
from starlette.staticfiles import StaticFiles
from starlette.testclient import WebSocketDenialResponse
from starlette.websockets import WebSocketDisconnect

from coatcheck import (
    Forbidden,
    Problem,
    Route,
    TooManyRequests,
    Unauthorized,
    Unavailable,
    problem_details,
    request_log,
)
from coatcheck.web.body import TooLarge

MEMBERS = {"type", "title", "status", "detail", "instance"}


class Teapot(Problem):
    status = 418
    title = "A teapot"
    name = "teapot"
    detail = "It does not make coffee."
    headers = {"X-Pot": "short"}  # noqa: RUF012


RAISED: dict[str, Exception] = {
    "ours": Teapot(),
    "in-other-words": Forbidden("Ask the owner."),
    "too-many": TooManyRequests(45),
    "unavailable": Unavailable(7),
    "step-up": Unauthorized(error="insufficient_user_authentication"),
    "too-large": TooLarge(),
    "phrase": HTTPException(404),
    "said": HTTPException(409, "Two of them cannot be."),
    "unusual": HTTPException(451, "The court says so.", headers={"Link": "<x>"}),
    "not-modified": HTTPException(304, headers={"ETag": '"1"'}),
    "own-challenge": HTTPException(401, headers={"WWW-Authenticate": "Basic"}),
    "bare-401": HTTPException(401),
    "mistake": RuntimeError("secret123 in the message"),
}


class Thing(BaseModel):
    size: int


def make() -> FastAPI:
    app = FastAPI(redirect_slashes=False)
    router = APIRouter(route_class=Route)

    @app.get("/raise/{name}")
    async def fail(name: str) -> None:
        raise RAISED[name]

    @app.post("/plain")
    async def plain(thing: Thing) -> Thing:
        return thing

    @router.get("/both")
    @router.put("/both")
    async def both() -> dict[str, str]:
        return {}

    @app.post("/both")
    async def third() -> dict[str, str]:
        return {}

    @app.websocket("/early")
    async def early(_: WebSocket) -> None:
        raise Teapot

    @app.websocket("/late")
    async def late(websocket: WebSocket) -> None:
        await websocket.accept()
        raise Teapot

    app.include_router(router)
    app.mount("/files", StaticFiles(directory="tests/web"))
    app.mount("/other", PlainTextResponse("other"))
    problem_details(app)
    request_log(app)
    return app


@pytest.fixture
def client() -> TestClient:
    return TestClient(make(), raise_server_exceptions=False)


def document(answer: Any, status: int, name: str) -> dict[str, Any]:
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    found: dict[str, Any] = answer.json()
    assert found["type"] == f"urn:coatcheck:problem:{name}"
    assert found["status"] == status
    assert found.keys() - {"errors"} == MEMBERS
    assert found["instance"] == f"urn:uuid:{answer.headers['x-request-id']}"
    return found


def test_a_problem_brings_its_own_status_title_detail_and_headers(client: TestClient) -> None:
    answer = client.get("/raise/ours")
    assert document(answer, 418, "teapot")["title"] == "A teapot"
    assert answer.headers["x-pot"] == "short"
    assert document(client.get("/raise/in-other-words"), 403, "forbidden")["detail"] == "Ask the owner."


def test_the_seconds_to_wait_are_a_header_and_a_sentence(client: TestClient) -> None:
    answer = client.get("/raise/too-many")
    assert "45 seconds" in document(answer, 429, "too-many-requests")["detail"]
    assert answer.headers["retry-after"] == "45"
    answer = client.get("/raise/unavailable")
    document(answer, 503, "unavailable")
    assert answer.headers["retry-after"] == "7"


def test_a_401_always_has_exactly_one_challenge(client: TestClient) -> None:
    expected = {
        "step-up": 'Bearer realm="coatcheck", error="insufficient_user_authentication"',
        "own-challenge": "Basic",
        "bare-401": 'Bearer realm="coatcheck"',
    }
    for name, challenge in expected.items():
        answer = client.get(f"/raise/{name}")
        document(answer, 401, "unauthorized")
        assert answer.headers.get_list("www-authenticate") == [challenge]


def test_an_http_exception_keeps_what_a_host_says_and_not_the_bare_phrase(client: TestClient) -> None:
    assert document(client.get("/raise/phrase"), 404, "not-found")["detail"].endswith(".")
    assert document(client.get("/raise/said"), 409, "conflict")["detail"] == "Two of them cannot be."
    answer = client.get("/raise/unusual")
    assert document(answer, 451, "http-error")["detail"] == "The court says so."
    assert answer.headers["link"] == "<x>"


def test_what_is_no_error_is_no_problem(client: TestClient) -> None:
    answer = client.get("/raise/not-modified")
    assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", '"1"')


def test_a_mistake_of_ours_tells_nothing_but_its_id(client: TestClient) -> None:
    answer = client.get("/raise/mistake")
    assert "instance" in document(answer, 500, "internal-error")["detail"]
    assert "secret123" not in answer.text
    with pytest.raises(RuntimeError):  # whoever runs the app still gets it for the log
        TestClient(make()).get("/raise/mistake")


def test_unknown_paths_and_fastapis_own_validation_are_problems_too(client: TestClient) -> None:
    document(client.get("/nowhere"), 404, "not-found")
    document(client.get("/files/nothing"), 404, "not-found")
    found = document(client.post("/plain", json={"size": "secret123"}), 422, "invalid")
    assert found["errors"] == [{"pointer": "#/size", "detail": "This must be a whole number."}]


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("DELETE", "/both", {"GET", "PUT", "POST"}),
        ("DELETE", "/plain", {"POST"}),
        ("POST", "/files/test_route.py", {"GET", "HEAD"}),
        ("PUT", "/raise/ours", {"GET"}),
    ],
)
def test_405_names_the_methods_of_all_routes_at_the_address(
    method: str, path: str, allow: set[str], client: TestClient
) -> None:
    answer = client.request(method, path)
    document(answer, 405, "method-not-allowed")
    assert set(answer.headers["allow"].split(", ")) == allow


def test_a_websocket_that_is_refused_early_gets_the_document(client: TestClient) -> None:
    with pytest.raises(WebSocketDenialResponse) as denied, client.websocket_connect("/early"):
        pass
    assert denied.value.status_code == 418
    assert json.loads(denied.value.content)["type"] == "urn:coatcheck:problem:teapot"


def test_a_websocket_that_was_accepted_is_closed_with_the_title(client: TestClient) -> None:
    with client.websocket_connect("/late") as websocket, pytest.raises(WebSocketDisconnect) as closed:
        websocket.receive_text()
    assert (closed.value.code, closed.value.reason) == (1008, "A teapot")


def test_what_is_not_ascii_is_utf8() -> None:
    app = FastAPI()
    problem_details(app)

    @app.get("/")
    async def fail() -> None:
        raise Forbidden("Größe, “quoted”, 🎫.")

    answer = TestClient(app).get("/")
    assert answer.content.decode("utf-8").count("🎫") == 1
    assert answer.json()["detail"] == "Größe, “quoted”, 🎫."


@pytest.mark.parametrize("name", ["WWW-Authenticate", "www-authenticate", "Www-Authenticate"])
@pytest.mark.parametrize("kind", ["HTTPException", "Unauthorized"])
def test_b06_a_hosts_own_challenge_takes_the_place_of_ours(name: str, kind: str) -> None:
    """Two would be for the client to choose from."""
    app = FastAPI()
    problem_details(app)

    class Own(Unauthorized):
        headers = {name: "Basic"}  # noqa: RUF012

    @app.get("/")
    async def fail() -> None:
        raise HTTPException(401, headers={name: "Basic"}) if kind == "HTTPException" else Own()

    assert TestClient(app).get("/").headers.get_list("www-authenticate") == ["Basic"]


def kinds(root: type[Problem] = Problem) -> list[type[Problem]]:
    # HTTPProblem is made of an exception; the tests' own are not ours.
    found = [kind for kind in root.__subclasses__() if kind.__module__.startswith("coatcheck.")]
    return [*found, *(inner for kind in found for inner in kinds(kind))]


@pytest.mark.parametrize("kind", kinds(), ids=lambda kind: kind.__name__)
def test_every_problem_of_ours_has_a_name_of_its_own_and_a_whole_sentence(kind: type[Problem]) -> None:
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", kind.name)
    assert re.fullmatch(r"[A-Z].*[.]", kind.detail), kind.detail
    assert 400 <= kind.status <= 599
    twins = [other for other in kinds() if other.name == kind.name and other.status != kind.status]
    assert twins == []
