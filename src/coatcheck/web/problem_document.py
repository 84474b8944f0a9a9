"""Refusals as HTTP: `application/problem+json` (RFC 9457)."""

import json
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.requests import HTTPConnection
from fastapi.responses import Response
from fastapi.routing import iter_route_contexts
from fastapi.websockets import WebSocket, WebSocketState
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.routing import Match

from coatcheck.problems import (
    BadRequest,
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    Problem,
    TooManyRequests,
    Unauthorized,
    Unavailable,
)
from coatcheck.web.request_id import request_id
from coatcheck.web.wording import worded

MEDIA_TYPE = "application/problem+json"
TYPE_PREFIX = "urn:coatcheck:problem:"
REALM = "coatcheck"
WS_POLICY_VIOLATION = 1008  # RFC 6455 section 7.4.1


class MethodNotAllowed(Problem):
    """The address is right, the method is not."""

    status = 405
    title = "Method not allowed"
    name = "method-not-allowed"
    detail = "This address does not take this method; the Allow header lists those it takes."


class InternalError(Problem):
    """A mistake of ours: the log has the trace under the same id."""

    status = 500
    title = "Something went wrong here"
    name = "internal-error"
    detail = "This is our mistake, not yours. Please report it with the id in `instance`."


class HTTPProblem(Problem):
    """An HTTPException as a Problem: Starlette's own phrase says nothing, a host's detail does."""

    status = 500
    title = "Request refused"
    name = "http-error"
    detail = "The request was refused."

    def __init__(self, error: HTTPException) -> None:
        kind = KNOWN.get(error.status_code, HTTPProblem)
        self.status = error.status_code
        self.title = kind.title
        self.name = kind.name
        self.headers = self.more = dict(error.headers or {})
        said = str(error.detail)
        super().__init__(kind.detail if said in PHRASES else said)


KNOWN: dict[int, type[Problem]] = {
    kind.status: kind
    for kind in (
        BadRequest,
        Unauthorized,
        Forbidden,
        NotFound,
        MethodNotAllowed,
        Conflict,
        Invalid,
        TooManyRequests,
        InternalError,
        Unavailable,
    )
}
PHRASES = {status.phrase for status in HTTPStatus}


def problem_details(app: FastAPI) -> None:
    """Answer every 4xx and 5xx of the whole app as a problem document.

    That is: unknown paths, wrong methods, FastAPI's validation errors (which would echo what was
    sent), HTTPExceptions and unexpected errors. `Coatcheck(app)` alone does so for its own only.
    """
    app.add_exception_handler(HTTPException, _answer_http_exception)
    app.add_exception_handler(RequestValidationError, _answer_validation_error)
    app.add_exception_handler(Exception, _answer_unexpected)
    app.add_exception_handler(Problem, answer_problem)


async def answer_problem(connection: HTTPConnection, problem: Exception) -> Any:
    """The answer to a Problem; a WebSocket gets it as its denial, or is closed if it was accepted."""
    assert isinstance(problem, Problem)
    if isinstance(connection, WebSocket) and connection.application_state is not WebSocketState.CONNECTING:
        await connection.close(WS_POLICY_VIOLATION, problem.title)
        return None
    return problem_response(problem, connection)


def problem_response(problem: Problem, connection: HTTPConnection) -> Response:
    """The problem document and its headers."""
    document: dict[str, Any] = {
        "type": TYPE_PREFIX + problem.name,
        "title": problem.title,
        "status": problem.status,
        "detail": problem.detail,
        "instance": f"urn:uuid:{request_id(connection.scope)}",
    }
    if isinstance(problem, Invalid):
        document["errors"] = [{"pointer": pointer, "detail": detail} for pointer, detail in problem.errors]
    return Response(
        json.dumps(document, ensure_ascii=False).encode(),
        status_code=problem.status,
        headers=_headers(problem),
        media_type=MEDIA_TYPE,
    )


def _headers(problem: Problem) -> dict[str, str]:
    headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    if isinstance(problem, TooManyRequests | Unavailable):
        headers["Retry-After"] = str(problem.retry_after)
    if isinstance(problem, Unauthorized):
        headers["WWW-Authenticate"] = _challenge(problem.error, problem.max_age)
    elif isinstance(problem, BadRequest) and problem.error is not None:
        headers["WWW-Authenticate"] = _challenge(problem.error, None)
    elif problem.status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = _challenge(None, None)
    # The problem's own win, however they are written: two challenges would be for the client to choose from.
    own = {name.lower() for name in problem.headers}
    return {name: value for name, value in headers.items() if name.lower() not in own} | dict(problem.headers)


def _challenge(error: str | None, max_age: int | None) -> str:
    """RFC 6750 section 3: no error code when no credentials came; RFC 9470 section 3 for max_age."""
    parameters = [f'realm="{REALM}"']
    if error is not None:
        parameters.append(f'error="{error}"')
    if max_age is not None:
        parameters.append(f"max_age={max_age}")
    return f"Bearer {', '.join(parameters)}"


async def _answer_http_exception(connection: HTTPConnection, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code < HTTPStatus.BAD_REQUEST:
        return Response(status_code=error.status_code, headers=error.headers)
    problem = HTTPProblem(error)
    if problem.status == HTTPStatus.METHOD_NOT_ALLOWED:
        problem.more["Allow"] = ", ".join(sorted(_methods_here(connection) | _named_in(error)))
    return problem_response(problem, connection)


def _methods_here(connection: HTTPConnection) -> set[str]:
    """Every method that the address takes; Starlette names those of one route only."""
    # A mount has cut its own path off by now; what is asked here is what the whole path takes.
    scope = {**connection.scope, "root_path": connection.scope.get("app_root_path", "")}
    found: set[str] = set()
    for route in iter_route_contexts(scope["app"].routes):
        match, _ = route.matches(scope)
        if match is not Match.NONE:
            found |= route.methods or set()
    return found


def _named_in(error: HTTPException) -> set[str]:
    """The methods in the error's own Allow header: a mounted application has no routes to look at."""
    allow = Headers(error.headers or {}).get("allow", "")
    return {method.strip() for method in allow.split(",")} - {""}


async def _answer_validation_error(connection: HTTPConnection, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    return problem_response(worded(error), connection)


async def _answer_unexpected(connection: HTTPConnection, _: Exception) -> Response:
    response = problem_response(InternalError(), connection)
    response.headers["X-Request-ID"] = request_id(connection.scope)
    return response
