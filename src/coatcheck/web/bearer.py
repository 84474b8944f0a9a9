"""How a token is sent: `Authorization: Bearer <token>`, and in no other way (RFC 6750 section 2.1)."""

from fastapi.requests import HTTPConnection
from fastapi.security import HTTPBearer

from coatcheck.problems import BadRequest, Unauthorized


class NoCredentials(Unauthorized):
    """No token came; another scheme counts as none. So the challenge has no error code."""

    name = "no-credentials"


class TwoCredentials(BadRequest):
    """More than one Authorization header (RFC 6750 section 3.1: invalid_request)."""

    title = "Two Authorization headers"
    name = "two-credentials"
    detail = "Send one Authorization header."
    error = "invalid_request"


def bearer_token(connection: HTTPConnection) -> str | None:
    """The token, or None when no credentials of this scheme came.

    `Bearer` with nothing after it is an empty token, which no verifier accepts. A token in the query
    or a form is not looked at. Raises TwoCredentials.
    """
    sent = [value for name, value in connection.scope["headers"] if name == b"authorization"]
    if not sent:
        return None
    if len(sent) > 1:
        raise TwoCredentials
    scheme, _, token = sent[0].decode("latin-1").partition(" ")
    return token if scheme.lower() == "bearer" else None


class BearerScheme(HTTPBearer):
    """A dependency that takes a bearer token, and its description in the OpenAPI document at once.

    One object rather than a dependency of a dependency, which FastAPI would solve for each request.
    """

    def __init__(self) -> None:
        super().__init__(
            scheme_name="BearerToken",
            bearerFormat="JWT",
            auto_error=False,
            description="Log in, then paste the `access_token` here: without quotes and without the word Bearer.",
        )
