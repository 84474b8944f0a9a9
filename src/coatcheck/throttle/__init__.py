"""Guessing limits: how often somebody may try a password, register, or send a made-up refresh token.

Wrong passwords are counted for each name, whether somebody has it or not: one count for all strangers, and one for
each network that the account's owner has logged in from, so nobody elsewhere can keep the owner out. Another
count, over all names, is each network's. Every number is in limits.py.

Tables: coatcheck_guess_counts, coatcheck_budgets. What can happen here: TooManyAttempts, TooManyRegistrations,
TooManyRefreshes (429). Standard: NIST SP 800-63B-4 section 3.2.2.
"""

from coatcheck.throttle.problems import TooManyAttempts, TooManyRefreshes, TooManyRegistrations
from coatcheck.throttle.throttle import Attempt, Throttle

__all__ = ["Attempt", "Throttle", "TooManyAttempts", "TooManyRefreshes", "TooManyRegistrations"]
