"""One JSON line per request."""

import asyncio
import json
import logging
import sys
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from fastapi import FastAPI

from coatcheck.web.request_id import request_id

LOGGER = logging.getLogger("coatcheck.requests")
HEADER = b"x-request-id"
QUOTED_TEXTS_REMEMBERED = 500


def request_log(app: FastAPI) -> None:
    """Write one JSON line per request: time, method, path, status, milliseconds, request id.

    Never a query, a header, a cookie, a body or a name. The answer carries the id as X-Request-ID.
    The lines go to standard error, or to the handlers of the logger `coatcheck.requests` if it has any.
    """
    if LOGGER.level == logging.NOTSET:
        LOGGER.setLevel(logging.INFO)
    app.add_middleware(RequestLog)


class RequestLog:
    """ASGI middleware around everything but the answer to an error of ours."""

    def __init__(self, app: Callable[[Any, Any, Any], Awaitable[None]]) -> None:
        self.app = app
        self._lines: list[str] = []
        self._loop: asyncio.AbstractEventLoop | None = None

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
        except asyncio.CancelledError:
            status = 503 if status == 500 else status  # the server is being stopped, and `serve` says so
            raise
        finally:
            self._write(_line(scope, status, (time.perf_counter() - started) * 1000, identity))

    def _write(self, line: str) -> None:
        if LOGGER.handlers:
            LOGGER.info(line)
            return
        # Written together at the loop's next turn: each write is a call into the system, and a
        # LogRecord (thread, process, caller) alone takes as long as the whole line.
        loop = asyncio.get_running_loop()
        self._lines.append(line)
        if len(self._lines) == 1 or self._loop is not loop:
            self._loop = loop
            loop.call_soon(self._flush)

    def _flush(self) -> None:
        if self._lines:
            lines, self._lines = self._lines, []
            sys.stderr.write("\n".join([*lines, ""]))


def _line(scope: dict[str, Any], status: int, milliseconds: float, identity: str) -> str:
    """The line. The path as it was sent, percent-encoded, so that it cannot forge another line."""
    raw_path = scope.get("raw_path") or scope["path"].encode("utf-8", "replace")
    path = _quoted(raw_path.partition(b"?")[0].decode("latin-1"))
    moment = datetime.now(UTC).isoformat(timespec="milliseconds")
    return (
        f'{{"time": "{moment}", "method": {_quoted(scope["method"])}, "path": {path}, "status": {status}, '
        f'"ms": {milliseconds:.2f}, "request_id": "{identity}"}}'
    )


@lru_cache(maxsize=QUOTED_TEXTS_REMEMBERED)
def _quoted(text: str) -> str:
    return json.dumps(text)
