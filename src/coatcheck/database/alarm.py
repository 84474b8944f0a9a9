"""Something to be done in some seconds, beside the requests."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any


class Alarm:
    """Runs `work` once in a task, some seconds after it was first wanted; then it may be wanted again.

    A timer of the event loop, which may end before (TestClient without `with` has one for each request):
    then whoever wants it next sets the next one, or starts it, if it is due by then.
    """

    def __init__(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self._work = work
        self._due: float | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None

    def within(self, seconds: float) -> None:
        """Not later than this. Called for each request: it costs next to nothing."""
        now = time.monotonic()
        if self._due is None or now + seconds < self._due:
            self._due = now + seconds
        elif now >= self._due:
            self._ring()
            return
        elif self._loop is not None and not self._loop.is_closed():
            return
        self._loop = asyncio.get_running_loop()
        self._loop.call_later(self._due - now, self._ring)

    def off(self) -> None:
        """What is due is not wanted any more; what runs goes on."""
        self._due = None

    @property
    def running(self) -> asyncio.Task[None] | None:
        """The work that is under way in this event loop."""
        task = self._task
        here = task is not None and not task.done() and task.get_loop() is asyncio.get_running_loop()
        return task if here else None

    def _ring(self) -> None:
        if self._due is None:
            return
        self._due = None
        if self._task is None or self._task.done() or self._task.get_loop().is_closed():
            self._task = asyncio.get_running_loop().create_task(self._work())
