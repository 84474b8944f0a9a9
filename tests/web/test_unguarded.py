"""A host writes a user where FastAPI does not see it. The route would be open to everybody, so it does not start."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fastapi import APIRouter, Depends, FastAPI
from fastapi.testclient import TestClient

from coatcheck import Coatcheck, CurrentUser, OptionalUser, Settings, User, current_user, optional_user
from coatcheck.problems import NotStarted
from tests.support.app import CHEAP


def started(folder: Path, add: Callable[[FastAPI], object]) -> None:
    app = FastAPI()
    Coatcheck(app, Settings.read(folder, **CHEAP))
    add(app)
    with TestClient(app):
        pass


def with_default(default: Any) -> Callable[..., Any]:
    async def endpoint(user=default) -> str:  # type: ignore[no-untyped-def]
        return str(user)

    return endpoint


@pytest.mark.parametrize("guard", [CurrentUser, OptionalUser, User, current_user, optional_user], ids=range(5))
def test_a_guard_as_a_default_is_refused(guard: Any, tmp_path: Path) -> None:
    with pytest.raises(NotStarted, match=r"^/mine is open to everybody.* Write user: CurrentUser"):
        started(tmp_path, lambda app: app.get("/mine")(with_default(guard)))


def test_so_it_is_on_an_included_router_and_in_a_dependency(tmp_path: Path) -> None:
    def add(app: FastAPI) -> None:
        router = APIRouter(prefix="/orders")

        @router.get("/mine", dependencies=[Depends(with_default(CurrentUser))])
        async def mine() -> str:
            return "everybody's"

        app.include_router(router)

    with pytest.raises(NotStarted, match=r"^/orders/mine is open to everybody"):
        started(tmp_path, add)


def test_so_it_is_in_a_mounted_application(tmp_path: Path) -> None:
    sub = FastAPI()
    sub.get("/mine")(with_default(CurrentUser))
    with pytest.raises(NotStarted, match=r"^/mine is open to everybody"):
        started(tmp_path, lambda app: app.mount("/sub", sub))


@pytest.mark.parametrize("name", ["CurrentUser", "OptionalUser"])
def test_a_guard_that_only_type_checkers_import_is_refused(name: str, tmp_path: Path) -> None:
    scope: dict[str, Any] = {}
    exec(f"async def endpoint(user: '{name}' = None): return user", scope)  # noqa: S102  as ruff's TC rules leave it
    with pytest.raises(NotStarted, match="Import it outside `if TYPE_CHECKING:`"):
        started(tmp_path, lambda app: app.get("/mine")(scope["endpoint"]))


def test_what_a_host_names_alike_is_its_own_affair(tmp_path: Path) -> None:
    def add(app: FastAPI) -> None:
        @app.get("/mine")
        async def mine(user: str = "nobody", name: str | None = None) -> str:
            return user

    started(tmp_path, add)
