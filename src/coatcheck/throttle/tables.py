"""What is on record of guesses. No name and no address: only their HMAC under a data key."""

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, LargeBinary, Table

from coatcheck.database import ID, METADATA, MOMENT

# A row for whoever counts together for one name: all strangers, or one network that its owner has logged in from.
guess_counts = Table(
    "coatcheck_guess_counts",
    METADATA,
    Column("key", LargeBinary, primary_key=True),
    Column("account_id", ID, ForeignKey("coatcheck_accounts.id", ondelete="CASCADE"), index=True),  # none: no account
    Column("known_at", MOMENT),  # the last login from that network; none: the row of all strangers
    Column("failures", Integer, nullable=False),  # in a row
    Column("recent", Integer, nullable=False),  # of those, without a day's pause: decides the wait
    Column("admit_at", MOMENT),  # not before
    Column("failed_at", MOMENT),  # the last one
)

Index("ix_coatcheck_guess_counts_failed_at", guess_counts.c.failed_at)
Index("ix_coatcheck_guess_counts_known_at", guess_counts.c.known_at)

# What a network has used of a budget, as one moment: it is empty again then (the generic cell rate algorithm).
budgets = Table(
    "coatcheck_budgets",
    METADATA,
    Column("key", LargeBinary, primary_key=True),
    Column("empty_at", BigInteger, nullable=False, index=True),  # milliseconds since 1970
)
