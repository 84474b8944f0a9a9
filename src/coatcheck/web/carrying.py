"""How a request finds its Coatcheck: the ASGI scope carries it, into mounted applications too."""

from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from fastapi.requests import HTTPConnection

from coatcheck.problems import NotStarted, Problem
from coatcheck.web.bearer import BY_COOKIE
from coatcheck.web.problem_document import problem_response
from coatcheck.web.site import Site

KEY = "coatcheck"
WS_TRY_AGAIN_LATER = 1013  # IANA, WebSocket Close Code Number Registry

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
App = Callable[[Any, Any, Any], Awaitable[None]]


class Carried(Protocol):
    """What this room needs of the composition root."""

    site: Site

    async def ensure_open(self) -> None:
        """Open the database, if no lifespan has."""


class Carrying:
    """ASGI middleware that puts Coatcheck into the scope.

    Where no lifespan ran (a mounted app, a test over ASGI), the first request opens the database.
    """

    def __init__(self, app: App, coatcheck: Carried) -> None:
        self.app = app
        self._coatcheck = coatcheck

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Carry it along."""
        if scope["type"] == "lifespan":
            send = _with_one_sentence(send)
        else:
            scope[KEY] = self._coatcheck
            if scope["type"] == "http" and any(name == b"cookie" for name, _ in scope["headers"]):
                send = _kept_nowhere(scope, send)
            try:
                await self._coatcheck.ensure_open()
            except Problem as problem:  # outside the app's own handlers
                await self._refuse(problem, scope, receive, send)
                return
        await self.app(scope, receive, send)

    async def _refuse(self, problem: Problem, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await problem_response(problem, HTTPConnection(scope))(scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": WS_TRY_AGAIN_LATER})


def _kept_nowhere(scope: Scope, send: Send) -> Send:
    """What somebody gets for their cookie is for them alone, unless the route has said otherwise.

    A cache in front keeps no answer to a request with Authorization (RFC 9111 section 3.5); of cookies it
    knows nothing, and would give one person's page to the next. `Route` says so by itself.
    """

    used: list[bool] = scope.setdefault(BY_COOKIE, [])

    async def marked(message: Any) -> None:
        if message["type"] == "http.response.start" and used:
            headers = list(message.get("headers", ()))
            if all(name.lower() != b"cache-control" for name, _ in headers):
                message = {**message, "headers": [*headers, (b"cache-control", b"no-store")]}
        await send(message)

    return marked


def _with_one_sentence(send: Send) -> Send:
    """Whoever starts us gets a refused start as its sentence; Starlette would send forty lines of trace."""
    name = f"{NotStarted.__module__}.{NotStarted.__qualname__}: "

    async def shortened(message: Any) -> None:
        if message["type"] == "lifespan.startup.failed":
            last = message.get("message", "").rstrip().rpartition("\n")[2]
            if last.startswith(name):
                message = {**message, "message": last.removeprefix(name)}
        await send(message)

    return shortened


def carried(connection: HTTPConnection) -> Any:
    """The Coatcheck of this request, or None."""
    return connection.scope.get(KEY)
