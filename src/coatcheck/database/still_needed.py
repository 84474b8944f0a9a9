"""The refusal of a schema change that would take what something else in the database needs."""

from coatcheck.problems import StartRefused


class StillNeeded(StartRefused):
    """Something else in the database needs what would be taken."""


def still_needed(what: str) -> StillNeeded:
    """The same sentence on both engines. what: who needs it, by the names of tables and constraints."""
    return StillNeeded(
        f"This would take what something else in the database needs ({what}). "
        "Nothing has changed; take that down first."
    )
