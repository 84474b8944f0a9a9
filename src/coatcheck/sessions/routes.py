"""`POST /token/refresh`, `POST /logout` and `/sessions`."""

from datetime import datetime
from typing import Literal

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from coatcheck.problems import NotFound
from coatcheck.sessions.current_user import CurrentUser, came_by_cookie
from coatcheck.sessions.pages import PageSessions
from coatcheck.sessions.refresh import RefreshRefused
from coatcheck.sessions.sessions import Sessions
from coatcheck.throttle import Throttle, TooManyRefreshes
from coatcheck.web import Proxies, problem_responses


class RefreshRequest(BaseModel):
    """The refresh token that came last."""

    model_config = ConfigDict(extra="forbid")

    refresh_token: str = Field(examples=["ccr_3q2-7w"])


class RenewedTokens(BaseModel):
    """An access token, and the refresh token that follows. Lives are in seconds."""

    access_token: str = Field(examples=["eyJhbGciOiJFZERTQSIsInR5cCI6ImF0K2p3dCJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"])
    token_type: Literal["bearer"] = "bearer"  # noqa: S105  its name
    expires_in: int = Field(examples=[1800])
    refresh_token: str = Field(examples=["ccr_3q2-7w"])
    refresh_expires_in: int = Field(examples=[2592000])


class OneSession(BaseModel):
    """A login that still goes on."""

    model_config = ConfigDict(from_attributes=True)

    id: str = Field(examples=["4Nw0dGmS8yRj5tQvXb2Z1A"])
    created_at: datetime
    last_seen_at: datetime = Field(description="To the minute, and up to a minute late.")
    device: str = Field(examples=["Firefox on Linux"])
    address: str | None = Field(examples=["203.0.113.7"])
    current: bool = Field(description="Whether it is the one that asks.")


def add_routes(
    router: APIRouter, sessions: Sessions, pages: PageSessions, throttle: Throttle, proxies: Proxies
) -> None:
    """`POST /token/refresh`, `POST /logout` and `/sessions`."""
    _add_refresh(router, sessions, throttle, proxies)
    _add_logout(router, sessions, pages)
    _add_sessions(router, sessions)


def _add_refresh(router: APIRouter, sessions: Sessions, throttle: Throttle, proxies: Proxies) -> None:
    @router.post(
        "/token/refresh",
        tags=["sessions"],
        operation_id="refresh",
        summary="Get a new access token",
        response_description="An access token, and the refresh token that follows",
        responses=problem_responses(RefreshRefused, TooManyRefreshes),
    )
    async def refresh(presented: RefreshRequest, request: Request) -> RenewedTokens:
        """Exchange the refresh token of a login with `"refresh": true`. It is good once: keep the new one.

        If the answer was lost, send the same one again within 10 seconds. Used again later, it ends the
        session: somebody has copied it.
        """
        try:
            renewed = await sessions.refresh.exchange(presented.refresh_token)
        except RefreshRefused:
            # Only what is refused anyhow: neighbours behind one address go on.
            await throttle.refused_refresh(proxies.client(request))
            raise
        return RenewedTokens(
            access_token=renewed.access.access_token,
            expires_in=renewed.access.expires_in,
            refresh_token=renewed.refresh_token,
            refresh_expires_in=renewed.refresh_expires_in,
        )


def _add_logout(router: APIRouter, sessions: Sessions, pages: PageSessions) -> None:
    @router.post(
        "/logout",
        tags=["sessions"],
        status_code=204,
        operation_id="log_out",
        summary="Log out",
        response_description="This session is over",
    )
    async def log_out(request: Request, response: Response, user: CurrentUser) -> None:
        """End this session: its tokens are refused from now on."""
        await sessions.end(user, user.session_id)
        if came_by_cookie(request):
            pages.take(request, response)


def _add_sessions(router: APIRouter, sessions: Sessions) -> None:
    @router.get(
        "/sessions",
        tags=["sessions"],
        operation_id="list_sessions",
        summary="Where are you logged in?",
        response_description="Your sessions, the newest login first",
    )
    async def list_sessions(user: CurrentUser) -> list[OneSession]:
        """Your sessions that still go on."""
        return [OneSession.model_validate(session) for session in await sessions.all_of(user)]

    @router.delete(
        "/sessions",
        tags=["sessions"],
        status_code=204,
        operation_id="end_sessions",
        summary="Log out everywhere else",
        response_description="Every other session is over",
    )
    async def end_other_sessions(user: CurrentUser) -> None:
        """End every session of yours but this one."""
        await sessions.end_all_others(user)

    @router.delete(
        "/sessions/{id}",
        tags=["sessions"],
        status_code=204,
        operation_id="end_session",
        summary="End one session",
        response_description="It is over",
        responses=problem_responses(NotFound),
    )
    async def end_session(id: str, user: CurrentUser) -> None:
        """End one of your sessions: its tokens are refused from now on."""
        if not await sessions.end(user, id):
            raise NotFound
