"""How a request finds its Coatcheck: the ASGI scope carries it, into mounted applications too."""

from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from fastapi.requests import HTTPConnection

from coatcheck.problems import NotStarted, Problem
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
