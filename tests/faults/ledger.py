"""Clients that write down what was acknowledged, and hold the server to it afterwards."""

import asyncio
import random
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from tests.faults.wire import Answer, Wire

CLIENTS = 32
PASSWORD = "secret123"


@dataclass
class Account:
    """What one account's owner knows.

    passwords: one of them holds; two while nobody knows whether a change was carried out. former:
    acknowledged to be replaced. token: of a session that was acknowledged. todos: acknowledged, by
    id. gone: acknowledged to be deleted. unsure: a deletion without an answer.
    """

    name: str
    registered: bool = False
    passwords: set[str] = field(default_factory=lambda: {PASSWORD})
    former: set[str] = field(default_factory=set[str])
    token: str | None = None
    todos: dict[int, str] = field(default_factory=dict[int, str])
    gone: set[int] = field(default_factory=set[int])
    unsure: set[int] = field(default_factory=set[int])


class Writer:
    """One client that registers, logs in, writes, deletes and changes passwords, until its server is gone.

    answered: how many of each status came. A 503 is a write without confirmation, like a lost answer.
    """

    def __init__(self, port: int, name: str) -> None:
        self.wire = Wire(port)
        self.name = name
        self.accounts: list[Account] = []
        self.answered: Counter[int] = Counter()
        self.refused: list[Answer] = []
        self.stopped = False
        self._random = random.Random(name)

    async def live(self) -> None:
        """Until the connection breaks or `stopped` is set."""
        try:
            while not self.stopped:
                await self._do_something()
        except (ConnectionError, OSError):
            pass
        finally:
            await self.wire.close()

    async def _do_something(self) -> None:
        account = self.accounts[-1] if self.accounts else None
        if account is None or not account.registered or self._random.random() < 0.15:
            await self._register()
        elif account.token is None:
            await self._log_in(account)
        else:
            choice = self._random.random()
            if choice < 0.2:
                await self._change_password(account)
            elif choice < 0.4 and account.todos:
                await self._delete_todo(account)
            else:
                await self._add_todo(account)

    async def _register(self) -> None:
        account = Account(f"{self.name}-{len(self.accounts)}")
        self.accounts.append(account)
        answer = await self._send("POST", "/register", {"username": account.name, "password": PASSWORD})
        account.registered = answer.status == 201

    async def _log_in(self, account: Account) -> None:
        for password in account.passwords:
            answer = await self._send("POST", "/login", {"username": account.name, "password": password})
            if answer.status == 200:
                account.token = answer.json()["access_token"]

    async def _add_todo(self, account: Account) -> None:
        title = f"{account.name} {len(account.todos)}"
        answer = await self._send("POST", "/todos", {"title": title}, token=account.token)
        if answer.status == 201:
            account.todos[answer.json()["id"]] = title

    async def _delete_todo(self, account: Account) -> None:
        todo = self._random.choice(list(account.todos))
        del account.todos[todo]
        account.unsure.add(todo)
        answer = await self._send("DELETE", f"/todos/{todo}", token=account.token)
        if answer.status == 204:
            account.unsure.discard(todo)
            account.gone.add(todo)

    async def _change_password(self, account: Account) -> None:
        old = next(iter(account.passwords))
        new = f"{PASSWORD}-{len(account.former)}"
        account.passwords = {old, new}
        body = {"old_password": old, "new_password": new}
        answer = await self._send("PUT", "/me/password", body, token=account.token)
        if answer.status == 204:
            account.passwords = {new}
            account.former.add(old)
        else:
            account.token = None  # the account goes on with whichever password holds
            account.registered = False

    async def _send(self, method: str, path: str, body: object = None, *, token: str | None = None) -> Answer:
        answer = await self.wire.request(method, path, body, token=token)
        self.answered[answer.status] += 1
        if answer.status >= 400:
            self.refused.append(answer)
            await asyncio.sleep(0.1)  # a client that is asked to come again waits, if not the whole second
        return answer


async def assert_all_there(port: int, accounts: Iterable[Account]) -> int:
    """Hold the server to everything that was acknowledged; how many accounts that were."""
    waiting = list(accounts)
    number = len(waiting)

    async def check_some() -> None:
        wire = Wire(port)
        while waiting:
            await _assert_there(wire, waiting.pop())
        await wire.close()

    await asyncio.gather(*(check_some() for _ in range(CLIENTS)))
    return number


async def _assert_there(wire: Wire, account: Account) -> None:
    acknowledged = account.registered or account.token is not None or bool(account.former)
    let_in = {password for password in account.passwords if await _lets_in(wire, account, password)}
    if not acknowledged and not let_in:
        return
    assert len(let_in) == 1, f"{account}: {len(let_in)} of its passwords hold"
    for former in account.former:
        assert not await _lets_in(wire, account, former), f"{account}: a replaced password holds"
    if account.token is None:
        return
    answer = await wire.request("GET", "/todos?limit=200", token=account.token)
    assert answer.status == 200, f"{account}: its session is gone"
    found = {todo["id"]: todo["title"] for todo in answer.json()}
    lost = account.todos.items() - found.items()
    assert not lost, f"{account}: {lost} is lost"
    assert not account.gone & found.keys(), f"{account}: a deleted todo is back"


async def _lets_in(wire: Wire, account: Account, password: str) -> bool:
    answer = await wire.request("POST", "/login", {"username": account.name, "password": password})
    assert answer.status in {200, 401}, answer
    return answer.status == 200
