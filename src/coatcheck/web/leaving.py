"""Work for a client that may leave before it is done."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar, cast

from fastapi.requests import Request

from coatcheck.problems import BadRequest

Result = TypeVar("Result")


async def while_there(request: Request, work: Coroutine[Any, Any, Result]) -> Result:
    """What the work gives. When its client leaves, it is given up at its next step.

    For what waits in a queue: a server tells nobody by itself that a client has left, so hundreds that send a
    request and are gone would keep their places, in front of those who wait. The request's body was read before.
    Raises BadRequest, which nobody reads, for one who has left.
    """
    waited_for = True

    async def to_its_end() -> Result | None:
        try:
            return await work
        except Exception:
            # A server that stops has cancelled the request; what becomes of the rest is nobody's news.
            if waited_for:
                raise
            return None

    doing, leaving = asyncio.create_task(to_its_end()), asyncio.create_task(_left(request))
    try:
        await asyncio.wait({doing, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not doing.done():
            doing.cancel()
            await asyncio.wait({doing})
        if doing.cancelled():
            raise BadRequest("The connection was closed before the answer came.")
        return cast("Result", doing.result())
    finally:
        waited_for = False
        leaving.cancel()
        doing.cancel()


async def _left(request: Request) -> None:
    """When the client has left. Until then a server gives nothing more to receive (ASGI's HTTP specification)."""
    if (await request.receive())["type"] != "http.disconnect":
        await asyncio.Event().wait()  # one that gives the body again and again is not asked a second time
