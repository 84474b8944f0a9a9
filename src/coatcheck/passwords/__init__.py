"""Passwords: what is accepted, how it is stored, how it is checked.

A password is NFC-normalised (NIST SP 800-63B-4 section 3.1.1.2), never trimmed or cut, mixed with a pepper
(HMAC-SHA-256) that the database holds only encrypted, and stored as argon2id (RFC 9106) with a salt of its own.
Hashing runs in a few threads, off the event loop, in a fair order; an unknown name costs the same hash as a
known one.

What can happen here: HashingBusy, when more wait than would get an answer in time.
"""

from coatcheck.passwords.cost import CHEAPEST, OWASP_ARGON2ID, Cost
from coatcheck.passwords.fair_queue import Turn
from coatcheck.passwords.names import product_names
from coatcheck.passwords.passwords import DataKeys, Passwords, Verdict
from coatcheck.passwords.policy import Policy
from coatcheck.passwords.pool import HashingBusy

__all__ = [
    "CHEAPEST",
    "OWASP_ARGON2ID",
    "Cost",
    "DataKeys",
    "HashingBusy",
    "Passwords",
    "Policy",
    "Turn",
    "Verdict",
    "product_names",
]
