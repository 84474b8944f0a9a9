"""A host does unusual things with its routes; nobody gets in by them, and nothing breaks."""

import asyncio
import functools
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Annotated, Any

import pytest
from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.requests import HTTPConnection
from fastapi.responses import StreamingResponse
from fastapi.testclient import TestClient
from pydantic import BaseModel

from coatcheck import Coatcheck, CurrentUser, Forbidden, Route, Settings, current_user, optional_user
from coatcheck.web import Client
from tests.support.app import CHEAP
from tests.support.person import PASSWORD, Person

NOWHERE = Client(None, "")


def accounts_on(app: FastAPI, folder: Path, **settings: Any) -> Coatcheck:
    folder.mkdir(exist_ok=True)
    return Coatcheck(app, Settings.read(folder, **{**CHEAP, **settings}))


class AuthClient(TestClient):
    """A client whose /register and /login are under /auth."""

    def post(self, url: Any, **options: Any) -> Any:
        return super().post(f"/auth{url}" if url in {"/register", "/login"} else url, **options)


class Body(BaseModel):
    name: str = "none"


@functools.wraps(current_user)
async def admin_only(request: HTTPConnection) -> Any:
    """A stricter dependency that wraps ours, and so has its attributes."""
    user = await current_user(request)
    if user.username != "admin":
        raise Forbidden
    return user


async def boss(user: CurrentUser) -> str:
    return user.username


@pytest.fixture
def host(tmp_path: Path) -> Iterator[AuthClient]:
    app = FastAPI()
    accounts_on(app, tmp_path)
    router = APIRouter(route_class=Route)

    @router.get("/stricter")
    async def stricter(user: Annotated[Any, Depends(admin_only)]) -> str:
        return str(user.username)

    @router.get("/stricter-router", dependencies=[Depends(admin_only)])
    async def stricter_router() -> str:
        return "in"

    @router.get("/stream")
    async def stream(user: CurrentUser) -> StreamingResponse:
        async def pieces() -> AsyncIterator[str]:
            yield "piece"

        return StreamingResponse(pieces(), media_type="text/plain")

    @router.post("/optional")
    async def optional(body: Body | None = None) -> str:
        return body.name if body else "nothing"

    @router.get("/boss")
    async def as_boss(name: Annotated[str, Depends(boss)]) -> str:
        return name

    app.include_router(router)
    with AuthClient(app) as client:
        yield client


@pytest.mark.parametrize("path", ["/stricter", "/stricter-router"])
def test_a_stricter_dependency_that_wraps_ours_is_not_taken_for_ours(host: AuthClient, path: str) -> None:
    assert host.get(path).status_code == 401
    assert Person(host).get(path).status_code == 403
    assert Person(host, "admin").get(path).status_code == 200


def test_a_stream_is_answered(host: AuthClient) -> None:
    answer = Person(host).get("/stream")
    assert (answer.status_code, answer.text, answer.headers["content-type"]) == (
        200,
        "piece",
        "text/plain; charset=utf-8",
    )


def test_a_body_that_may_be_left_out_may_be_left_out(host: AuthClient) -> None:
    assert host.post("/optional").json() == "nothing"
    assert host.post("/optional", json={"name": "x"}).json() == "x"
    assert host.post("/optional", content=b"{", headers={"Content-Type": "application/json"}).status_code == 422


def test_what_an_overridden_dependency_asks_for_is_not_asked(host: AuthClient) -> None:
    assert host.get("/boss").status_code == 401
    host.app.dependency_overrides[boss] = lambda: "somebody"  # type: ignore[attr-defined]
    assert host.get("/boss").json() == "somebody"


def test_a_mounted_app_with_accounts_of_its_own_has_users_of_its_own(tmp_path: Path) -> None:
    """Mallory is number 1 outside; the admin is number 1 inside."""
    outer, inner = FastAPI(), FastAPI()
    accounts_on(inner, tmp_path / "inner")
    outer.mount("/in", inner)

    @outer.middleware("http")
    async def look(request: Request, call_next: Any) -> Any:
        await optional_user(request)
        return await call_next(request)

    accounts_on(outer, tmp_path / "outer")
    with AuthClient(outer) as client:
        assert (
            client.request("POST", "/in/auth/register", json={"username": "admin", "password": PASSWORD}).status_code
            == 201
        )
        mallory = Person(client, "mallory")
        assert mallory.get("/auth/me").json()["username"] == "mallory"
        assert mallory.get("/in/auth/me").status_code == 401


def test_an_app_mounted_on_a_router_that_is_included_keeps_its_routes(tmp_path: Path) -> None:
    app, sub, router = FastAPI(), FastAPI(), APIRouter()
    accounts_on(sub, tmp_path)
    router.mount("/sub", sub)
    app.include_router(router)
    with TestClient(app) as client:
        assert client.post("/sub/auth/register", json={"username": "a", "password": PASSWORD}).status_code == 201


def test_first_requests_in_several_threads_open_once(tmp_path: Path) -> None:
    app = FastAPI()
    accounts_on(app, tmp_path)
    statuses: list[int] = []

    def ask() -> None:
        statuses.append(TestClient(app).get("/auth/me").status_code)

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert statuses == [401] * 6


def test_a_database_that_is_not_there_at_the_first_request_is_a_503(tmp_path: Path) -> None:
    app = FastAPI()
    accounts_on(app, tmp_path, database_url="postgresql://nobody@127.0.0.1:1/nothing")
    answer = TestClient(app).get("/auth/me")
    assert (answer.status_code, answer.headers["content-type"]) == (503, "application/problem+json")
    assert int(answer.headers["retry-after"]) > 0


def test_a_disabled_account_that_is_enabled_again_has_no_sessions_left(host: AuthClient) -> None:
    person = Person(host)
    coatcheck: Coatcheck = host.app.state.coatcheck  # type: ignore[attr-defined]
    assert host.portal is not None
    assert host.portal.call(coatcheck.disable_account, person.id)
    assert person.get("/auth/me").status_code == 401
    assert host.portal.call(coatcheck.enable_account, person.id)
    assert person.get("/auth/me").status_code == 401
    assert person.get("/auth/me", token=person.log_in()).status_code == 200


async def test_a_session_that_ends_while_its_password_is_checked_changes_nothing(tmp_path: Path) -> None:
    app = FastAPI()
    coatcheck = accounts_on(app, tmp_path)
    await coatcheck.open()
    account = await coatcheck.create_account("alice", PASSWORD)
    user = await coatcheck.sessions.user(
        (await coatcheck.login.log_in("alice", PASSWORD, NOWHERE)).access.access_token
    )
    changing = asyncio.create_task(coatcheck.me.change_password(user, PASSWORD, "another password", NOWHERE))
    await asyncio.sleep(0)
    await coatcheck.end_sessions(account.id)
    with pytest.raises(Exception, match="not valid, or no longer"):
        await changing
    assert (await coatcheck.login.log_in("alice", PASSWORD, NOWHERE)) is not None
    await coatcheck.close()


def test_only_the_health_endpoints_answer_under_any_name(tmp_path: Path) -> None:
    app = FastAPI()
    settings = Settings.read(
        tmp_path,
        environment="production",
        secret="AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8",
        issuer="https://todos.example",
    )
    coatcheck = Coatcheck(app, settings, health=True)
    coatcheck.migrations.upgrade()
    router = APIRouter(route_class=Route)

    @router.get("/files/{name:path}")
    async def file(name: str) -> str:
        return name

    app.include_router(router)
    with TestClient(app, base_url="http://evil.example") as client:
        assert client.get("/auth/health").status_code == 200
        assert client.get("/files/a").status_code == 421
        assert client.get("/files/a/health").status_code == 421
