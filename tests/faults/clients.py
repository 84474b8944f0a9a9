"""People who work at several servers, one request after another, and expect each answer to be the good one."""

import asyncio
import base64
import json
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from tests.faults.wire import Answer, Wire

PASSWORD = "secret123"
A_LOGIN = 20  # requests with it: checking a password costs a hundred times as much as one of them
AT_ONE_SERVER = 3
PAUSE_SECONDS = 0.01
STOPPING = b'"urn:coatcheck:problem:stopping"'


def key_id(token: str) -> str:
    """The key that a token names, unverified."""
    header = token.split(".")[0]
    return str(json.loads(base64.urlsafe_b64decode(header + "=" * (-len(header) % 4)))["kid"])


class Clients:
    """So many people, each with an account, and what became of their requests.

    ports: of the servers. host: the name by which they call. restarting: whether a port's server need not be
    there just now: whoever is refused, cut off or told that it stops goes to another one, as through a balancer.
    Anywhere else that is a failure.
    """

    def __init__(
        self,
        ports: list[int],
        *,
        people: int = 20,
        host: str = "localhost",
        restarting: Callable[[int], bool] = lambda _: False,
    ) -> None:
        self.ports, self.host, self.restarting = ports, host, restarting
        self.going_on = True
        self.answers: Counter[str] = Counter()
        self.failures: list[str] = []
        self.turned_away = 0
        self.longest = 0.0
        self.key_ids: set[str] = set()
        self._people = [Person(self, number) for number in range(people)]
        self._tasks: list[asyncio.Task[None]] = []

    async def begin(self) -> None:
        """Register all of them, and let them work."""
        await asyncio.gather(*(person.register() for person in self._people))
        self._tasks = [asyncio.create_task(person.work()) for person in self._people]

    async def end(self) -> None:
        """Let each finish what it is at."""
        self.going_on = False
        await asyncio.gather(*self._tasks)

    def summary(self) -> str:
        """What was asked, and how it went."""
        counts = ", ".join(f"{number} {what}" for what, number in sorted(self.answers.items()))
        return (
            f"{self.answers.total()} requests ({counts}), {len(self.failures)} failed, {self.turned_away} turned "
            f"away by a server that restarted, the longest took {self.longest * 1000:.0f} ms"
        )


class Person:
    """One of them. Each goes from server to server with the same tokens."""

    def __init__(self, all_: Clients, number: int) -> None:
        self._all = all_
        self._place = number
        self._wire: Wire | None = None
        self._credentials = {"username": f"user{number}", "password": PASSWORD}

    async def register(self) -> None:
        """Begin."""
        await self._ask(201, "POST", "/register", self._credentials)

    async def work(self) -> None:
        """Log in, work, refresh, work; until told to stop."""
        while self._all.going_on:
            tokens = await self._ask(200, "POST", "/login", {**self._credentials, "refresh": True})
            for number in range(A_LOGIN):
                if tokens is None or not self._all.going_on:
                    break
                if number % AT_ONE_SERVER == 0:
                    await self._move_on()
                tokens = await self._use(tokens, number)
                await asyncio.sleep(PAUSE_SECONDS)
        await self._move_on()

    async def _use(self, tokens: dict[str, Any], number: int) -> Any:
        """One request; the tokens to go on with."""
        self._all.key_ids.add(key_id(tokens["access_token"]))
        if number % 5 == 4:
            return await self._ask(200, "POST", "/token/refresh", {"refresh_token": tokens["refresh_token"]})
        if number % 5 == 2:
            await self._ask(201, "POST", "/todos", {"title": "Learn JWT"}, token=tokens["access_token"])
        else:
            await self._ask(200, "GET", "/todos?limit=5", token=tokens["access_token"])
        return tokens

    async def _ask(self, expected: int, method: str, path: str, *body: Any, token: str | None = None) -> Any:
        """The answer, None where it is not the expected one."""
        began = time.monotonic()
        answer = await self._answered(method, path, *body, token=token)
        self._all.longest = max(self._all.longest, time.monotonic() - began)
        self._all.answers[f"{method} {path.partition('?')[0]}"] += 1
        if answer.status != expected:
            self._all.failures.append(f"{method} {path}: {answer.status} {answer.body.decode()}")
            return None
        return answer.json()

    async def _answered(self, *request: Any, token: str | None) -> Answer:
        while True:
            port = self._all.ports[self._place % len(self._all.ports)]
            wire = self._wire = self._wire or Wire(port, self._all.host)
            try:
                answer = await wire.request(*request, token=token)
            except OSError:
                if not self._all.restarting(port):
                    raise
            else:
                if not (STOPPING in answer.body and self._all.restarting(port)):
                    return answer
            self._all.turned_away += 1
            await self._move_on()

    async def _move_on(self) -> None:
        self._place += 1
        if self._wire is not None:
            await self._wire.close()
        self._wire = None
