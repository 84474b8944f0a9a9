"""A TCP proxy in front of PostgreSQL that can cut what passes: closed, or swallowed and the connection left open."""

import re
import selectors
import socket
import threading
import time
from collections import deque
from contextlib import suppress
from types import TracebackType
from typing import Literal

from tests.support.postgresql import Cluster

Cut = Literal["closed", "black-holed"]


class Proxy:
    """`with Proxy(cluster) as proxy`: it passes on until `cut`; after `heal` only new connections pass.

    only: connections on which a client has sent this, and no others; None: all.
    """

    def __init__(self, cluster: Cluster, only: re.Pattern[bytes] | None = None) -> None:
        self._cluster = cluster
        self._only = only
        self._meant: set[socket.socket] = set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._selector = selectors.DefaultSelector()
        self._pairs: dict[socket.socket, socket.socket] = {}
        self._swallowed: set[socket.socket] = set()
        self._cut: Cut | None = None
        self._late: deque[tuple[float, socket.socket, bytes]] = deque()
        self.delay_seconds = 0.0  # of everything that passes
        self._guard = threading.Lock()
        self._going = True
        self._thread = threading.Thread(target=self._run, name="proxy", daemon=True)

    def url(self, database: str) -> str:
        """A database of the cluster, through here."""
        return f"postgresql://{self._cluster.user}@127.0.0.1:{self.port}/{database}"

    def __enter__(self) -> "Proxy":
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._going = False
        self._thread.join(5)
        with self._guard:
            for wire in list(self._pairs):
                wire.close()
        self._selector.close()
        self._listener.close()

    def cut(self, how: Cut) -> None:
        """Cut what is open, and whoever tries to connect until `heal`."""
        with self._guard:
            self._cut = how
            for wire in [wire for wire in self._pairs if self._only is None or wire in self._meant]:
                self._cut_one(wire)

    def heal(self) -> None:
        """Let new connections pass; those that were cut stay so."""
        with self._guard:
            self._cut = None

    def _run(self) -> None:
        while self._going:
            ready = self._selector.select(0.01)
            with self._guard:
                while self._late and self._late[0][0] <= time.monotonic():
                    _, wire, heard = self._late.popleft()
                    self._send(wire, heard)
                for key, _ in ready:
                    if key.fileobj is self._listener:
                        self._accept()
                    elif isinstance(key.fileobj, socket.socket) and key.fileobj in self._pairs:
                        self._pass_on(key.fileobj)

    def _accept(self) -> None:
        client, _ = self._listener.accept()
        if self._cut == "closed" and self._only is None:
            client.close()
            return
        server = socket.socket(socket.AF_UNIX)
        server.connect(f"{self._cluster.host}/.s.PGSQL.5432")
        for one, other in ((client, server), (server, client)):
            self._pairs[one] = other
            self._selector.register(one, selectors.EVENT_READ)
        if self._cut == "black-holed" and self._only is None:
            self._swallowed.update((client, server))

    def _pass_on(self, wire: socket.socket) -> None:
        try:
            heard = wire.recv(65_536)
        except OSError:
            heard = b""
        if self._only is not None and self._only.search(heard):
            self._meant.update((wire, self._pairs[wire]))
            if self._cut is not None:
                self._cut_one(wire)
        if wire not in self._pairs:
            return
        if wire in self._swallowed:
            if not heard:
                self._selector.unregister(wire)  # its end is swallowed too
                del self._pairs[wire]
                wire.close()
            return
        if self.delay_seconds or self._late:  # nothing overtakes
            self._late.append((time.monotonic() + self.delay_seconds, wire, heard))
        else:
            self._send(wire, heard)

    def _send(self, wire: socket.socket, heard: bytes) -> None:
        if wire not in self._pairs or wire in self._swallowed:
            return
        with suppress(OSError):
            self._pairs[wire].sendall(heard)
        if not heard:
            self._close(wire)

    def _cut_one(self, wire: socket.socket) -> None:
        if self._cut == "closed":
            self._close(wire)
        elif wire in self._pairs:
            self._swallowed.update((wire, self._pairs[wire]))

    def _close(self, wire: socket.socket) -> None:
        for end in (wire, self._pairs.get(wire)):
            if end is not None and end in self._pairs:
                self._selector.unregister(end)
                del self._pairs[end]
                self._swallowed.discard(end)
                self._meant.discard(end)
                end.close()
