"""The feed's own connections to PostgreSQL: every step has a deadline, and closing never waits."""

import asyncio
import socket
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import psycopg
from psycopg import sql

from coatcheck.database.postgresql_pool import CONNECT_SECONDS, LIVENESS

STATEMENT_SECONDS = 1.0
LOST = (psycopg.Error, OSError, TimeoutError)

Connection = psycopg.AsyncConnection[Any]


class Loop(asyncio.SelectorEventLoop):
    """An event loop that looks names up in daemon threads.

    asyncio's own does it in threads that the interpreter waits for at its exit: with a dead name
    server Ctrl+C would take many seconds. psycopg works with a selector loop on every system.
    """

    async def getaddrinfo(self, host: Any, port: Any, **options: Any) -> Any:
        """What socket.getaddrinfo says."""
        answer: asyncio.Future[Any] = self.create_future()

        def tell(found: Any, error: OSError | None) -> None:
            if answer.done():
                return
            if error is not None:
                answer.set_exception(error)
            else:
                answer.set_result(found)

        def look_up() -> None:
            found, failure = None, None
            try:
                found = socket.getaddrinfo(host, port, **options)
            except OSError as error:
                failure = error
            with suppress(RuntimeError):  # the loop was closed meanwhile
                self.call_soon_threadsafe(tell, found, failure)

        threading.Thread(target=look_up, name="coatcheck-names", daemon=True).start()
        return await answer


async def connected(url: str) -> Connection:
    """A connection in autocommit. Raises one of LOST.

    No prepared statements: PgBouncer in transaction mode gives each statement another session.
    """
    async with asyncio.timeout(CONNECT_SECONDS):
        return await psycopg.AsyncConnection.connect(url, autocommit=True, prepare_threshold=None, **LIVENESS)


async def answered(
    connection: Connection,
    statement: bytes | sql.Composed,
    values: Mapping[str, object] | Sequence[object] | None = None,
    *,
    seconds: float = STATEMENT_SECONDS,
) -> list[Any]:
    """The rows of a statement. Raises one of LOST; then, or when cancelled, the connection is closed.

    asyncio.timeout around `execute` is no deadline: psycopg answers a cancellation by asking the
    server, over a new connection, to cancel the statement, and waits five seconds for that and five
    more for the statement. On a closed connection it has nothing to cancel.
    """
    asking = asyncio.ensure_future(connection.execute(statement, values))
    try:
        await asyncio.wait({asking}, timeout=seconds)
        if not asking.done():
            raise TimeoutError
        cursor = asking.result()
        return await cursor.fetchall() if cursor.description else []
    except BaseException:
        connection.pgconn.finish()
        asking.cancel()
        await asyncio.wait({asking})
        if not asking.cancelled():
            asking.exception()  # looked at, or asyncio complains that nobody did
        raise
