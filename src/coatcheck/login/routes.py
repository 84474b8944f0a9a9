"""`POST /login`."""

from typing import Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field, StrictBool

from coatcheck.login.password import Login, WrongCredentials
from coatcheck.throttle import TooManyAttempts
from coatcheck.web import Proxies, problem_responses, while_there


class Credentials(BaseModel):
    """A username and a password."""

    model_config = ConfigDict(extra="forbid")

    username: str = Field(examples=["alice"])
    password: str = Field(examples=["secret123"])
    refresh: StrictBool = Field(default=False, description="Whether to get a refresh token, too.", examples=[False])


class AccessToken(BaseModel):
    """A bearer token: whoever holds it is let in (RFC 6750)."""

    access_token: str = Field(examples=["eyJhbGciOiJFZERTQSIsInR5cCI6ImF0K2p3dCJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"])
    token_type: Literal["bearer"] = "bearer"  # noqa: S105  its name


class Tokens(AccessToken):
    """An access token, and the refresh token that gets the next one. Lives are in seconds."""

    expires_in: int = Field(examples=[1800])
    refresh_token: str = Field(examples=["ccr_3q2-7w"])
    refresh_expires_in: int = Field(examples=[2592000])


def add_routes(router: APIRouter, login: Login, proxies: Proxies) -> None:
    """`POST /login`."""

    @router.post(
        "/login",
        tags=["accounts"],
        operation_id="login",
        summary="Log in and get an access token",
        response_description="An access token for a new session",
        responses=problem_responses(WrongCredentials, TooManyAttempts),
    )
    async def log_in(credentials: Credentials, request: Request) -> AccessToken | Tokens:
        """Log in. Send the `access_token` with every further request: `Authorization: Bearer <token>`.

        It is good for 30 minutes, unless this server is set otherwise. With `"refresh": true` there is a
        `refresh_token`, too: `POST /token/refresh` exchanges it for the next access token.
        """
        client = proxies.client(request)
        opened = await while_there(
            request, login.log_in(credentials.username, credentials.password, client, refresh=credentials.refresh)
        )
        if opened.refresh_token is None or opened.refresh_expires_in is None:
            return AccessToken(access_token=opened.access.access_token)
        return Tokens(
            access_token=opened.access.access_token,
            expires_in=opened.access.expires_in,
            refresh_token=opened.refresh_token,
            refresh_expires_in=opened.refresh_expires_in,
        )
