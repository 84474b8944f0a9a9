"""`CurrentUser` and `OptionalUser`: who is signed in, in a route's signature."""

from typing import Annotated

from fastapi import Depends
from fastapi.requests import HTTPConnection

from coatcheck.sessions.user import User
from coatcheck.web import BearerScheme, NoCredentials, bearer_token, before_body, carried

# Where the check leaves its result, so that a token is looked at once per request.
KEY = "coatcheck.user"


async def sign_in(connection: HTTPConnection) -> User | None:
    """Who sends this request; None without credentials. Raises InvalidToken, TwoCredentials."""
    coatcheck = carried(connection)
    known: tuple[object, User | None] | None = connection.scope.get(KEY)
    # A mounted app with a Coatcheck of its own shares the scope: its user is another one.
    if known is not None and known[0] is coatcheck:
        return known[1]
    if coatcheck is None:
        raise RuntimeError(
            "There is no Coatcheck in this application: call Coatcheck(app) on it, or on the one it is mounted in."
        )
    coatcheck.site.admit(connection)
    token = bearer_token(connection)
    user = None if token is None else await coatcheck.sessions.user(token)
    if connection.scope["type"] == "http":  # a WebSocket lives on: its session is looked at each time
        connection.scope[KEY] = (coatcheck, user)
    return user


async def _require(connection: HTTPConnection) -> User:
    user = await sign_in(connection)
    if user is None:
        raise NoCredentials
    return user


class _SignedIn(BearerScheme):
    """Who is signed in. Raises NoCredentials, InvalidToken."""

    async def __call__(self, request: HTTPConnection) -> User:  # type: ignore[override]
        """The user."""
        return await _require(request)


class _MaybeSignedIn(BearerScheme):
    """Who is signed in, None if nobody tries to be. Bad credentials are refused all the same."""

    async def __call__(self, request: HTTPConnection) -> User | None:  # type: ignore[override]
        """The user, or None."""
        return await sign_in(request)


current_user = before_body(_require)(_SignedIn())
optional_user = before_body(sign_in)(_MaybeSignedIn())

CurrentUser = Annotated[User, Depends(current_user)]
OptionalUser = Annotated[User | None, Depends(optional_user)]
