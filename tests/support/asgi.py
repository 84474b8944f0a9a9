"""A request as a server hands it to the application, in this process: bytes as they are, and no socket."""

from typing import Any, NamedTuple

from fastapi import FastAPI

Header = tuple[bytes, bytes]


class Reply(NamedTuple):
    """What came back. Each header comes once."""

    status: int
    headers: dict[str, str]
    body: bytes


async def ask(app: FastAPI, method: str, path: str, headers: list[Header], body: bytes = b"") -> Reply:
    """Do it."""
    status, answer, got = 0, b"", dict[str, str]()

    async def receive() -> Any:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        nonlocal status, answer
        if message["type"] == "http.response.start":
            status = message["status"]
            for name, value in message["headers"]:
                assert name.decode() not in got, f"{name} comes twice"
                got[name.decode()] = value.decode("latin-1")
        answer += message.get("body", b"")

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "scheme": "http",
        "headers": headers,
        "server": ("127.0.0.1", 8000),
        "client": ("127.0.0.1", 50_000),
    }
    await app(scope, receive, send)
    return Reply(status, got, answer)
