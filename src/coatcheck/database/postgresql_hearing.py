"""The thread that listens to PostgreSQL, with an event loop of its own."""

import asyncio
import logging
import threading
from collections.abc import Callable
from contextlib import aclosing, suppress
from dataclasses import dataclass

from psycopg import sql

from coatcheck.database.postgresql_direct import LOST, Connection, Loop, answered, connected
from coatcheck.database.postgresql_heartbeat import BEAT_SECONDS, NEVER, RECONNECT_SECONDS, Heartbeat
from coatcheck.database.statement import Prepared

LOGGER = logging.getLogger("coatcheck")

FULL_READ_SECONDS = 5.0  # a long log may take longer than a statement should
EXIT_SECONDS = 0.3


@dataclass(frozen=True, slots=True)
class Ear:
    """Where to listen, and who is told. Both callables say False once their owner is gone."""

    url: str
    listen_url: str
    channel: str
    log: Prepared
    rows: Callable[[list[object]], bool]
    message: Callable[[str], bool]


class Hearing:
    """LISTEN, then read the whole log, then hear; anew after each loss.

    Not in the application's event loop: there a long computation of the host's made it stale, and
    TestClient without `with` makes a loop for each request. A thread that runs on while its owner is
    forgotten must not hold it: it reaches the owner weakly, and ends when it is gone.
    """

    def __init__(self, ear: Ear) -> None:
        self.heartbeat = Heartbeat(ear.url)
        self._ear = ear
        self._loop = Loop()
        self._stopped = asyncio.Event()
        self._complained = False
        self._thread = threading.Thread(target=self._run, name="coatcheck-changes", daemon=True)
        try:
            self._thread.start()
        except RuntimeError:  # no more threads
            self._loop.close()
            raise

    @property
    def is_alive(self) -> bool:
        """Whether the thread runs; in a forked child it does not."""
        return self._thread.is_alive()

    def wake(self) -> None:
        """Somebody wants to know again."""
        self._call(self.heartbeat.wake.set)

    def stop(self) -> None:
        """Let the thread end, which takes a moment. From any thread; does not wait."""
        self._call(self._stopped.set)

    def leave(self) -> None:
        """Its owner is gone, or the interpreter ends: then wait: OpenSSL is taken down under whoever still talks."""
        self.stop()
        if not threading.main_thread().is_alive():
            self._thread.join(EXIT_SECONDS)

    def _call(self, what: Callable[[], None]) -> None:
        # A forked child has the wires of the loop without its thread: it wakes the parent, for nothing.
        with suppress(RuntimeError):  # the loop is closed already
            self._loop.call_soon_threadsafe(what)

    def _run(self) -> None:
        try:
            self._loop.run_until_complete(self._hear_until_stopped())
        finally:
            self.heartbeat.known_at = NEVER
            self._loop.close()

    async def _hear_until_stopped(self) -> None:
        works = {asyncio.create_task(work) for work in (self._listen(), self.heartbeat.beat(), self._stopped.wait())}
        ended, others = await asyncio.wait(works, return_when=asyncio.FIRST_COMPLETED)
        for work in others:
            work.cancel()
        await asyncio.wait(works)
        for work in ended:
            work.result()

    async def _listen(self) -> None:
        while True:
            try:
                connection = await connected(self._ear.listen_url)
                try:
                    if not await self._hear(connection):
                        return
                finally:
                    self.heartbeat.nobody_listens()
                    connection.pgconn.finish()
            except LOST:
                pass
            except Exception:
                # Whoever is told could not take it in: nothing is known, and each request asks the database.
                if not self._complained:
                    LOGGER.exception("What another process announced could not be taken in; it is asked for instead.")
                self._complained = True
            await asyncio.sleep(RECONNECT_SECONDS)

    async def _hear(self, connection: Connection) -> bool:
        """Hear until the connection is lost or does not bring what was sent; False: nobody is there to be told."""
        channels = [sql.Identifier(name) for name in (self._ear.channel, self.heartbeat.channel)]
        await answered(connection, sql.SQL("LISTEN {}; LISTEN {}").format(*channels))
        log = self._ear.log
        raw = await answered(connection, log.sql.encode(), log.parameters({"after": 0}), seconds=FULL_READ_SECONDS)
        if raw and not self._ear.rows(log.rows(raw)):
            return False
        del raw
        self.heartbeat.somebody_listens()
        while not self.heartbeat.is_overdue():
            # What came during the read is here too, in order.
            async with aclosing(connection.notifies(timeout=BEAT_SECONDS)) as notifications:
                async for heard in notifications:
                    if heard.channel == self.heartbeat.channel:
                        self.heartbeat.came_back(heard.payload)
                    elif not self._ear.message(heard.payload):
                        return False
        return True
