"""Bytes on a socket, for what no HTTP client would send."""

import socket
from collections.abc import Iterable
from types import TracebackType

import httpx2

from tests.support.server import Server

SECONDS = 10


def head(line: str, headers: Iterable[str] = (), host: str | None = "127.0.0.1") -> bytes:
    """A request's first line and headers, with the blank line after them."""
    lines = [line, *([] if host is None else [f"Host: {host}"]), *headers, "", ""]
    return "\r\n".join(lines).encode("latin-1")


def chunked(*chunks: bytes) -> bytes:
    """A body without a length (RFC 9112 section 7.1)."""
    return b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\n"


class Wire:
    """A connection to the server. Answers are read one by one, also when several are asked for at once."""

    def __init__(self, server: Server, address: str = "127.0.0.1") -> None:
        self._socket = socket.create_connection((address, server.port), timeout=SECONDS)
        self._answers = self._socket.makefile("rb")

    def own_address(self) -> str:
        """This end of the connection: address and port."""
        address, port = self._socket.getsockname()[:2]
        return f"{address}:{port}"

    def send(self, data: bytes) -> None:
        """Send bytes as they are."""
        self._socket.sendall(data)

    def read(self, method: str = "GET") -> httpx2.Response:
        """The next answer; ConnectionError when there is none."""
        status_line = self._answers.readline()
        if not status_line:
            raise ConnectionError("closed")
        headers = list[tuple[str, str]]()
        while line := self._answers.readline().rstrip(b"\r\n"):
            name, _, value = line.decode("latin-1").partition(": ")
            headers.append((name, value))
        length = 0 if method == "HEAD" else int(dict(headers).get("content-length", 0))
        return httpx2.Response(int(status_line.split()[1]), headers=headers, content=self._answers.read(length))

    def closed(self) -> bool:
        """Whether the server has closed it; waits for that."""
        return self._answers.read(1) == b""

    def __enter__(self) -> "Wire":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self._answers.close()
        self._socket.close()


def ask(server: Server, request: bytes, address: str = "127.0.0.1") -> httpx2.Response:
    """Send bytes on a connection of their own; the first answer."""
    with Wire(server, address) as wire:
        wire.send(request)
        return wire.read(request.partition(b" ")[0].decode("latin-1"))
