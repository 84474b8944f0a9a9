"""A server that stops cancels the request; what it was about may go on to its end, and that is nobody's news."""

import asyncio
import gc
from typing import Any

import pytest
from fastapi.requests import Request

from coatcheck.web import while_there


async def _cancelled_while_at_work(end: asyncio.Event) -> None:
    """A request that its server cancels; its work is at something that it must finish, and fails at the next."""
    begun = asyncio.Event()

    async def stubborn() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            try:
                await end.wait()  # as a hash that a thread has begun
            finally:
                raise RuntimeError("the database is closed by now")

    async def receive() -> Any:
        await asyncio.Event().wait()

    task = asyncio.create_task(while_there(Request({"type": "http"}, receive), stubborn()))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_what_fails_after_the_request_was_cancelled_is_not_reported() -> None:
    told: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))
    end = asyncio.Event()
    await _cancelled_while_at_work(end)
    end.set()
    for _ in range(5):
        await asyncio.sleep(0)
    gc.collect()
    assert told == []


def test_nor_is_what_fails_when_the_loop_ends(caplog: pytest.LogCaptureFixture) -> None:
    asyncio.run(_cancelled_while_at_work(asyncio.Event()))
    assert caplog.messages == []


async def test_what_fails_while_somebody_waits_is_raised() -> None:
    async def failing() -> None:
        raise ZeroDivisionError

    async def receive() -> Any:
        await asyncio.Event().wait()

    with pytest.raises(ZeroDivisionError):
        await while_there(Request({"type": "http"}, receive), failing())
