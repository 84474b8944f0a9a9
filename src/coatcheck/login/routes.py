"""`POST /login`."""

from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from coatcheck.login.password import Login, WrongCredentials
from coatcheck.web import problem_responses


class Credentials(BaseModel):
    """A username and a password."""

    model_config = ConfigDict(extra="forbid")

    username: str = Field(examples=["alice"])
    password: str = Field(examples=["secret123"])


class AccessToken(BaseModel):
    """A bearer token: whoever holds it is let in (RFC 6750)."""

    access_token: str = Field(examples=["eyJhbGciOiJFZERTQSIsInR5cCI6ImF0K2p3dCJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"])
    token_type: Literal["bearer"] = "bearer"  # noqa: S105  its name


def add_routes(router: APIRouter, login: Login) -> None:
    """`POST /login`."""

    @router.post(
        "/login",
        tags=["accounts"],
        operation_id="login",
        summary="Log in and get an access token",
        response_description="An access token for a new session",
        responses=problem_responses(WrongCredentials),
    )
    async def log_in(credentials: Credentials) -> AccessToken:
        """Log in. Send the `access_token` with every further request: `Authorization: Bearer <token>`.

        It is good for 30 minutes, unless this server is set otherwise.
        """
        return AccessToken(access_token=await login.log_in(credentials.username, credentials.password))
