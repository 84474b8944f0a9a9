"""Access tokens: signed, readable by anybody, forgeable by nobody without the key.

A token is a JWT (RFC 7519) with the profile of RFC 9068: `typ` is `at+jwt`, it lives 30 minutes and
names the account (`sub`) and the session (`sid`) it belongs to. `issue` makes one, `verify` checks
one, `explain` shows how; keys and the time are handed in. joserfc does the cryptography.

What can happen here: InvalidToken, one for every kind of bad token alike, so that a forger learns
nothing from the difference.
"""

from coatcheck.tokens.claims import Claims
from coatcheck.tokens.errors import InvalidToken
from coatcheck.tokens.issue import issue
from coatcheck.tokens.key import ALGORITHMS, EDDSA, ES256, SigningKey
from coatcheck.tokens.verified import VerifiedTokens
from coatcheck.tokens.verify import Outcome, explain, named_key, verify

__all__ = [
    "ALGORITHMS",
    "EDDSA",
    "ES256",
    "Claims",
    "InvalidToken",
    "Outcome",
    "SigningKey",
    "VerifiedTokens",
    "explain",
    "issue",
    "named_key",
    "verify",
]
