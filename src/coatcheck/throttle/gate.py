"""How many unfinished attempts of one kind a process lets run at once."""

import asyncio
from collections import Counter, deque
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field

from coatcheck.passwords import HashingBusy

# Whoever waits in another event loop is not woken, but looks by itself: a test client has a loop for each request.
LOOK_SECONDS = 0.25
MOST_WAITING = 256  # of one key: more would wait longer than for a place in the hashing queue


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """One in the queue, beside how many others it may go in, and the event loop that it waits in."""

    others: int
    loop: asyncio.AbstractEventLoop
    called: asyncio.Event = field(default_factory=asyncio.Event)


class Gate:
    """Lets some of each key through at once; the others wait, first come first served.

    left: how many have come out again, of all keys. Who has asked the database before one came out must ask again.
    """

    def __init__(self) -> None:
        self._inside: Counter[bytes] = Counter()
        self._waiting: dict[bytes, deque[Place]] = {}
        self.left = 0

    async def enter(self, inside: ExitStack, key: bytes, most: int) -> None:
        """Go in, after some time: as soon as no more than `most` are inside then. Raises HashingBusy.

        inside: who leaves it comes out again.
        """
        others = most - 1
        # Also where there is room: it is for whoever waits already.
        if self._inside[key] > others or key in self._waiting:
            await self._wait(key, others)
        inside.callback(self._come_out, key)
        self._inside[key] += 1
        self._call(key)  # two may have come out before the first in the queue went in

    def number(self, key: bytes) -> int:
        """How many are inside."""
        return self._inside[key]

    def _come_out(self, key: bytes) -> None:
        self.left += 1
        self._inside[key] -= 1
        if not self._inside[key]:
            del self._inside[key]
        self._call(key)

    async def _wait(self, key: bytes, others: int) -> None:
        place = Place(others, asyncio.get_running_loop())
        waiting = self._waiting.setdefault(key, deque())
        if len(waiting) >= MOST_WAITING:
            raise HashingBusy
        waiting.append(place)
        try:
            while self._inside[key] > others or self._first(key) is not place:
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
