"""How many unfinished attempts of one kind a process lets run at once."""

import asyncio
from collections import Counter, deque
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress

# Whoever waits in another event loop is not woken, but looks by itself: a test client has a loop for each request.
LOOK_SECONDS = 0.05


class Gate:
    """Lets `most` of each key through; the others wait, first come first served.

    left: how many have come out again, of all keys. Who has asked the database before one came out must ask again.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._inside: Counter[bytes] = Counter()
        self._waiting: dict[bytes, deque[asyncio.Future[None]]] = {}
        self.left = 0

    @asynccontextmanager
    async def inside(self, key: bytes) -> AsyncGenerator[None, None]:
        """Go in, after some time."""
        while self._inside[key] >= self._most:
            await self._wait(key)
        self._inside[key] += 1
        try:
            yield
        finally:
            self.left += 1
            self._inside[key] -= 1
            if not self._inside[key]:
                del self._inside[key]
            self._wake(key)

    async def _wait(self, key: bytes) -> None:
        place = asyncio.get_running_loop().create_future()
        waiting = self._waiting.setdefault(key, deque())
        waiting.append(place)
        try:
            await asyncio.wait({place}, timeout=LOOK_SECONDS)
        except asyncio.CancelledError:
            if place.done():  # the turn was given to somebody who leaves
                self._wake(key)
            raise
        finally:
            with suppress(ValueError):
                waiting.remove(place)
            if not waiting and self._waiting.get(key) is waiting:
                del self._waiting[key]

    def _wake(self, key: bytes) -> None:
        here = asyncio.get_running_loop()
        for place in self._waiting.get(key, ()):
            if place.get_loop() is here and not place.done():
                place.set_result(None)
                return
