"""What other processes have announced, on PostgreSQL: told as it comes, known to be whole to a second."""

import asyncio
import logging
import threading
import weakref
from collections.abc import Callable
from typing import Any

from coatcheck.database.errors import DatabaseUnavailable
from coatcheck.database.postgresql_hearing import EXIT_SECONDS, Ear, Hearing
from coatcheck.database.postgresql_heartbeat import now
from coatcheck.database.postgresql_pool import Pool
from coatcheck.database.statement import Prepared

LOGGER = logging.getLogger("coatcheck")

KNOWN_SECONDS = 1.0
A_MOMENT = 0.002

Rows = Callable[[list[Any]], int]
Message = Callable[[str], None]


class PostgreSQLChanges:
    """A thread listens (postgresql_hearing.py); here one asks whether it still hears.

    `rows` and `message` are called in that thread, and `message` by whoever commits in this process.
    """

    def __init__(
        self, pool: Pool, listen_url: str, channel: str, log: Prepared, rows: Rows, message: Message
    ) -> None:
        self.channel = channel
        self._pool = pool
        self._listen_url = listen_url
        self._log = log
        self._rows = rows
        self._message = message
        self._starting = threading.Lock()
        self._hearing: Hearing | None = None
        self._farewell: weakref.finalize[..., PostgreSQLChanges] | None = None

    def start(self) -> None:
        """Begin to listen, if not done already. Raises DatabaseUnavailable: the database is not open."""
        self._pool.require_open()
        with self._starting:  # requests in several loops may be the first at once
            if self._hearing is not None and self._hearing.is_alive:
                return
            self._let_go()
            tell = _weakly(self)
            self._hearing = Hearing(
                Ear(
                    url=self._pool.url,
                    listen_url=self._listen_url,
                    channel=self.channel,
                    log=self._log,
                    rows=lambda rows: tell(lambda owner: owner._rows(rows)),
                    message=lambda text: tell(lambda owner: owner._message(text)),
                )
            )
            self._farewell = weakref.finalize(self, self._hearing.leave)

    async def close(self) -> None:
        """Stop listening; a later look begins anew."""
        hearing = self._let_go()
        deadline = now() + EXIT_SECONDS
        while hearing is not None and hearing.is_alive and now() < deadline:  # noqa: ASYNC110  a thread ends, no task
            await asyncio.sleep(A_MOMENT)

    async def current(self) -> bool:
        """Whether everything has been told that was committed up to a moment less than KNOWN_SECONDS ago.

        Asked once for each request: it waits for nothing.
        """
        hearing = self._hearing
        if hearing is not None:
            asked_at = hearing.heartbeat.asked_at = now()
            if asked_at - hearing.heartbeat.known_at < KNOWN_SECONDS:
                return True
        self._see_that_somebody_listens()
        return False

    def tell(self, message: str) -> None:
        """An announcement of this very process, whose commit is done: nothing may fail any more."""
        try:
            self._message(message)
        except Exception:
            LOGGER.exception("What this process announced could not be taken in; it will come once more.")

    def _see_that_somebody_listens(self) -> None:
        try:
            self.start()
        except (DatabaseUnavailable, RuntimeError, OSError):
            return  # not open; or no thread, no file is to be had
        hearing = self._hearing
        if hearing is not None and hearing.heartbeat.paused:
            hearing.wake()

    def _let_go(self) -> Hearing | None:
        if self._farewell is not None:
            self._farewell.detach()
        hearing, self._hearing, self._farewell = self._hearing, None, None
        if hearing is not None:
            hearing.stop()
        return hearing


def _weakly(owner: PostgreSQLChanges) -> Callable[[Callable[[PostgreSQLChanges], object]], bool]:
    """Reaches it while it is there; False once it is gone."""
    known = weakref.ref(owner)

    def tell(what: Callable[[PostgreSQLChanges], object]) -> bool:
        found = known()
        if found is None:
            return False
        what(found)
        return True

    return tell


class Watchers:
    """Who watches which channel in this process. It holds nobody: an application may be forgotten."""

    def __init__(self) -> None:
        self._all: tuple[weakref.ref[PostgreSQLChanges], ...] = ()

    def add(self, changes: PostgreSQLChanges) -> None:
        """Tell it from now on."""
        # A new tuple: somebody in another thread may be going through the old one.
        self._all = (*(known for known in self._all if known() is not None), weakref.ref(changes))

    def tell(self, channel: str, message: str) -> None:
        """Hand it to those that watch the channel, before whoever announced it gets an answer."""
        for known in self._all:
            changes = known()
            if changes is not None and changes.channel == channel:
                changes.tell(message)

    async def close(self) -> None:
        """Let all of them stop listening."""
        for known in self._all:
            changes = known()
            if changes is not None:
                await changes.close()
