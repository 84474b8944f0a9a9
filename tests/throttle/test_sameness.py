"""A guesser wants to know which names exist: by whom is refused, when, and for how long."""

from collections.abc import Callable

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from coatcheck.database import Database
from coatcheck.throttle import Throttle
from tests.support.clock import Clock
from tests.support.throttle import client_at
from tests.throttle.conftest import Guesser

NETWORKS = [client_at(f"203.0.113.{number}") for number in range(3)]
STEPS = st.lists(
    st.tuples(st.sampled_from(NETWORKS), st.sampled_from([0, 1, 29, 30, 60, 600, 3_600, 86_399, 90_000])), max_size=40
)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
async def test_v6_3_8_a_name_that_nobody_has_is_refused_as_one_that_somebody_has(
    steps: list[tuple[object, int]],
    throttle: Throttle,
    database: Database,
    clock: Clock,
    add_account: Callable[[str], int],
) -> None:
    name = f"user{clock.now}"
    clock.forward(1_000_000)
    known, unknown = Guesser(throttle, database, add_account(name)), Guesser(throttle, database)
    for client, seconds in steps:
        waits = [
            await known.wrong(name, client),  # type: ignore[arg-type]
            await unknown.wrong(f"not {name}", client),  # type: ignore[arg-type]
        ]
        assert waits[0] == waits[1]
        clock.forward(seconds)
        await throttle.prune()
