"""Reading a JSON body: bounded, strict, and only once it is known who asks."""

import json
from email.message import Message
from typing import Any

from fastapi.requests import Request
from starlette.requests import ClientDisconnect

from coatcheck.problems import BadRequest, Invalid, Problem

LARGEST_BODY = 64 * 1024
WRITE = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode  # json.dumps would make one each time


class TooLarge(Problem):
    """The body is larger than anything this API takes."""

    status = 413
    title = "Body too large"
    name = "too-large"
    detail = f"A request body may have at most {LARGEST_BODY} bytes."
    headers = {"Connection": "close"}  # the rest of it is not read  # noqa: RUF012


class WrongMediaType(Problem):
    """The body is not JSON by its Content-Type, or is compressed."""

    status = 415
    title = "Not JSON"
    name = "wrong-media-type"
    detail = "Send the body as JSON, uncompressed, with Content-Type: application/json."


class JSONRequest(Request):
    """A request whose JSON body was read and parsed, for FastAPI to validate."""

    def __init__(self, request: Request, raw: bytes, parsed: Any) -> None:
        super().__init__(request.scope, request.receive)
        self._body = raw
        self._json = parsed


async def read_json(request: Request, *, needed: bool) -> JSONRequest:
    """The request with its body parsed.

    Raises TooLarge, WrongMediaType; Invalid, also when no body came though one is needed.
    """
    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length[:20]) > LARGEST_BODY:
        raise TooLarge
    raw = await _read(request)
    if not raw and not needed:
        return JSONRequest(request, raw, None)
    if not raw:
        raise Invalid([("#", "A JSON object is needed as the body.")])
    if not _is_json(request):
        raise WrongMediaType
    return JSONRequest(request, raw, _parse(raw))


async def _read(request: Request) -> bytes:
    """All of the body; a chunked one has no length to go by."""
    chunks: list[bytes] = []
    size = 0
    try:
        async for chunk in request.stream():
            size += len(chunk)
            if size > LARGEST_BODY:
                raise TooLarge
            chunks.append(chunk)
    except ClientDisconnect:
        raise BadRequest("The connection was closed before the whole body came.") from None
    return b"".join(chunks)


def _is_json(request: Request) -> bool:
    if request.headers.get("content-encoding", "identity").strip().lower() != "identity":
        return False
    media = Message()
    media["content-type"] = request.headers.get("content-type", "")
    kind = media.get_content_type()
    return kind == "application/json" or (kind.startswith("application/") and kind.endswith("+json"))


def _parse(raw: bytes) -> Any:
    """The value of a JSON text (RFC 8259) that every reader understands alike (RFC 7493, I-JSON).

    The same member twice, half a surrogate pair, NaN and a byte order mark are refused: two readers
    would see two values.
    """
    try:
        value = json.loads(raw.decode("utf-8"), object_pairs_hook=_members)
        # Half a surrogate pair is no character and can be neither stored nor hashed; NaN is no number,
        # and 1e400 has become infinity.
        WRITE(value).encode("utf-8")
    except _MemberTwice:
        raise Invalid([("#", "A member is there twice.")]) from None
    except (ValueError, RecursionError):
        raise Invalid([("#", "This is not valid JSON in UTF-8.")]) from None
    return value


class _MemberTwice(Exception):
    pass


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise _MemberTwice
    return members
