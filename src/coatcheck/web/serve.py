"""Running the app: uvicorn, started and stopped as a person expects."""

import contextlib
import logging
import signal
import socket
from collections.abc import Generator
from typing import Any

import uvicorn
from fastapi import FastAPI

from coatcheck.problems import StartRefused
from coatcheck.web.carrying import App, Receive, Scope, Send

# What is still under way when the signal comes; the whole end takes less than a second.
GRACE_SECONDS = 0.5
SIGNALS = (signal.SIGINT, signal.SIGTERM)


def run(app: FastAPI, *, host: str, port: int, first_line: str) -> None:
    """Run the app until SIGINT or SIGTERM, then return: exit code 0.

    `proxy_headers=False`: uvicorn would believe X-Forwarded-* from loopback. No access log: it prints
    queries. Raises StartRefused with a sentence: the port is in use, or the app refuses to start.
    """
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
    logging.getLogger("uvicorn.error").addFilter(_not_our_refusal)
    starting = Starting(app)
    config = uvicorn.Config(
        starting,
        proxy_headers=False,
        access_log=False,
        server_header=False,
        log_config=None,
        lifespan="on",
        timeout_graceful_shutdown=GRACE_SECONDS,  # type: ignore[arg-type]
    )
    with listening(host, port) as listener:
        server = Server(config, first_line)
        server.run(sockets=[listener])
    if starting.refusal is not None:
        raise starting.refusal


class Server(uvicorn.Server):
    """uvicorn's server, which says where it listens and ends a signal with exit code 0."""

    def __init__(self, config: uvicorn.Config, first_line: str) -> None:
        super().__init__(config)
        self._first_line = first_line

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then say so."""
        await super().startup(sockets)
        if self.started:
            print(self._first_line, flush=True)

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """End on a signal; uvicorn raises it once more afterwards, which ends a SIGTERM with -15."""
        before = {number: signal.signal(number, self.handle_exit) for number in SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


class Starting:
    """The app, with its refusal to start kept for one sentence instead of a trace."""

    def __init__(self, app: App) -> None:
        self._app = app
        self.refusal: StartRefused | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass everything on."""
        if scope["type"] != "lifespan":
            await self._app(scope, receive, send)
            return
        try:
            await self._app(scope, receive, _without_trace(send))
        except StartRefused as refusal:
            self.refusal = refusal


def _without_trace(send: Send) -> Send:
    async def quietly(message: Any) -> None:
        if message["type"] == "lifespan.startup.failed" and "StartRefused" in message.get("message", ""):
            message = {"type": "lifespan.startup.failed", "message": ""}
        await send(message)

    return quietly


def _not_our_refusal(record: logging.LogRecord) -> bool:
    return record.getMessage() not in {"", "Application startup failed. Exiting."}


@contextlib.contextmanager
def listening(host: str, port: int) -> Generator[socket.socket, None, None]:
    """A listening socket. Raises StartRefused."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        raise StartRefused(
            f"Port {port} on {host} cannot be used ({error.strerror or error}). "
            "Stop what runs there, or set COATCHECK_PORT to another one."
        ) from None
    with listener:
        yield listener
