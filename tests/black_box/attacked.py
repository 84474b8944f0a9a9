"""The todo application in this process, with what an attack needs: raw requests, a clock, and its log."""

import json
import logging
import time
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, NamedTuple

from anyio.from_thread import BlockingPortal
from fastapi import FastAPI
from fastapi.testclient import TestClient

from coatcheck import Coatcheck, request_log
from coatcheck.tokens.base64url import decoded
from tests.black_box.forging import ATTACKER_KEY, Original
from tests.support.app import make_app
from tests.support.asgi import Header, ask
from tests.support.clock import Clock
from tests.support.person import Person

ELSEWHERE = "http://127.0.0.1:9000"
JSON: Header = (b"content-type", b"application/json")


class Operation(NamedTuple):
    """Something that only who is signed in may do. path: with {id} in it where the document has one."""

    method: str
    path: str


class Answer(NamedTuple):
    """What came back. seconds: the time that the application took."""

    status: int
    headers: dict[str, str]
    body: bytes
    seconds: float


class Lines(logging.Handler):
    """Everything that is logged, by anybody but the file lock: it tells of small writes beside the requests."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.texts: list[str] = []
        self._last: logging.LogRecord | None = None

    def emit(self, record: logging.LogRecord) -> None:
        """Keep it; one comes twice, from its logger and from the root."""
        if record is not self._last and record.name != "filelock":
            self._last = record
            self.texts.append(record.getMessage())


class Service:
    """An application that runs, somebody who is signed in, and what can be asked for."""

    def __init__(self, app: FastAPI, client: TestClient, clock: Clock, lines: Lines, attacker: str) -> None:
        assert client.portal is not None
        self.app, self.client, self.clock, self.lines = app, client, clock, lines
        self.portal: BlockingPortal = client.portal
        self.coatcheck: Coatcheck = app.state.coatcheck
        self.person = Person(client)
        self.attacker = attacker
        self.stranger = Person(client)
        self.todo: int = self.person.add_todo()["id"]

    def original(self, elsewhere: str) -> Original:
        """A new session's token, and what a forger may have beside it."""
        tokens = self.person.log_in_with_refresh()
        token: str = tokens["access_token"]
        kid = json.loads(decoded(token.split(".")[0]))["kid"]
        return Original(
            token=token,
            other=self.person.log_in(),
            refresh_token=tokens["refresh_token"],
            elsewhere=elsewhere,
            stranger=self.stranger.id,
            key=self.coatcheck.keyring.signing[kid],
            attacker=self.attacker,
            now=int(self.clock.now),
        )

    def ask(self, operation: Operation, *headers: Header) -> Answer:
        """Do it, as a server hands it to the application: bytes as they are, with a body that would be right."""
        path = operation.path.replace("{id}", str(self.todo))
        body = json.dumps(_body(operation, self.person)).encode()
        return self.portal.call(self._ask, operation.method, path, [(b"host", b"127.0.0.1"), JSON, *headers], body)

    async def _ask(self, method: str, path: str, headers: list[Header], body: bytes) -> Answer:
        began = time.perf_counter()
        reply = await ask(self.app, method, path, headers, body)
        return Answer(*reply, seconds=time.perf_counter() - began)


def _body(operation: Operation, person: Person) -> dict[str, Any] | None:
    if operation.path == "/me/password":
        return {"old_password": person.password, "new_password": person.password}
    return {"title": "Forged"} if operation.method in {"POST", "PUT", "PATCH"} else None


@contextmanager
def running(folder: Path, attacker: str = "", algorithm: str = "EdDSA") -> Generator[Service]:
    """A service on SQLite, and all that is logged while it runs."""
    clock, lines = Clock(), Lines()
    app = make_app(folder, clock=clock, signing_algorithm=algorithm)
    request_log(app)
    loggers = [logging.getLogger(), logging.getLogger("coatcheck"), logging.getLogger("coatcheck.requests")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.addHandler(lines)
        logger.setLevel(logging.DEBUG)
    try:
        with TestClient(app) as client:
            yield Service(app, client, clock, lines, attacker)
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.removeHandler(lines)
            logger.setLevel(level)


def token_from_elsewhere(folder: Path) -> str:
    """A token that is good at another service, with a database and keys of its own."""
    with TestClient(make_app(folder, issuer=ELSEWHERE)) as client:
        return Person(client).token


class Attacker:
    """A real server of the attacker's, with the key set that the forgeries name. Nobody must come."""

    def __init__(self) -> None:
        self.came: list[str] = []
        came = self.came

        class Listening(ThreadingHTTPServer):
            def get_request(self) -> Any:
                connection = super().get_request()
                came.append(f"{connection[1]}")
                return connection

        class KeySet(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = json.dumps({"keys": [ATTACKER_KEY.public]}).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:
                """To nobody."""

        self.server = Listening(("127.0.0.1", 0), KeySet)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self) -> None:
        """Listen no longer."""
        self.server.shutdown()
        self.server.server_close()
