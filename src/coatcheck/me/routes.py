"""`GET /me`, `PUT /me/password`, `DELETE /me`."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from pydantic.json_schema import SkipJsonSchema

from coatcheck.me.me import AnotherAccount, LoginTooOld, Me, WrongOldPassword
from coatcheck.sessions import CurrentUser, PageSessions, came_by_cookie
from coatcheck.throttle import TooManyAttempts
from coatcheck.web import Proxies, problem_responses, while_there

AccountId = Annotated[
    Annotated[int, Field(ge=1)] | SkipJsonSchema[None], Query(description="The account that is meant.")
]


class OwnAccount(BaseModel):
    """The account of whoever is signed in."""

    id: int = Field(examples=[1])
    username: str = Field(examples=["alice"])
    created_at: datetime


class PasswordChange(BaseModel):
    """The old password and the new one."""

    model_config = ConfigDict(extra="forbid")

    old_password: str = Field(examples=["secret123"])
    new_password: str = Field(
        description="At least 8 characters unless this server asks for more, any you like; not the username, not one "
        "of the most common.",
        examples=["correct horse battery"],
    )


def add_routes(router: APIRouter, me: Me, pages: PageSessions, proxies: Proxies) -> None:
    """`/me` and `/me/password`."""

    @router.get("/me", tags=["me"], operation_id="get_me", summary="Who am I?", response_description="The account")
    async def get_me(user: CurrentUser) -> OwnAccount:
        """The account that the token belongs to."""
        account = await me.account(user)
        return OwnAccount(id=account.id, username=account.username, created_at=account.created_at)

    @router.put(
        "/me/password",
        tags=["me"],
        status_code=204,
        operation_id="change_password",
        summary="Change the password",
        response_description="Changed; every other session is over",
        responses=problem_responses(WrongOldPassword, TooManyAttempts),
    )
    async def change_password(
        change: PasswordChange, user: CurrentUser, request: Request, response: Response
    ) -> None:
        """Change the password. Every other session of the account is over at once; this one goes on.

        It can no longer be refreshed, if it could; a page gets a new session in its cookies.
        """
        by_cookie = came_by_cookie(request)
        opening = await while_there(
            request,
            me.change_password(
                user,
                change.old_password,
                change.new_password,
                proxies.client(request),
                anew=by_cookie,
                refresh=by_cookie and pages.renewable(request),
            ),
        )
        if opening is not None:
            pages.give(request, response, opening)

    @router.delete(
        "/me",
        tags=["me"],
        status_code=204,
        operation_id="delete_me",
        summary="Delete the account",
        response_description="Deleted",
        responses=problem_responses(LoginTooOld, AnotherAccount),
    )
    async def delete_me(user: CurrentUser, request: Request, response: Response, id: AccountId = None) -> None:
        """Delete the account with its sessions and everything that belongs to it. This cannot be undone.

        Needs a login within the last 5 minutes. A client that logs in again and repeats this should
        name the account in `id`: if somebody else is signed in by then, nothing is deleted.
        """
        await me.delete(user, id)
        if came_by_cookie(request):
            pages.take(request, response)
