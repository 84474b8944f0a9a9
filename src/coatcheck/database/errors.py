"""What a database can refuse, the same for both engines.

Conflict
├── UniqueViolation       the value is taken: the constraint decides races, not a look beforehand
└── ForeignKeyViolation   something still points there, or what it points to is gone
Unavailable
├── DatabaseUnavailable   lost, locked, full: nothing was acknowledged, it may be repeated
└── ReadTooLong           a search ran into its time limit
TransactionMisused        a mistake in the program: the message names the line
StatementRefused          a mistake in a statement or in its values: the message names columns, never a value
"""

from coatcheck.problems import Conflict, Unavailable


class UniqueViolation(Conflict):
    """The value is taken."""

    name = "already-exists"
    detail = "Something with this value exists already."


class ForeignKeyViolation(Conflict):
    """Something still points there, or what it points to is gone."""

    name = "still-in-use"
    detail = "Something else depends on this, so nothing was changed."


class DatabaseUnavailable(Unavailable):
    """Nothing was acknowledged; it may be repeated."""

    name = "database-unavailable"
    detail = "The database does not answer. Nothing has been confirmed; try again in a moment."


class ReadTooLong(Unavailable):
    """A search was stopped at its time limit."""

    name = "search-too-long"
    detail = "The search took too long and was stopped. Narrow it, then try again."


class TransactionMisused(RuntimeError):
    """A transaction was used in a way that would harm others; it was rolled back."""


class StatementRefused(RuntimeError):
    """A statement, or a value that nothing above had refused. It holds no value: logs show it."""
