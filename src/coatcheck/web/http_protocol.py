"""uvicorn's protocol with what it lacks: a bound for the head of a request, and an answer to offers.

Requests that offer to speak another protocol are answered in this one (RFC 9110 section 7.8).
"""

import sys
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

OFFER = {b"upgrade", b"http2-settings"}
LONGEST_HEAD = 64 * 1024  # bytes; going through a megabyte of headers keeps everybody else waiting
LINGER_SECONDS = 1.0
TOO_LARGE = b"The address and the headers of a request may have at most 65536 bytes."
REFUSAL = b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-type: text/plain; charset=utf-8\r\n"


class HeadTooLarge(Exception):
    """Stops the parser; uvicorn then refuses the request."""


class Http(HttpToolsProtocol):
    """uvicorn's protocol, which reads a head of any size and loses the body of a request that offers an upgrade.

    Java's HttpClient offers `Upgrade: h2c` with every request in plain HTTP. httptools stops reading
    at the end of such a head; h11 reads on, so it takes over the connection, without the offer.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._in_head = self._began_now = self._refused = False
        self._head_bytes = self._waiting_bytes = 0

    def data_received(self, data: bytes) -> None:
        """Bytes from the client."""
        if self._refused:
            return
        self._arrived = data
        self._began_now = False
        super().data_received(data)
        # httptools gathers a line until it ends, and would do so for one that never does.
        if self._in_head and not self._began_now:
            self._waiting_bytes += len(data)
            if self._waiting_bytes > LONGEST_HEAD:
                self._refuse()

    def on_message_begin(self) -> None:
        """A head begins."""
        super().on_message_begin()
        self._in_head = self._began_now = True
        self._head_bytes = self._waiting_bytes = 0

    def on_url(self, url: bytes) -> None:
        """A piece of the address."""
        super().on_url(url)
        self._count(len(url))

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header."""
        super().on_header(name, value)
        self._count(len(name) + len(value) + len(b": \r\n"))

    def on_headers_complete(self) -> None:
        """The head is whole."""
        self._in_head = False
        super().on_headers_complete()

    def send_400_response(self, msg: str) -> None:
        """Called by uvicorn where the parser has stopped."""
        if self._head_bytes > LONGEST_HEAD:
            self._refuse()
        else:
            super().send_400_response(msg)

    def _count(self, more: int) -> None:
        self._head_bytes += more
        if self._head_bytes > LONGEST_HEAD:
            raise HeadTooLarge

    def _refuse(self) -> None:
        self._in_head, self._refused = False, True
        # An earlier request's answer must not come after this one, or within it. None before the first request.
        if not getattr(self.cycle, "response_complete", True):
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self.transport.write(
            REFUSAL + b"content-length: %d\r\nconnection: close\r\n\r\n%s" % (len(TOO_LARGE), TOO_LARGE)
        )
        # Closed while more of it arrives, the connection is reset, and the answer is lost with it.
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self.loop.call_later(LINGER_SECONDS, self.transport.close)

    def _should_upgrade(self) -> bool:
        # Not while an earlier request of the connection is being answered: the answers would mix.
        alone = getattr(self.cycle, "response_complete", True)  # None before the first request
        return alone and self._get_upgrade() is not None

    def _get_upgrade(self) -> bytes | None:
        # uvicorn looks at the last of several Connection lines, httptools at all of them.
        said = b",".join(value.lower() for name, value in self.headers if name == b"connection")
        offered = [value.lower() for name, value in self.headers if name == b"upgrade"]
        return offered[-1] if offered and b"upgrade" in map(bytes.strip, said.split(b",")) else None

    def handle_websocket_upgrade(self) -> None:
        """Called by uvicorn where the head ends: over to WebSocket, or to h11."""
        if super()._should_upgrade():
            super().handle_websocket_upgrade()
            return
        stopped = sys.exception()
        assert stopped is not None  # httptools says by it how far it read
        rest = self._arrived[stopped.args[0] :]
        self.connections.discard(self)
        protocol = H11Protocol(self.config, self.server_state, self.app_state)
        protocol.connection_made(self.transport)
        self.transport.set_protocol(protocol)
        protocol.data_received(self._head() + rest)

    def _head(self) -> bytes:
        version = str(self.scope["http_version"]).encode()
        lines = [str(self.scope["method"]).encode() + b" " + self.url + b" HTTP/" + version]
        # The Connection lines stay: they may say `close` too, and name nothing that is still offered.
        lines += [name + b": " + value for name, value in self.headers if name not in OFFER]
        return b"\r\n".join([*lines, b"", b""])
