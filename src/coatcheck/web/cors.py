"""Pages of other origins (the Fetch standard's CORS), where the setting allows them."""

from collections.abc import Sequence
from typing import Any

from fastapi.middleware.cors import CORSMiddleware
from fastapi.requests import HTTPConnection
from fastapi.responses import Response
from starlette.datastructures import Headers
from starlette.types import Receive, Scope, Send

from coatcheck.problems import Problem
from coatcheck.web.problem_document import problem_response


class OriginNotAllowed(Problem):
    """A preflight for something that is not allowed."""

    status = 400
    title = "Origin not allowed"
    name = "origin-not-allowed"
    detail = "Pages of this origin may not send this request; see COATCHECK_ALLOWED_ORIGINS."


class Cors(CORSMiddleware):
    """One layer for the whole app, never with credentials: a token is sent by the page itself."""

    def __init__(self, app: Any, origins: Sequence[str]) -> None:
        super().__init__(
            app,
            allow_origins=origins,
            allow_methods=("GET", "POST", "PUT", "PATCH", "DELETE"),
            allow_headers=("Authorization", "Content-Type"),
            expose_headers=("Link", "Retry-After", "WWW-Authenticate", "X-Request-ID"),
        )

    def preflight_response(self, request_headers: Headers) -> Response:
        """Starlette's answer; its plain-text refusal as a problem document."""
        response = super().preflight_response(request_headers)
        return _Refusal(headers=response.headers) if response.status_code == OriginNotAllowed.status else response


class _Refusal(Response):
    """The problem document once the request is known, whose id it bears."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        refusal = problem_response(OriginNotAllowed(), HTTPConnection(scope))
        refusal.headers.update(
            {name: value for name, value in self.headers.items() if not name.startswith("content-")}
        )
        await refusal(scope, receive, send)
