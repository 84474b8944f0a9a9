"""How many unfinished attempts of one kind a process lets run at once."""

import asyncio
from collections import Counter, deque
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

# Whoever waits in another event loop is not woken, but looks by itself: a test client has a loop for each request.
LOOK_SECONDS = 0.05


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """One in the queue, how much room it needs, and the event loop that it waits in."""

    room: int
    loop: asyncio.AbstractEventLoop
    called: asyncio.Event = field(default_factory=asyncio.Event)


class Gate:
    """Lets `most` of each key through; the others wait, first come first served.

    left: how many have come out again, of all keys. Who has asked the database before one came out must ask again.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._inside: Counter[bytes] = Counter()
        self._waiting: dict[bytes, deque[Place]] = {}
        self.left = 0

    @asynccontextmanager
    async def inside(self, key: bytes, *, alone: bool = False) -> AsyncGenerator[None, None]:
        """Go in, after some time. alone: while nobody else of this key is inside."""
        room = self._most if alone else 1
        # Also where there is room: it is for whoever waits already.
        if self._full(key, room) or key in self._waiting:
            await self._wait(key, room)
        self._inside[key] += room
        self._call(key)  # two may have come out before the first in the queue went in
        try:
            yield
        finally:
            self.left += 1
            self._inside[key] -= room
            if not self._inside[key]:
                del self._inside[key]
            self._call(key)

    def _full(self, key: bytes, room: int) -> bool:
        return self._inside[key] + room > self._most

    async def _wait(self, key: bytes, room: int) -> None:
        place = Place(room, asyncio.get_running_loop())
        waiting = self._waiting.setdefault(key, deque())
        waiting.append(place)
        try:
            while self._full(key, place.room) or self._first(key) is not place:
                place.called.clear()
                with suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_SECONDS):
                        await place.called.wait()
        except BaseException:
            self._leave(key, place)
            self._call(key)  # the turn may have been given to somebody who leaves
            raise
        self._leave(key, place)

    def _leave(self, key: bytes, place: Place) -> None:
        waiting = self._waiting[key]
        waiting.remove(place)
        if not waiting:
            del self._waiting[key]

    def _first(self, key: bytes) -> Place | None:
        """The first in the queue, without those whose event loop has ended under them."""
        return next((place for place in self._waiting.get(key, ()) if not place.loop.is_closed()), None)

    def _call(self, key: bytes) -> None:
        first = self._first(key)
        if first is not None and first.loop is asyncio.get_running_loop():
            first.called.set()
