"""`POST /register`."""

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from coatcheck.accounts.accounts import Accounts, RegistrationClosed, UsernameTaken
from coatcheck.web import problem_responses


class Credentials(BaseModel):
    """A username and a password."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"username": "alice", "password": "secret123"}}
    )

    username: str = Field(description="1 to 254 characters; an e-mail address will do. Case does not matter.")
    password: str = Field(description="At least 8 characters, any you like.")


class Registered(BaseModel):
    """The new account."""

    id: int = Field(examples=[1])
    username: str = Field(examples=["alice"])


def add_routes(router: APIRouter, accounts: Accounts) -> None:
    """Add the routes of this room."""

    @router.post(
        "/register",
        tags=["accounts"],
        status_code=201,
        operation_id="register",
        summary="Create an account",
        responses=problem_responses(UsernameTaken, RegistrationClosed),
    )
    async def register(credentials: Credentials) -> Registered:
        """Create an account. Then log in with the same username and password."""
        account = await accounts.register(credentials.username, credentials.password)
        return Registered(id=account.id, username=account.username)
