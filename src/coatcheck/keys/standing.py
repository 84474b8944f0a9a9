"""How a signing key stands: four moments, and what follows from them."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from coatcheck.tokens.stages import LONGEST_LIFETIME_SECONDS

# Two hours more than any token lives: a clock may jump by an hour, and come back.
RETIRED_SECONDS = LONGEST_LIFETIME_SECONDS + 2 * 3_600

State = Literal["next", "current", "retired", "over", "revoked"]


@dataclass(frozen=True, slots=True)
class Standing:
    """One signing key's course of life.

    next: published and accepted, signs nothing yet. current: signs. retired: published and accepted
    until its last token has expired; then it is over. revoked: neither, at once and for good.
    """

    id: str
    algorithm: str
    serial: int
    published_at: datetime
    signs_from: datetime | None
    retired_at: datetime | None
    revoked_at: datetime | None

    @classmethod
    def of(cls, row: Any) -> "Standing":
        """That of a row of coatcheck_keys."""
        return cls(
            row.key_id,
            row.algorithm,
            row.serial,
            row.created_at,
            row.signs_from,
            row.retired_at,
            row.revoked_at,
        )

    def state(self, now: datetime) -> State:
        """Which of its states it is in."""
        if self.revoked_at is not None:
            return "revoked"
        if self.retired_at is not None:
            return "retired" if now < self.retired_at + timedelta(seconds=RETIRED_SECONDS) else "over"
        return "next" if self.signs_from is None else "current"


def newest(standings: list[Standing], state: State, now: datetime) -> Standing | None:
    """The one in this state that was made last."""
    found = [one for one in standings if one.state(now) == state]
    return max(found, key=lambda one: one.serial, default=None)
