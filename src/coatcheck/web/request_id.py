"""The id of a request: made here, never taken from the client."""

import os
import random
from collections.abc import MutableMapping
from typing import Any
from uuid import UUID

KEY = "coatcheck.request_id"

# An id must be unique, not secret; asking the system for randomness takes longer than all the rest.
# A generator of its own: random.seed() of a host would repeat ids, and ids would tell its state.
_random = random.Random()  # noqa: S311
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_random.seed)


def request_id(scope: MutableMapping[str, Any]) -> str:
    """The request's UUID (RFC 9562), the same in its log line, its problem document and its answer."""
    known = scope.get(KEY)
    if known is None:
        known = scope[KEY] = str(UUID(int=_random.getrandbits(128), version=4))
    return str(known)
