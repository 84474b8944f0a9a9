"""`POST /register`."""

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field

from coatcheck.accounts.accounts import Accounts, RegistrationClosed, UsernameTaken
from coatcheck.throttle import TooManyRegistrations
from coatcheck.web import Proxies, problem_responses, while_there


class NewAccount(BaseModel):
    """A username and a password of one's own choice."""

    model_config = ConfigDict(extra="forbid")

    username: str = Field(
        description="1 to 254 characters; an e-mail address will do. Case does not matter.", examples=["alice"]
    )
    password: str = Field(
        description="At least 8 characters unless this server asks for more, any you like; not the username, not one "
        "of the most common.",
        examples=["secret123"],
    )


class Registered(BaseModel):
    """The new account."""

    id: int = Field(examples=[1])
    username: str = Field(examples=["alice"])


def add_routes(router: APIRouter, accounts: Accounts, proxies: Proxies) -> None:
    """`POST /register`."""

    @router.post(
        "/register",
        tags=["accounts"],
        status_code=201,
        operation_id="register",
        summary="Create an account",
        response_description="The new account",
        responses=problem_responses(UsernameTaken, RegistrationClosed, TooManyRegistrations),
    )
    async def register(new: NewAccount, request: Request) -> Registered:
        """Create an account. Then log in with the same username and password."""
        client = proxies.client(request)
        account = await while_there(request, accounts.register(new.username, new.password, client))
        return Registered(id=account.id, username=account.username)
