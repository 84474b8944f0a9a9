"""A clock that tests move."""

import time


class Clock:
    """Seconds since 1970; stands still unless moved."""

    def __init__(self) -> None:
        self.now = float(int(time.time()))

    def __call__(self) -> float:
        return self.now

    def forward(self, seconds: float) -> None:
        """Move it."""
        self.now += seconds
