"""Work for a client that may leave before it is done."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from fastapi.requests import Request

from coatcheck.problems import BadRequest

Result = TypeVar("Result")


async def while_there(request: Request, work: Coroutine[Any, Any, Result]) -> Result:
    """What the work gives. When its client leaves, it is given up at its next step.

    For what waits in a queue: a server tells nobody by itself that a client has left, so hundreds that send a
    request and are gone would keep their places, in front of those who wait. The request's body was read before.
    Raises BadRequest, which nobody reads, for one who has left.
    """
    doing, leaving = asyncio.create_task(work), asyncio.create_task(_left(request))
    for task in (doing, leaving):
        task.add_done_callback(_heard)
    try:
        await asyncio.wait({doing, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not doing.done():
            doing.cancel()
            await asyncio.wait({doing})
        if doing.cancelled():
            raise BadRequest("The connection was closed before the answer came.")
        return doing.result()
    finally:
        leaving.cancel()
        doing.cancel()


def _heard(done: asyncio.Task[Any]) -> None:
    """Where the server stops, nobody waits for what becomes of it: asyncio need not say so."""
    if not done.cancelled():
        done.exception()


async def _left(request: Request) -> None:
    """When the client has left. Until then a server gives nothing more to receive (ASGI's HTTP specification)."""
    if (await request.receive())["type"] != "http.disconnect":
        await asyncio.Event().wait()  # one that gives the body again and again is not asked a second time
