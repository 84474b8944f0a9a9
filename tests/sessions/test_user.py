"""A thief sends {"id": 1, "username": "admin"}: FastAPI drops the Depends of `CurrentUser | None` and would
read the user from the request body; of `Depends(User)` it would build one from the query and the body.
So a User can never be read from a request."""

from typing import Annotated, Any, Optional

import pytest
from fastapi import Body, Depends, FastAPI, Query, Security
from pydantic import create_model

from coatcheck import CurrentUser, OptionalUser, User


class Admin(User):
    """A host's own kind of user."""


ANNOTATIONS = [
    CurrentUser | None,  # pyright: ignore[reportOperatorIssue]  pyright refuses it too
    Optional[CurrentUser],  # noqa: UP045  as people write it
    User,
    User | None,
    list[User],
    dict[str, User],
    CurrentUser | int,  # pyright: ignore[reportOperatorIssue]
    Optional[OptionalUser],  # noqa: UP045
    Annotated[User, Body()],
    Annotated[User, Query()],
    Annotated[User, Depends()],
    Annotated[CurrentUser, Depends()],
    Annotated[Any, Depends(User)],
    Annotated[User, Security(User)],
    Annotated[Admin, Depends()],
    Admin,
]


@pytest.mark.parametrize("annotation", ANNOTATIONS)
def test_a_user_that_would_be_read_from_the_request_is_refused_at_import(annotation: object) -> None:
    async def endpoint(user) -> None:  # type: ignore[no-untyped-def]
        ...

    endpoint.__annotations__["user"] = annotation
    for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
        with pytest.raises(TypeError, match="OptionalUser"):
            FastAPI().api_route("/", methods=[method])(endpoint)


def test_a_default_does_not_let_it_in_either() -> None:
    async def endpoint(user=Depends(User)) -> None:  # type: ignore[no-untyped-def]
        ...

    with pytest.raises(TypeError, match="OptionalUser"):
        FastAPI().post("/")(endpoint)


def test_a_model_with_a_user_in_it_is_refused() -> None:
    with pytest.raises(TypeError, match="OptionalUser"):
        create_model("Order", buyer=User)


def test_answering_with_a_user_is_refused_with_what_to_do() -> None:
    async def endpoint(user: CurrentUser) -> User:
        return user

    with pytest.raises(TypeError, match="a model of your own"):
        FastAPI().get("/")(endpoint)


def test_the_two_right_spellings_are_accepted() -> None:
    app = FastAPI()

    @app.get("/one")
    async def one(user: CurrentUser) -> str:
        return user.username

    @app.get("/two")
    async def two(user: OptionalUser) -> str:
        return user.username if user else "nobody"
