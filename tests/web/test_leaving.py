"""Work is given up when its client leaves. A server that stops cancels the request; what it was about may go on to
its end, and that is nobody's news."""

import asyncio
import gc
from typing import Any

import pytest
from fastapi.requests import Request

from coatcheck.problems import BadRequest
from coatcheck.web import while_there


class Client:
    """One that waits for its answer, until it leaves."""

    def __init__(self) -> None:
        self.leaves = asyncio.Event()
        self.asked = 0

    async def receive(self) -> Any:
        self.asked += 1
        await self.leaves.wait()
        return {"type": "http.disconnect"}

    @property
    def request(self) -> Request:
        return Request({"type": "http"}, self.receive)


async def steps(number: int = 5) -> None:
    """Let the others go on."""
    for _ in range(number):
        await asyncio.sleep(0)


async def test_work_gives_what_it_gives_and_leaves_nothing_behind() -> None:
    async def work() -> str:
        await steps()
        return "done"

    client = Client()
    assert await while_there(client.request, work()) == "done"
    await steps()
    assert client.asked == 1
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_the_work_of_a_client_that_leaves_is_given_up() -> None:
    given_up = asyncio.Event()

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            given_up.set()

    client = Client()
    task = asyncio.create_task(while_there(client.request, work()))
    await steps()
    client.leaves.set()
    with pytest.raises(BadRequest):
        await task
    assert given_up.is_set()
    assert task.cancelling() == 0  # so that an answer can be made of it, and a time limit around it still counts


async def test_work_that_has_to_be_finished_is() -> None:
    end = asyncio.Event()

    async def stubborn() -> str:
        try:
            await end.wait()
        except asyncio.CancelledError:
            await end.wait()  # as for a hash that a thread has begun
        return "done"

    client = Client()
    task = asyncio.create_task(while_there(client.request, stubborn()))
    await steps()
    client.leaves.set()
    await steps()
    assert not task.done()
    end.set()
    assert await task == "done"


async def test_a_request_that_is_cancelled_is_not_taken_for_a_client_that_has_left() -> None:
    client = Client()
    task = asyncio.create_task(while_there(client.request, asyncio.Event().wait()))
    await steps()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_nor_is_one_that_is_cancelled_as_its_client_leaves() -> None:
    client = Client()
    task = asyncio.create_task(while_there(client.request, asyncio.Event().wait()))
    await steps()
    task.cancel()
    client.leaves.set()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_time_limit_around_it_holds() -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.001):
            await while_there(Client().request, asyncio.Event().wait())


async def test_what_fails_is_raised() -> None:
    async def failing() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await while_there(Client().request, failing())


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
