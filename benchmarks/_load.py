r"""The load: a process of its own, so that it takes nothing from the server but its answers.

    python benchmarks/_load.py \
        '{"port": 8000, "connections": 16, "seconds": 3, "warm_seconds": 0, "requests": ["GET / …"]}'

Each connection sends its request, the connections taking them in turn, again as soon as the answer is there.
Prints one JSON line: answers, seconds, its own share of a core, and waits in milliseconds; what comes in the
first warm_seconds is not counted. An answer that is not 2xx ends it.
"""

import asyncio
import json
import sys
import time
from functools import partial
from typing import cast

try:
    import uvloop
except ModuleNotFoundError:  # Windows
    make_loop = None
else:
    make_loop = uvloop.new_event_loop

END_OF_HEAD = b"\r\n\r\n"
LENGTH = b"content-length: "


class Connection(asyncio.Protocol):
    """One keep-alive connection."""

    def __init__(self, request: bytes, load: "Load") -> None:
        self._request = request
        self._load = load
        self._buffer = b""
        self._missing = -1  # bytes of the present answer that have not come; -1: its head has not
        self._sent = 0.0
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is not of that class
        self._send()

    def data_received(self, data: bytes) -> None:
        if self._missing < 0:
            data = self._buffer + data if self._buffer else data
            end = data.find(END_OF_HEAD)
            if end < 0:
                self._buffer = data
                return
            self._buffer = b""
            if data[9:10] != b"2":
                self._load.fail(data.decode("latin-1"))
                return
            start = data.find(LENGTH, 0, end) + len(LENGTH)
            self._missing = int(data[start : data.find(b"\r", start)]) + end + len(END_OF_HEAD)
        self._missing -= len(data)
        if self._missing == 0:
            self._missing = -1
            self._load.waits.append(time.perf_counter() - self._sent)
            self._send()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._load.over:
            self._load.fail(f"connection lost: {exc}")

    def _send(self) -> None:
        assert self._transport is not None
        if self._load.over:
            self._transport.close()
            return
        self._sent = time.perf_counter()
        self._transport.write(self._request)


class Load:
    """All connections of one run."""

    def __init__(self) -> None:
        self.waits: list[float] = []
        self.over = False
        self.failure = ""
        self.done = asyncio.Event()

    def fail(self, why: str) -> None:
        self.failure = self.failure or why
        self.over = True
        self.done.set()

    async def run(
        self, *, port: int, connections: int, seconds: float, requests: list[str], warm_seconds: float
    ) -> dict[str, object]:
        loop = asyncio.get_running_loop()
        raw = [request.encode("latin-1") for request in requests]
        for number in range(connections):
            connection = partial(Connection, raw[number % len(raw)], self)
            await loop.create_connection(connection, "127.0.0.1", port)
        await asyncio.sleep(warm_seconds)
        self.waits.clear()
        began, cpu = time.perf_counter(), time.process_time()
        try:
            await asyncio.wait_for(self.done.wait(), seconds)
        except TimeoutError:
            self.over = True
        took = time.perf_counter() - began
        waits = sorted(self.waits)
        return {
            "failure": self.failure or ("" if waits else "no answer came"),
            "answers": len(waits),
            "seconds": took,
            "core": (time.process_time() - cpu) / took,
            "p50": 1000 * waits[len(waits) // 2] if waits else 0,
            "p99": 1000 * waits[len(waits) * 99 // 100] if waits else 0,
            "longest": 1000 * waits[-1] if waits else 0,
        }


async def main() -> None:
    print(json.dumps(await Load().run(**json.loads(sys.argv[1]))))


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=make_loop) as runner:
        runner.run(main())
