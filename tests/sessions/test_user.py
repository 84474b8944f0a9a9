"""A thief sends {"id": 1, "username": "admin"} as JSON: FastAPI drops the Depends of `CurrentUser | None`
and would read the user from the request body. So a User can never be read from a request."""

from typing import Optional

import pytest
from fastapi import FastAPI

from coatcheck import CurrentUser, OptionalUser, User

ANNOTATIONS = [
    CurrentUser | None,  # pyright: ignore[reportOperatorIssue]  pyright refuses it too
    Optional[CurrentUser],  # noqa: UP045  as people write it
    User,
    User | None,
    list[User],
]


@pytest.mark.parametrize("annotation", ANNOTATIONS)
def test_a_user_that_would_be_read_from_the_request_is_refused_at_import(annotation: object) -> None:
    async def endpoint(user) -> None:  # type: ignore[no-untyped-def]
        ...

    endpoint.__annotations__["user"] = annotation
    with pytest.raises(TypeError, match="OptionalUser"):
        FastAPI().post("/")(endpoint)


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
