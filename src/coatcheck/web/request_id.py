"""The id of a request: made here, never taken from the client."""

from collections.abc import MutableMapping
from random import getrandbits
from typing import Any
from uuid import UUID

KEY = "coatcheck.request_id"


def request_id(scope: MutableMapping[str, Any]) -> str:
    """The request's UUID (RFC 9562), the same in its log line, its problem document and its answer."""
    known = scope.get(KEY)
    if known is None:
        # It must be unique, not secret: asking the system for randomness takes longer than all the rest.
        known = scope[KEY] = str(UUID(int=getrandbits(128), version=4))
    return str(known)
