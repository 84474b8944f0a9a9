"""How a token is sent: `Authorization: Bearer <token>` (RFC 6750 section 2.1), or by a page's cookie."""

from typing import NamedTuple

from fastapi.requests import HTTPConnection
from fastapi.security import HTTPBearer

from coatcheck.problems import BadRequest, Unauthorized
from coatcheck.web.cookies import Cookies

# In the scope a list, with True in it once a cookie was the credential: `Carrying` then keeps the answer out of
# every cache. A list, since what is put into the scope itself is lost where a middleware passes a copy on.
BY_COOKIE = "coatcheck.by_cookie"


class NoCredentials(Unauthorized):
    """No token came; another scheme counts as none. So the challenge has no error code."""

    name = "no-credentials"


class TwoCredentials(BadRequest):
    """More than one Authorization header (RFC 6750 section 3.1: invalid_request)."""

    title = "Two Authorization headers"
    name = "two-credentials"
    detail = "Send one Authorization header."
    error = "invalid_request"


class Credential(NamedTuple):
    """A token as it came. by_cookie: the browser added it by itself, whoever's page made it send the request."""

    token: str
    by_cookie: bool


def credential(connection: HTTPConnection, cookies: Cookies) -> Credential | None:
    """The one token that counts, or None when no credentials came.

    Where there is an Authorization header, of whatever scheme, no cookie counts: who writes one says
    who they are, and must not be taken for somebody else when that is refused or not understood.
    `Bearer` with nothing after it is an empty token, which no verifier accepts. A token in the query
    or a form is not looked at. Raises TwoCredentials, CrossSiteRequest, TwoCookies.
    """
    sent = [value for name, value in connection.scope["headers"] if name == b"authorization"]
    if len(sent) > 1:
        raise TwoCredentials
    if sent:
        scheme, _, token = sent[0].decode("latin-1").partition(" ")
        return Credential(token, by_cookie=False) if scheme.lower() == "bearer" else None
    cookie = cookies.access_token(connection)
    if cookie is None:
        return None
    connection.scope.get(BY_COOKIE, []).append(True)
    return Credential(cookie, by_cookie=True)


class BearerScheme(HTTPBearer):
    """A dependency that takes a bearer token, and its description in the OpenAPI document at once.

    One object rather than a dependency of a dependency, which FastAPI would solve for each request.
    The cookie is not described: Authorize in /docs could not set it, and a client that is made from the
    document would send it without the headers that it needs.
    """

    def __init__(self) -> None:
        super().__init__(
            scheme_name="BearerToken",
            bearerFormat="JWT",
            auto_error=False,
            description="Log in, then paste the `access_token` here: without quotes and without the word Bearer.",
        )
