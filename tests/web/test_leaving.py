"""A server that stops cancels the request; what it was about may go on to its end, and that is nobody's news."""

import asyncio
import gc
from typing import Any

import pytest
from fastapi.requests import Request

from coatcheck.web import while_there


async def test_what_fails_after_the_request_was_cancelled_is_not_reported_as_forgotten() -> None:
    told: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))
    begun, end = asyncio.Event(), asyncio.Event()

    async def stubborn() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            await end.wait()  # as a hash that a thread has begun
            raise RuntimeError("the database is closed by now") from None

    async def receive() -> Any:
        await asyncio.Event().wait()

    task = asyncio.create_task(while_there(Request({"type": "http"}, receive), stubborn()))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    end.set()
    for _ in range(5):
        await asyncio.sleep(0)
    gc.collect()
    assert told == []
