"""The application twice on one database, both in this process: one is stopped where it matters, the
other goes on meanwhile, as a second server process would."""

import asyncio
import base64
import json
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
from fastapi import FastAPI
from sqlalchemy import bindparam, select

from coatcheck import Coatcheck
from coatcheck.accounts.tables import accounts
from coatcheck.keys import PEPPER, SEAL, DataKeys, Keyring
from coatcheck.passwords import Cost, Passwords, Verdict
from coatcheck.sessions.tables import sessions
from tests.support.app import make_app

OLD, NEW = "secret123", "correct horse battery"
CHEAP = Cost(memory_kib=8, iterations=1, lanes=1)
DEARER = Cost(memory_kib=8, iterations=2, lanes=1)

NEWS_SECONDS = 1.0
STORED_HASH = select(accounts.c.password_hash).where(accounts.c.id == bindparam("account_id"))
SESSIONS = select(sessions.c.id).where(sessions.c.account_id == bindparam("account_id"))


class GatedPasswords(Passwords):
    """Real passwords; whoever has checked one waits at the gate before the answer is believed."""

    def __init__(self, cost: Cost, keyring: Keyring, catch_up: Callable[[], Awaitable[None]]) -> None:
        super().__init__(cost, peppers=DataKeys(keyring, PEPPER, catch_up), seals=DataKeys(keyring, SEAL, catch_up))
        self.open = asyncio.Event()
        self._checked = asyncio.Semaphore(0)

    async def verify(self, *args: Any, **kwargs: Any) -> Verdict:
        verdict = await super().verify(*args, **kwargs)
        self._checked.release()
        await self.open.wait()
        return verdict

    async def arrived(self, number: int = 1) -> None:
        """Wait until so many have checked a password."""
        async with asyncio.timeout(10):
            for _ in range(number):
                await self._checked.acquire()


class Process:
    """One of the two: an application and a client of it."""

    def __init__(self, app: FastAPI) -> None:
        self.coatcheck: Coatcheck = app.state.coatcheck
        transport = httpx2.ASGITransport(app, raise_app_exceptions=False)
        self.client = httpx2.AsyncClient(transport=transport, base_url="http://localhost")

    def gate(self, cost: Cost = CHEAP) -> GatedPasswords:
        """Hand gated passwords to login and password change, in the place of their own."""
        gated = GatedPasswords(cost, self.coatcheck.keyring, self.coatcheck.sessions.revocations.catch_up)
        self.coatcheck.login._passwords = self.coatcheck.me._passwords = gated
        return gated

    async def log_in(self, password: str, username: str = "alice") -> httpx2.Response:
        return await self.client.post("/login", json={"username": username, "password": password})

    async def token(self, password: str = OLD) -> str:
        answer = await self.log_in(password)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["access_token"])

    async def register(self, password: str = OLD) -> int:
        answer = await self.client.post("/register", json={"username": "alice", "password": password})
        assert answer.status_code == 201, answer.text
        return int(answer.json()["id"])

    async def change_password(self, token: str, old: str, new: str) -> httpx2.Response:
        body = {"old_password": old, "new_password": new}
        return await self.client.put("/me/password", json=body, headers=bearer(token))

    async def delete(self, token: str) -> httpx2.Response:
        return await self.client.delete("/me", headers=bearer(token))

    async def who(self, token: str) -> int:
        """The status of GET /me with this token."""
        return (await self.client.get("/me", headers=bearer(token))).status_code

    async def refuses(self, token: str) -> bool:
        """Whether GET /me does, within the second that another process's news may take on PostgreSQL."""
        deadline = time.monotonic() + NEWS_SECONDS
        while (status := await self.who(token)) == 200 and time.monotonic() < deadline:
            pass
        return status == 401

    async def stored_hash(self, account_id: int) -> str | None:
        row = await self.coatcheck.database.one(STORED_HASH, {"account_id": account_id})
        return row and str(row.password_hash)

    async def session_ids(self, account_id: int) -> set[str]:
        return {row.id for row in await self.coatcheck.database.all(SESSIONS, {"account_id": account_id})}


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def claims(token: str, part: int = 1) -> dict[str, Any]:
    """What a token says, unverified; part 0 is its header."""
    written = token.split(".")[part]
    said: dict[str, Any] = json.loads(base64.urlsafe_b64decode(written + "=" * (-len(written) % 4)))
    return said


@asynccontextmanager
async def process(folder: Path, database_url: str, **settings: Any) -> AsyncGenerator[Process]:
    """The application, open."""
    settings.setdefault("throttle", False)
    app = make_app(folder, database_url, **settings)
    async with app.router.lifespan_context(app):
        running = Process(app)
        async with running.client:
            yield running
