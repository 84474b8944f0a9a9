"""Whatever is asked for and given up, each job comes once, and those of one turn in their order."""

from hypothesis import given
from hypothesis import strategies as st

from coatcheck.passwords import Turn
from coatcheck.passwords.fair_queue import FairQueue

TURNS = st.builds(Turn, st.sampled_from([None, "a", "b", "c"]), st.booleans())


@given(st.lists(st.tuples(TURNS, st.booleans())))
def test_everything_that_waits_comes_once_and_of_one_turn_in_order(asked: list[tuple[Turn, bool]]) -> None:
    queue: FairQueue[tuple[int, Turn]] = FairQueue()
    jobs = [(number, turn) for number, (turn, _) in enumerate(asked)]
    for job in jobs:
        queue.put(job, job[1])
    left = [job for job, (_, leaves) in zip(jobs, asked, strict=True) if leaves]
    for job in left:
        queue.remove(job, job[1])
        queue.remove(job, job[1])
    taken = list(iter(queue.take, None))
    assert sorted(taken, key=lambda job: job[0]) == [job for job in jobs if job not in left]
    for turn in {turn for _, turn in taken}:
        numbers = [number for number, of in taken if of == turn]
        assert numbers == sorted(numbers)
