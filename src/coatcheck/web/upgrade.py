"""Requests that offer to speak another protocol are answered in this one (RFC 9110 section 7.8)."""

import sys

from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

OFFER = {b"upgrade", b"http2-settings"}


class Http(HttpToolsProtocol):
    """uvicorn's protocol, which loses the body of a request that offers an upgrade.

    Java's HttpClient offers `Upgrade: h2c` with every request in plain HTTP. httptools stops reading
    at the end of such a head; h11 reads on, so it takes over the connection, without the offer.
    """

    def data_received(self, data: bytes) -> None:
        """Bytes from the client."""
        self._arrived = data
        super().data_received(data)

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
