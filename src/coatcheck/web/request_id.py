"""The id of a request: made here, never taken from the client."""

from collections.abc import MutableMapping
from typing import Any
from uuid import uuid4

KEY = "coatcheck.request_id"


def request_id(scope: MutableMapping[str, Any]) -> str:
    """The request's UUID (RFC 9562), the same in its log line, its problem document and its answer."""
    known = scope.get(KEY)
    if known is None:
        known = scope[KEY] = str(uuid4())
    return str(known)
