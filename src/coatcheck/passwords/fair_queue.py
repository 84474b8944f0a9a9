"""Whose password is hashed next: known networks and strangers in turn, and in each the networks in turn.

So somebody who floods the queue delays mostly himself, whatever he sends and wherever he sends it from. Nor does he
fill it: where there is no room, whoever has most waiting makes some (longest queue drop).
"""

from collections import OrderedDict, deque
from dataclasses import dataclass
from typing import Generic, TypeVar

Job = TypeVar("Job")


@dataclass(frozen=True, slots=True)
class Turn:
    """Where somebody stands in the queue.

    network: where the request comes from; None: nobody else shares it, an operator's own. known: the owner of
    the account that it is about has logged in from there of late. shared: it may stand for everybody behind a proxy.
    """

    network: str | None = None
    known: bool = False
    shared: bool = False


class FairQueue(Generic[Job]):
    """Jobs that wait. Not for several threads at once: whoever holds it holds a lock."""

    def __init__(self) -> None:
        self._lanes: tuple[OrderedDict[str | None, deque[Job]], ...] = (OrderedDict(), OrderedDict())
        self._first = True  # the lane that has its turn

    def put(self, job: Job, turn: Turn) -> None:
        """Let a job wait."""
        self._lanes[turn.known].setdefault(turn.network, deque()).append(job)

    def take(self) -> Job | None:
        """The next one, or None."""
        for known in (self._first, not self._first):
            if lane := self._lanes[known]:
                self._first = not known
                network, waiting = lane.popitem(last=False)
                job = waiting.popleft()
                if waiting:
                    lane[network] = waiting  # behind the others
                return job
        return None

    def make_room(self, turn: Turn, *, among_all: bool) -> Job | None:
        """Take out the last job of the network that has most waiting; None where that would be no fairer.

        turn: for whom; its network will have no more waiting than the other has left. among_all: else only among
        those that take turns with it.
        """
        lanes = self._lanes if among_all else self._lanes[turn.known : turn.known + 1]
        own = len(self._lanes[turn.known].get(turn.network, ()))
        longest = max((waiting for lane in lanes for waiting in lane.values()), key=len, default=None)
        return longest.pop() if longest is not None and len(longest) > own + 1 else None

    def remove(self, job: Job, turn: Turn) -> None:
        """Let a job wait no longer, if it still does."""
        lane = self._lanes[turn.known]
        if (waiting := lane.get(turn.network)) is not None and job in waiting:
            waiting.remove(job)
            if not waiting:
                del lane[turn.network]
