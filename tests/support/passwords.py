"""Passwords whose keys are in no database."""

from coatcheck.passwords import CHEAPEST, Cost, Passwords
from tests.support.keys import HeldKeys


def passwords_with(
    cost: Cost = CHEAPEST, *, peppers: HeldKeys | None = None, seals: HeldKeys | None = None
) -> Passwords:
    """Passwords with keys of their own, unless given."""
    return Passwords(cost, peppers=peppers or HeldKeys(), seals=seals or HeldKeys())
