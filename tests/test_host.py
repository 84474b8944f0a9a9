"""A host adds `Coatcheck(app)` to an application that has everything already, and keeps all of it."""

import logging
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI, Request, WebSocket
from fastapi.exceptions import RequestValidationError
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import JSONResponse, PlainTextResponse
from fastapi.testclient import TestClient
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.testclient import WebSocketDenialResponse

from coatcheck import Coatcheck, CurrentUser, NotFound, OptionalUser, Problem, Settings
from tests.support.app import CHEAP
from tests.support.person import PASSWORD

ENV = "COATCHECK_PASSWORD_MIN_LENGTH=10\nDATABASE_URL=postgresql://host:secret@db/host\nDEBUG=1\nSECRET_KEY=hosts\n"
CREDENTIALS = {"username": "alice", "password": "a long enough one"}


class Order(BaseModel):
    pieces: int


class OutOfStock(Exception):
    pass


class Host(FastAPI):
    """Somebody's application; `told` is what happened in it, in order."""

    def __init__(self) -> None:
        super().__init__(title="Orders", lifespan=self.own_lifespan, docs_url="/manual")
        self.told: list[str] = []
        self.add_middleware(CORSMiddleware, allow_origins=["https://shop.example"])
        self.middleware("http")(self.stamp)
        self.exception_handler(OutOfStock)(self.say_sold_out)
        self.exception_handler(RequestValidationError)(self.say_wrong)
        self.exception_handler(HTTPException)(self.say_status)
        self.get("/health")(self.health)
        self.post("/orders")(self.order)
        self.get("/missing")(self.missing)

    @asynccontextmanager
    async def own_lifespan(self, _: FastAPI) -> AsyncGenerator[dict[str, Any]]:
        """Needs accounts at its start and at its end."""
        self.told.append(f"starts with {await self.accounts()}")
        yield {"stock": 3}
        self.told.append(f"ends with {await self.accounts()}")

    async def accounts(self) -> str:
        account = await self.state.coatcheck.find_account("alice")
        return "nobody" if account is None else str(account.username)

    async def stamp(self, request: Request, call_next: Any) -> Any:
        answer = await call_next(request)
        answer.headers["X-Host"] = f"stock {request.state.stock}"
        return answer

    async def say_sold_out(self, *_: Any) -> JSONResponse:
        return JSONResponse({"sold": "out"}, 409)

    async def say_wrong(self, *_: Any) -> PlainTextResponse:
        return PlainTextResponse("the host's 422", 422)

    async def say_status(self, _: Request, error: HTTPException) -> PlainTextResponse:
        return PlainTextResponse(f"the host's {error.status_code}", error.status_code)

    async def health(self) -> str:
        return "the host is well"

    async def order(self, order: Order, user: CurrentUser) -> str:
        if order.pieces > 3:
            raise OutOfStock
        return f"{user.username} gets {order.pieces}"

    async def missing(self) -> None:
        raise NotFound


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / ".env").write_text(ENV)
    return tmp_path


@pytest.fixture
def app(folder: Path) -> Host:
    app = Host()
    Coatcheck(app, Settings.read(folder, **CHEAP))
    return app


@pytest.fixture
def client(app: Host) -> Iterator[TestClient]:
    with TestClient(app) as client:
        client.post("/auth/register", json=CREDENTIALS).raise_for_status()
        token = client.post("/auth/login", json=CREDENTIALS).json()["access_token"]
        client.headers["Authorization"] = f"Bearer {token}"
        yield client


def test_the_ten_lines_work_in_it(client: TestClient) -> None:
    answer = client.post("/orders", json={"pieces": 2})
    assert (answer.status_code, answer.json()) == (200, "alice gets 2")
    assert client.get("/auth/me").json()["username"] == "alice"


def test_its_lifespan_finds_the_accounts_open_from_first_to_last(app: Host) -> None:
    with TestClient(app) as client:
        client.post("/auth/register", json=CREDENTIALS)
        assert app.told == ["starts with nobody"]
    assert app.told == ["starts with nobody", "ends with alice"]
    with TestClient(app):  # and once more
        assert app.told[2:] == ["starts with alice"]


def test_its_middleware_and_its_state_reach_our_routes_too(client: TestClient) -> None:
    assert client.get("/auth/me").headers["X-Host"] == "stock 3"
    assert client.get("/health").headers["X-Host"] == "stock 3"


def test_its_exception_handlers_answer_what_was_theirs(client: TestClient) -> None:
    assert client.post("/orders", json={"pieces": 4}).json() == {"sold": "out"}
    assert client.post("/orders", json={"pieces": "many"}).text == "the host's 422"
    assert client.get("/nowhere").text == "the host's 404"
    assert client.put("/orders").text == "the host's 405"
    assert client.put("/auth/login").text == "the host's 405"


def test_our_refusals_are_worded_by_us(client: TestClient) -> None:
    for answer in (
        client.post("/orders", json={"pieces": 2}, headers={"Authorization": "Bearer forged"}),
        client.post("/auth/register", json={"username": "bob", "password": "short"}),
        client.post("/auth/register", json={"username": 1}),
        client.get("/missing"),
    ):
        assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("first", [True, False])
def test_its_own_wording_of_our_refusals_stays_wherever_it_stands(first: bool, folder: Path) -> None:
    app = FastAPI()

    async def mine(_: Request, problem: Exception) -> JSONResponse:
        return JSONResponse({"mine": str(problem)}, 418)

    if first:
        app.add_exception_handler(Problem, mine)
    Coatcheck(app, Settings.read(folder, **CHEAP))
    if not first:
        app.add_exception_handler(Problem, mine)
    with TestClient(app) as client:
        assert client.get("/auth/me").status_code == 418


def test_its_health_its_docs_and_its_cors_stay(client: TestClient) -> None:
    assert client.get("/health").json() == "the host is well"
    assert client.get("/auth/health").status_code == 404
    assert client.get("/manual").status_code == 200
    assert client.get("/docs").status_code == 404
    answer = client.get("/auth/me", headers={"Origin": "https://shop.example"})
    assert answer.headers["access-control-allow-origin"] == "https://shop.example"


def test_its_lines_of_the_dotenv_file_are_nobody_elses(app: Host, client: TestClient) -> None:
    settings: Settings = app.state.coatcheck.settings
    assert settings.password_min_length == 10
    assert settings.database_url == "sqlite:///data/coatcheck.db"
    assert settings.secret is None


def test_nothing_is_logged_for_it(client: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        client.get("/health")
        client.get("/auth/me")
    assert [record for record in caplog.records if record.name.startswith("coatcheck")] == []


def test_a_host_that_fails_to_start_fails_with_its_own_error(folder: Path) -> None:
    @asynccontextmanager
    async def failing(_: FastAPI) -> AsyncGenerator[None]:
        raise OSError("the host's own")
        yield

    app = FastAPI(lifespan=failing)
    Coatcheck(app, Settings.read(folder, **CHEAP))
    with pytest.raises(OSError, match="the host's own"), TestClient(app):
        pass
    assert not (folder / "data" / "coatcheck.db-wal").exists()  # closed: SQLite has cleared up behind us


def websockets_on(app: FastAPI) -> None:
    @app.websocket("/chat")
    async def chat(socket: WebSocket, user: CurrentUser) -> None:
        await socket.accept()
        await socket.send_text(f"Hello {user.username}")
        await socket.close()

    @app.websocket("/lobby")
    async def lobby(socket: WebSocket, user: OptionalUser) -> None:
        await socket.accept()
        await socket.send_text(user.username if user else "nobody")
        await socket.close()


def test_a_websocket_knows_its_user(app: Host, client: TestClient) -> None:
    websockets_on(app)
    with client.websocket_connect("/chat") as socket:
        assert socket.receive_text() == "Hello alice"
    with client.websocket_connect("/lobby", headers={"Authorization": ""}) as socket:
        assert socket.receive_text() == "nobody"


@pytest.mark.parametrize(("path", "sent"), [("/chat", ""), ("/chat", "Bearer forged"), ("/lobby", "Bearer forged")])
def test_a_websocket_refuses_who_is_not_signed_in(app: Host, client: TestClient, path: str, sent: str) -> None:
    websockets_on(app)
    with (
        pytest.raises(WebSocketDenialResponse) as refusal,
        client.websocket_connect(path, headers={"Authorization": sent}),
    ):
        pass
    assert refusal.value.status_code == 401
    assert refusal.value.json()["title"]


def test_two_apps_in_one_process_do_not_meet(tmp_path: Path) -> None:
    clients: list[TestClient] = []
    for name in ("one", "other"):
        app = FastAPI()
        (tmp_path / name).mkdir()
        Coatcheck(app, Settings.read(tmp_path / name, **CHEAP))
        clients.append(TestClient(app))
    one, other = clients
    with one, other:
        body = {"username": "alice", "password": PASSWORD}
        assert one.post("/auth/register", json=body).json()["id"] == 1
        assert other.post("/auth/login", json=body).status_code == 401
        assert other.post("/auth/register", json=body).json()["id"] == 1
        token = one.post("/auth/login", json=body).json()["access_token"]
        assert one.get("/auth/me", headers={"Authorization": f"Bearer {token}"}).status_code == 200
        assert other.get("/auth/me", headers={"Authorization": f"Bearer {token}"}).status_code == 401
