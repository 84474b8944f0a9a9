"""`CurrentUser` and `OptionalUser`: who is signed in, in a route's signature."""

from typing import Annotated, NamedTuple

from fastapi import Depends
from fastapi.requests import HTTPConnection

from coatcheck.sessions.user import User
from coatcheck.web import BearerScheme, NoCredentials, before_body, carried, credential

KEY = "coatcheck.user"


class _CameIn(NamedTuple):
    """What the check leaves in the scope, so that a token is looked at once per request.

    coatcheck: whose user it is; a mounted app with a Coatcheck of its own shares the scope.
    """

    coatcheck: object
    user: User | None
    by_cookie: bool


async def sign_in(connection: HTTPConnection) -> User | None:
    """Who sends this request; None without credentials.

    Raises InvalidToken, TwoCredentials, TwoCookies, CrossSiteRequest.
    """
    coatcheck = carried(connection)
    known: _CameIn | None = connection.scope.get(KEY)
    # A WebSocket lives on: its session is looked at each time.
    if known is not None and known.coatcheck is coatcheck and connection.scope["type"] == "http":
        return known.user
    if coatcheck is None:
        raise RuntimeError(
            "There is no Coatcheck in this application: call Coatcheck(app) on it, or on the one it is mounted in."
        )
    coatcheck.site.admit(connection)
    sent = credential(connection, coatcheck.cookies)
    user = None if sent is None else await coatcheck.sessions.user(sent.token)
    connection.scope[KEY] = _CameIn(coatcheck, user, sent is not None and sent.by_cookie)
    return user


def came_by_cookie(connection: HTTPConnection) -> bool:
    """Whether whoever is signed in came by the pages' cookie; their new session, or none, must go there too."""
    known: _CameIn | None = connection.scope.get(KEY)
    return known is not None and known.coatcheck is carried(connection) and known.by_cookie


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
