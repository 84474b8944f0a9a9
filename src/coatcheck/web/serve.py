"""Running the app: uvicorn, started and stopped as a person expects."""

import asyncio
import contextlib
import gc
import logging
import socket
from collections.abc import Generator
from types import FrameType
from typing import Any

import uvicorn
from fastapi import FastAPI
from fastapi.requests import HTTPConnection

from coatcheck.problems import NotStarted, StartRefused, Unavailable
from coatcheck.web.carrying import App, Receive, Scope, Send
from coatcheck.web.client import PEER
from coatcheck.web.http_protocol import Http
from coatcheck.web.problem_document import problem_response
from coatcheck.web.request_id import request_id

# What is still under way when the signal comes; the whole end takes less than a second, of which
# uvicorn, the database and Python itself need half.
GRACE_SECONDS = 0.2
SIGNALS_UNTIL_FORCED = 3
# New objects until the collector looks for cycles among them. Requests leave next to none, and with Python's 700 the
# looking was a twentieth of what a login takes beside its hash.
YOUNG_OBJECTS = 10_000
NOT_WORTH_SAYING = {"", "Application startup failed. Exiting.", "Unsupported upgrade request."}


def run(app: FastAPI, *, host: str, port: int, first_line: str) -> None:
    """Run the app until SIGINT or SIGTERM, then return: exit code 0.

    `proxy_headers=False`: uvicorn would believe X-Forwarded-* from loopback. No access log: it prints
    queries. Raises StartRefused with a sentence: the port is in use, or the app refuses to start.
    """
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
    logging.getLogger("uvicorn.error").addFilter(_worth_saying)
    starting = Starting(app)
    config = uvicorn.Config(
        starting,
        http=Http,
        proxy_headers=False,
        access_log=False,
        server_header=False,
        log_config=None,
        lifespan="on",
        timeout_graceful_shutdown=GRACE_SECONDS,  # type: ignore[arg-type]
    )
    with listening(host, port) as listener:
        server = Server(config, first_line)
        try:
            server.run(sockets=[listener])
        except SystemExit:
            # uvicorn ends itself so when the app does not start: with 3, and without our sentence.
            if starting.refusal is None:
                raise
    if starting.refusal is not None:
        raise starting.refusal


class Server(uvicorn.Server):
    """uvicorn's server, which says where it listens and ends a signal with exit code 0."""

    def __init__(self, config: uvicorn.Config, first_line: str) -> None:
        super().__init__(config)
        self._first_line = first_line
        self._signals = 0

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then say so."""
        await super().startup(sockets)
        # What is there by now stays; else the collector goes through all of it again and again, 0.1 s each time.
        gc.collect()
        gc.freeze()
        young, *older = gc.get_threshold()
        gc.set_threshold(max(young, YOUNG_OBJECTS), *older)
        if self.started:
            print(self._first_line, flush=True)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002  uvicorn names them
        """End, by no more than this: uvicorn would raise the signal again, and SIGTERM ends with -15.

        A second signal changes nothing: the end is under way, and closes the database.
        A third does not wait for what the app itself still does at its end.
        """
        self._signals += 1
        self.should_exit = True
        self.force_exit = self._signals >= SIGNALS_UNTIL_FORCED


class Stopping(Unavailable):
    """The signal came while the request was under way, and it took too long."""

    name = "stopping"
    detail = "This server is being stopped. Nothing has been confirmed; try again in a moment."


class Starting:
    """The app, with one sentence instead of a trace where it refuses to start or is stopped at work."""

    def __init__(self, app: App) -> None:
        self._app = app
        self.refusal: StartRefused | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass everything on."""
        if scope["type"] != "lifespan":
            scope[PEER] = scope.get("client")  # proxy_headers=False: it is whoever called
        if scope["type"] == "http":
            await self._answer(scope, receive, send)
        elif scope["type"] == "lifespan":
            try:
                await self._app(scope, receive, _without_refusal(send))
            except NotStarted as refusal:
                self.refusal = StartRefused(str(refusal))
        else:
            await self._app(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = False

        async def note(message: Any) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self._app(scope, receive, note)
        except asyncio.CancelledError:  # by uvicorn, which would answer a bare 500 and write a trace
            if not started:
                response = problem_response(Stopping(), HTTPConnection(scope))
                response.headers["X-Request-ID"] = request_id(scope)
                await response(scope, receive, send)


def _without_refusal(send: Send) -> Send:
    """The sentence is ours to print, once; a trace of the host's is uvicorn's."""

    async def quietly(message: Any) -> None:
        if message["type"] == "lifespan.startup.failed" and not message.get("message", "").startswith("Traceback"):
            message = {"type": "lifespan.startup.failed", "message": ""}
        await send(message)

    return quietly


def _worth_saying(record: logging.LogRecord) -> bool:
    """Whether uvicorn's message says more than our own sentence, answer or exit code."""
    message = record.getMessage()
    return message not in NOT_WORTH_SAYING and not message.startswith(("Cancel ", "No supported WebSocket"))


@contextlib.contextmanager
def listening(host: str, port: int) -> Generator[socket.socket, None, None]:
    """A listening socket. Raises StartRefused."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        reason = str(error.strerror or error).partition(" (while")[0]  # Python adds the address once more
        raise StartRefused(
            f"Port {port} on {host} cannot be used ({reason}). "
            "Stop what runs there, or set COATCHECK_PORT to another one."
        ) from None
    with listener:
        yield listener
