"""Bytes on a socket, for what no HTTP client would send."""

import http.client
import socket
from collections.abc import Iterable, Sequence

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


def connect(server: Server, address: str = "127.0.0.1") -> socket.socket:
    """A connection to the server."""
    return socket.create_connection((address, server.port), timeout=SECONDS)


def read(connection: socket.socket, method: str = "GET") -> httpx2.Response:
    """The next answer on the connection."""
    answer = http.client.HTTPResponse(connection, method=method)
    answer.begin()
    content = answer.read()
    headers: Sequence[tuple[str, str]] = answer.getheaders()
    return httpx2.Response(answer.status, headers=headers, content=content)


def ask(server: Server, request: bytes, address: str = "127.0.0.1") -> httpx2.Response:
    """Send bytes on a connection of their own; the first answer."""
    with connect(server, address) as connection:
        connection.sendall(request)
        return read(connection)
