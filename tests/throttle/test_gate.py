"""Somebody sends guesses at one account without a pause, and each needs a place. The owner, who waits for one, is not
to be overtaken by those who come later."""

import asyncio
from contextlib import ExitStack

import pytest

from coatcheck.passwords import HashingBusy
from coatcheck.throttle import gate as gates
from coatcheck.throttle.gate import Gate

KEY = b"alice"


class Visitors:
    """They go through a gate that lets one in, and are written down."""

    def __init__(self) -> None:
        self.gate = Gate()
        self.entered: list[str] = []
        self.open = asyncio.Event()
        self.inside = 0
        self.most = 0

    async def visit(self, name: str, *, again: bool = False) -> None:
        with ExitStack() as inside:
            await self.gate.enter(inside, KEY, 1)
            self.entered.append(name)
            self.inside += 1
            self.most = max(self.most, self.inside)
            await self.open.wait()
            await asyncio.sleep(0)
            self.inside -= 1
        if again:
            await self.visit("again")

    async def begin(self, name: str, *, again: bool = False) -> "asyncio.Task[None]":
        """Come, and wait until one stands in the queue or is inside."""
        visit = asyncio.create_task(self.visit(name, again=again))
        await turns(3)
        return visit


async def turns(number: int) -> None:
    """Of the event loop."""
    for _ in range(number):
        await asyncio.sleep(0)


async def ended(*visits: "asyncio.Task[None]") -> None:
    async with asyncio.timeout(5):
        await asyncio.gather(*visits)


async def test_who_comes_out_and_at_once_again_stands_behind_those_who_wait() -> None:
    visitors = Visitors()
    visits = [await visitors.begin("guesser", again=True), await visitors.begin("owner")]
    visitors.open.set()
    await ended(*visits)
    assert visitors.entered == ["guesser", "owner", "again"]


async def test_who_waits_long_keeps_the_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gates, "LOOK_SECONDS", 0)
    visitors = Visitors()
    visits = [await visitors.begin(str(number)) for number in range(6)]
    for _ in range(50):
        await asyncio.sleep(0)
    visitors.open.set()
    await ended(*visits)
    assert visitors.entered == ["0", "1", "2", "3", "4", "5"]
    assert visitors.most == 1


async def test_who_leaves_when_called_gives_the_turn_to_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gates, "LOOK_SECONDS", 3_600)
    visitors = Visitors()
    visitors.open.set()
    with ExitStack() as inside:
        await visitors.gate.enter(inside, KEY, 1)
        second, third = [await visitors.begin(name) for name in ("second", "third")]
    second.cancel()  # called a moment ago, and not in yet
    await ended(third)
    assert visitors.entered == ["third"]


async def test_two_who_come_out_together_let_two_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gates, "LOOK_SECONDS", 3_600)
    gate = Gate()
    both_in, out = asyncio.Barrier(2), asyncio.Event()

    async def hold() -> None:
        with ExitStack() as inside:
            await gate.enter(inside, KEY, 2)
            await out.wait()

    async def meet() -> None:
        with ExitStack() as inside:
            await gate.enter(inside, KEY, 2)
            await both_in.wait()

    visits = [asyncio.create_task(work()) for work in (hold, hold, meet, meet)]
    await turns(3)
    out.set()
    await ended(*visits)


def test_who_waited_in_an_event_loop_that_has_ended_keeps_nobody_waiting() -> None:
    visitors = Visitors()
    going_on, ending = asyncio.new_event_loop(), asyncio.new_event_loop()
    inside = going_on.create_task(visitors.visit("inside"))
    going_on.run_until_complete(turns(3))
    left = ending.create_task(visitors.visit("left"))
    ending.run_until_complete(turns(3))
    ending.close()  # as it is, without a word to its tasks

    async def come() -> None:
        visitors.open.set()
        await ended(inside, await visitors.begin("next"))

    going_on.run_until_complete(come())
    going_on.close()
    assert visitors.entered == ["inside", "next"]
    assert not left.done()


async def test_beyond_some_hundreds_nobody_waits() -> None:
    visitors = Visitors()
    visits = [await visitors.begin(str(number)) for number in range(gates.MOST_WAITING + 1)]
    with pytest.raises(HashingBusy):
        await visitors.visit("one more")
    visitors.open.set()
    await ended(*visits)
