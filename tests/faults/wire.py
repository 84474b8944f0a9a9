"""A client of one TCP connection without a library around it: what leaves, and when, is up to the test."""

import asyncio
import json
import socket
import struct
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

ANSWER_SECONDS = 30


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


class Wire:
    """A keep-alive connection to 127.0.0.1. A server that is gone is a ConnectionError.

    origin: the address that it comes from, any other of 127.0.0.0/8: each is a network of its own.
    """

    def __init__(self, port: int, host: str = "localhost", origin: str | None = None) -> None:
        self.port = port
        self._host = host
        self._origin = origin
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def connect(self) -> "Wire":
        self._reader, self._writer = await asyncio.open_connection(
            "127.0.0.1", self.port, local_addr=None if self._origin is None else (self._origin, 0)
        )
        return self

    async def request(self, method: str, path: str, body: object = None, *, token: str | None = None) -> Answer:
        """Send a request and wait for its answer, however long it takes within reason."""
        await self.send(written(method, path, body, token=token, host=self._host))
        return await self.answer()

    async def send(self, raw: bytes) -> None:
        """Send bytes, whatever they are."""
        if self._writer is None:
            await self.connect()
        assert self._writer is not None
        self._writer.write(raw)
        await self._writer.drain()

    async def answer(self) -> Answer:
        """The next answer on this connection."""
        try:
            # Not wait_for: Python 3.11's forgets that its caller was cancelled, if the answer came just then.
            async with asyncio.timeout(ANSWER_SECONDS):
                return await self._read()
        except asyncio.IncompleteReadError as gone:
            raise ConnectionResetError("closed before the whole answer came") from gone

    async def _read(self) -> Answer:
        assert self._reader is not None
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = head.split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines if line)}
        body = await self._reader.readexactly(int(headers.get("content-length", 0)))
        return Answer(int(first.split()[1]), headers, body)

    async def close(self) -> None:
        """Say goodbye as a client does."""
        if self._writer is not None:
            self._writer.close()
            with suppress(OSError):
                await self._writer.wait_closed()

    def vanish(self) -> None:
        """Be gone without a goodbye: the other side gets a reset, also for what it still writes."""
        assert self._writer is not None
        wire: socket.socket = self._writer.get_extra_info("socket")
        wire.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()


def written(
    method: str, path: str, body: object = None, *, token: str | None = None, host: str = "localhost"
) -> bytes:
    """A request as it goes over the wire."""
    content = b"" if body is None else json.dumps(body).encode()
    lines = [f"{method} {path} HTTP/1.1", f"Host: {host}", f"Content-Length: {len(content)}"]
    if body is not None:
        lines.append("Content-Type: application/json")
    if token is not None:
        lines.append(f"Authorization: Bearer {token}")
    return "\r\n".join([*lines, "", ""]).encode() + content
