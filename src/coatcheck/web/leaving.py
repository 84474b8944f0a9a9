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
    own = asyncio.current_task()
    assert own is not None
    cancelled_before = own.cancelling()
    left = False

    async def give_up() -> None:
        nonlocal left
        await _left(request)
        left = True
        own.cancel()

    # The work itself stays in the request's task: two tasks more were a tenth of what a login takes beside its hash.
    leaving = asyncio.create_task(give_up())
    try:
        return await work
    except asyncio.CancelledError:
        if left and own.uncancel() <= cancelled_before:
            raise BadRequest("The connection was closed before the answer came.") from None
        raise
    finally:
        leaving.cancel()


async def _left(request: Request) -> None:
    """When the client has left. Until then a server gives nothing more to receive (ASGI's HTTP specification)."""
    if (await request.receive())["type"] != "http.disconnect":
        await asyncio.Event().wait()  # one that gives the body again and again is not asked a second time
