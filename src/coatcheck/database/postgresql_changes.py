"""Whether somebody has announced a change since one last looked: LISTEN on a direct connection."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import psycopg
from psycopg import sql
from sqlalchemy import Executable

from coatcheck.database.postgresql_pool import LIVENESS

Read = Callable[[Executable, Mapping[str, object]], Awaitable[list[Any]]]

NOTHING: Mapping[str, object] = {}
RECONNECT_SECONDS = 0.25
# A server that hangs, or a cut cable, announces nothing either. So silence is broken by a question,
# and without any sign of life nothing is known: a revocation may be a second late, not more.
SILENCE_SECONDS = 0.4
KNOWN_SECONDS = 1.0
GOODBYE_SECONDS = 1.0


class PostgreSQLChanges:
    """A listening connection of its own, and whether anything was announced on the channel.

    A pooler drops LISTEN silently, so the connection goes to COATCHECK_DATABASE_LISTEN_URL. While it
    is down nothing is known, so `moved` says True each time; it reconnects by itself.
    """

    def __init__(self, url: str, channel: str, read: Read) -> None:
        self._url = url
        self._channel = channel
        self._read = read
        self._listening = False
        self._moved = True
        self._alive_at = 0.0
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> "PostgreSQLChanges":
        started = asyncio.Event()
        self._task = asyncio.create_task(self._listen(started))
        try:
            await started.wait()
        except BaseException:
            self._task.cancel()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._task is not None:
            self._task.cancel()
            # A server that hangs does not answer to a goodbye.
            await asyncio.wait({self._task}, timeout=GOODBYE_SECONDS)

    async def moved(self) -> bool:
        """True at first, after each announcement since the last call, and while nothing is known."""
        known = self._listening and time.monotonic() - self._alive_at < KNOWN_SECONDS
        moved = self._moved or not known
        self._moved = False
        return moved

    async def all(self, statement: Executable, values: Mapping[str, object] = NOTHING) -> list[Any]:
        """All rows, as of now, from the primary."""
        try:
            return await self._read(statement, values)
        except BaseException:
            self._moved = True  # what moved was not read
            raise

    async def _listen(self, started: asyncio.Event) -> None:
        while True:
            try:
                connecting = psycopg.AsyncConnection.connect(self._url, autocommit=True, **LIVENESS)
                async with await connecting as connection:
                    await connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(self._channel)))
                    # Whatever was announced while nobody listened is unknown: look once.
                    self._moved = self._listening = True
                    self._alive_at = time.monotonic()
                    started.set()
                    await self._hear(connection)
            except psycopg.Error:
                pass
            finally:
                self._listening = False
                started.set()
            await asyncio.sleep(RECONNECT_SECONDS)

    async def _hear(self, connection: psycopg.AsyncConnection[Any]) -> None:
        while True:
            async for _ in connection.notifies(timeout=SILENCE_SECONDS):
                self._moved = True
            await connection.execute("SELECT 1")
            self._alive_at = time.monotonic()
