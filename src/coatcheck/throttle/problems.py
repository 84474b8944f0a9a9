"""The refusals: alike for a name that somebody has and one that nobody has."""

from coatcheck.problems import TooManyRequests

CLOSED = (
    "Too many wrong passwords in a row. Log in from a network where you have logged in before, or ask whoever runs "
    "this service to unlock the account."
)


class TooManyAttempts(TooManyRequests):
    """Too many wrong passwords of late, for this name or from this network."""

    title = "Too many wrong passwords"
    name = "too-many-attempts"

    def __init__(self, retry_after: int, *, closed: bool = False) -> None:
        # No name of its own: that would only tell a guesser where he stands.
        waits = f"Too many wrong passwords. Wait {_worded(retry_after)}, then try again."
        super().__init__(retry_after, CLOSED if closed else waits)


class TooManyRegistrations(TooManyRequests):
    """Too many accounts were asked for from this network of late."""

    title = "Too many registrations"
    name = "too-many-registrations"

    def __init__(self, retry_after: int) -> None:
        wait = f"Wait {_worded(retry_after)}, then try again."
        super().__init__(retry_after, f"Too many accounts were asked for from here. {wait}")


class TooManyRefreshes(TooManyRequests):
    """Too many refresh tokens that nobody has issued came from this network of late."""

    title = "Too many refresh tokens"
    name = "too-many-refreshes"

    def __init__(self, retry_after: int) -> None:
        wait = f"Log in again in {_worded(retry_after)}."
        super().__init__(retry_after, f"Too many refresh tokens from here were not valid. {wait}")


def _worded(seconds: int) -> str:
    return "a second" if seconds == 1 else f"{seconds} seconds" if seconds < 120 else f"{-(-seconds // 60)} minutes"
