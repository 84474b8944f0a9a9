"""Every number of the guessing limits. docs/passwords.md names them, and a test compares."""

from dataclasses import dataclass

DAY_SECONDS = 86_400

# Wrong passwords in a row, for an account and whoever counts together.
WAITS_FROM = 5  # the failure after which the next attempt has to wait
FIRST_WAIT_SECONDS = 30
LONGEST_WAIT_SECONDS = 3_600
CLOSED_AT = 100  # NIST SP 800-63B-4 section 3.2.2: no more in a row; only a new password or an operator opens it
FORGIVEN_SECONDS = DAY_SECONDS  # so long without a failure, and the waits begin anew; the count of 100 does not
UNFINISHED_AT_ONCE = 5  # of one count in one process, while no failure is on record

KNOWN_SECONDS = 90 * DAY_SECONDS  # a network stays known so long after the last login there
KNOWN_WRITTEN_SECONDS = DAY_SECONDS  # not at each login anew
MOST_KNOWN = 16

SHARED_TIMES = 16  # the budget of a /48, or of what stands for everybody behind a proxy that nobody has named


@dataclass(frozen=True, slots=True)
class Budget:
    """What one network may do: so many at once, and one more each so many seconds."""

    name: str
    at_once: int
    seconds: int


GUESSES = Budget("guesses", 100, 36)  # wrong passwords, for whatever accounts
REGISTRATIONS = Budget("registrations", 200, 3)
REFRESHES = Budget("refreshes", 200, 3)  # refresh tokens that nobody has issued


def wait_seconds(failures: int) -> int:
    """How long the next attempt has to wait after so many failures in a row."""
    if failures < WAITS_FROM:
        return 0
    doubled: int = FIRST_WAIT_SECONDS * 2 ** (failures - WAITS_FROM)
    return min(doubled, LONGEST_WAIT_SECONDS)


LAST_STEP = next(number for number in range(CLOSED_AT) if wait_seconds(number) == LONGEST_WAIT_SECONDS)
