"""The one thread of a hashing pool, held."""

import asyncio
import threading
from typing import Any

from coatcheck.passwords import Turn
from coatcheck.passwords.pool import HashingPool


class Held:
    """The one thread of a pool, held until `go`; what was asked for meanwhile comes in its order."""

    def __init__(self, pool: HashingPool) -> None:
        self.pool = pool
        self.order: list[str] = []
        self._go = threading.Event()
        self._tasks: list[asyncio.Task[Any]] = []

    async def hold(self) -> None:
        began = asyncio.Event()
        loop = asyncio.get_running_loop()

        def wait() -> None:
            loop.call_soon_threadsafe(began.set)
            self._go.wait(10)

        self._tasks.append(asyncio.create_task(self.pool.run(wait, Turn())))
        await began.wait()

    async def ask(self, name: str, turn: Turn) -> asyncio.Task[None]:
        task = asyncio.create_task(self.pool.run(lambda: self.order.append(name), turn))
        self._tasks.append(task)
        await asyncio.sleep(0)
        return task

    def release(self) -> None:
        self._go.set()

    async def go(self) -> list[str]:
        self.release()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        return self.order
