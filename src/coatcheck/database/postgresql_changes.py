"""Whether somebody has announced a change since one last looked: LISTEN on a direct connection."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any

import psycopg
from psycopg import sql
from sqlalchemy import Executable

Read = Callable[[Executable, Mapping[str, object]], Awaitable[list[Any]]]

NOTHING: Mapping[str, object] = {}
RECONNECT_SECONDS = 0.25


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
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> "PostgreSQLChanges":
        started = asyncio.Event()
        self._task = asyncio.create_task(self._listen(started))
        await started.wait()
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def moved(self) -> bool:
        """True at first, after each announcement since the last call, and while nothing is known."""
        moved = self._moved or not self._listening
        self._moved = False
        return moved

    async def all(self, statement: Executable, values: Mapping[str, object] = NOTHING) -> list[Any]:
        """All rows, as of now, from the primary."""
        try:
            return await self._read(statement, values)
        except Exception:
            self._moved = True  # what moved was not read
            raise

    async def _listen(self, started: asyncio.Event) -> None:
        while True:
            try:
                async with await psycopg.AsyncConnection.connect(self._url, autocommit=True) as connection:
                    await connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(self._channel)))
                    # Whatever was announced while nobody listened is unknown: look once.
                    self._moved = self._listening = True
                    started.set()
                    async for _ in connection.notifies():
                        self._moved = True
            except psycopg.Error:
                pass
            finally:
                self._listening = False
                started.set()
            await asyncio.sleep(RECONNECT_SECONDS)
