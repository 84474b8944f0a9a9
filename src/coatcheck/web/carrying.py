"""How a request finds its Coatcheck: the ASGI scope carries it, into mounted applications too."""

from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from fastapi.requests import HTTPConnection

from coatcheck.web.site import Site

KEY = "coatcheck"

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
        if scope["type"] != "lifespan":
            scope[KEY] = self._coatcheck
            await self._coatcheck.ensure_open()
        await self.app(scope, receive, send)


def carried(connection: HTTPConnection) -> Any:
    """The Coatcheck of this request, or None."""
    return connection.scope.get(KEY)
