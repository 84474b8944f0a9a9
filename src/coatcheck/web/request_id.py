"""The id of a request: made here, never taken from the client."""

import os
import random
from collections.abc import MutableMapping
from typing import Any

KEY = "coatcheck.request_id"
# RFC 9562 section 5.4: four bits say version 4, two say the variant, the others are random.
VERSION_4 = 0x4 << 76 | 0b10 << 62
RANDOM_BITS = ~(0xF << 76 | 0b11 << 62)

# An id must be unique, not secret; asking the system for randomness takes longer than all the rest.
# A generator of its own: random.seed() of a host would repeat ids, and ids would tell its state.
_random = random.Random()  # noqa: S311
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_random.seed)


def request_id(scope: MutableMapping[str, Any]) -> str:
    """The request's UUID (RFC 9562), the same in its log line, its problem document and its answer."""
    known = scope.get(KEY)
    if known is None:
        digits = f"{_random.getrandbits(128) & RANDOM_BITS | VERSION_4:032x}"
        known = scope[KEY] = "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
    return str(known)
