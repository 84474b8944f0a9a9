"""One JSON line per request."""

import json
import logging
import sys
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

from fastapi import FastAPI

from coatcheck.web.request_id import request_id

LOGGER = logging.getLogger("coatcheck.requests")
HEADER = b"x-request-id"


def request_log(app: FastAPI) -> None:
    """Write one JSON line per request to standard error: time, method, path, status, milliseconds, id.

    Never a query, a header, a cookie, a body or a name. The answer carries the id as X-Request-ID.
    """
    if not LOGGER.handlers:
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(logging.Formatter("%(message)s"))
        LOGGER.addHandler(handler)
        LOGGER.setLevel(logging.INFO)
        LOGGER.propagate = False
    app.add_middleware(RequestLog)


class RequestLog:
    """ASGI middleware around everything but the answer to an error of ours."""

    def __init__(self, app: Callable[[Any, Any, Any], Awaitable[None]]) -> None:
        self.app = app

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """Pass the request on, then write its line."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        identity = request_id(scope)
        header = (HEADER, identity.encode())
        started = time.perf_counter()
        status = 500  # what the server answers when nothing was sent

        async def note(message: dict[str, Any]) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), header]
            await send(message)

        try:
            await self.app(scope, receive, note)
        finally:
            milliseconds = (time.perf_counter() - started) * 1000
            LOGGER.info("%s", _Line(scope, status, milliseconds, identity))


class _Line:
    """Formatted only if somebody listens."""

    __slots__ = ("_identity", "_milliseconds", "_scope", "_status")

    def __init__(self, scope: dict[str, Any], status: int, milliseconds: float, identity: str) -> None:
        self._scope = scope
        self._status = status
        self._milliseconds = milliseconds
        self._identity = identity

    def __str__(self) -> str:
        """The line. The path as it was sent, percent-encoded, so that it cannot forge another line."""
        raw_path = self._scope.get("raw_path") or self._scope["path"].encode("utf-8", "replace")
        return json.dumps(
            {
                "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
                "method": self._scope["method"],
                "path": raw_path.partition(b"?")[0].decode("latin-1"),
                "status": self._status,
                "ms": round(self._milliseconds, 2),
                "request_id": self._identity,
            }
        )
