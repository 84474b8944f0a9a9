"""A body is read as far as it may be, and as every reader would read it."""

import json
import math
from collections.abc import Sequence
from typing import Any

import pytest
from fastapi.requests import Request
from hypothesis import given, settings
from hypothesis import strategies as st

from coatcheck.problems import BadRequest, Invalid
from coatcheck.web.body import LARGEST_BODY, TooLarge, WrongMediaType, read_json

JSON = (b"content-type", b"application/json")


class Sender:
    """An ASGI server's side: gives a body in chunks, and knows how many were taken."""

    def __init__(self, chunks: Sequence[bytes], *, hangs_up: bool = False) -> None:
        self.messages: list[dict[str, Any]] = [
            {"type": "http.request", "body": chunk, "more_body": True} for chunk in chunks
        ]
        self.messages.append({"type": "http.disconnect"} if hangs_up else {"type": "http.request", "body": b""})
        self.taken = 0

    async def __call__(self) -> dict[str, Any]:
        self.taken += 1
        return self.messages[self.taken - 1]


def request(sender: Sender, *headers: tuple[bytes, bytes]) -> Request:
    return Request({"type": "http", "method": "POST", "path": "/", "headers": list(headers)}, sender)


async def read(body: bytes, *headers: tuple[bytes, bytes]) -> Any:
    return await (await read_json(request(Sender([body]), *(headers or (JSON,))), needed=True)).json()


async def test_a_json_text_is_parsed_whatever_the_chunks() -> None:
    sender = Sender([bytes([byte]) for byte in '{"a": ["ß", 1.5, null]}'.encode()])
    assert await (await read_json(request(sender, JSON), needed=True)).json() == {"a": ["ß", 1.5, None]}


async def test_the_largest_body_is_taken_and_the_next_one_refused() -> None:
    text = b'"' + b"x" * (LARGEST_BODY - 2) + b'"'
    assert len(await read(text)) == LARGEST_BODY - 2
    with pytest.raises(TooLarge):
        await read(text + b" ")


async def test_of_a_body_without_an_end_no_more_is_taken_than_is_allowed() -> None:
    sender = Sender([b" " * 1_024] * 1_000_000)
    with pytest.raises(TooLarge):
        await read_json(request(sender, JSON), needed=True)
    assert sender.taken == LARGEST_BODY // 1_024 + 1


async def test_of_a_body_that_says_it_is_too_large_nothing_is_taken() -> None:
    sender = Sender([b"{}"])
    with pytest.raises(TooLarge):
        await read_json(request(sender, JSON, (b"content-length", str(LARGEST_BODY + 1).encode())), needed=True)
    assert sender.taken == 0


@pytest.mark.parametrize("length", [b"", b"x", b"-1", b"1e9", b"0x10", b"2, 2", b"\xb2", b"\xff", b"9" * 5_000])
async def test_a_length_that_is_none_is_no_mistake_of_ours(length: bytes) -> None:
    """A server under us refuses it, but which one a host runs is the host's choice."""
    try:
        assert await read(b"{}", JSON, (b"content-length", length)) == {}
    except TooLarge:
        assert length == b"9" * 5_000


async def test_no_body_is_none_where_none_is_needed() -> None:
    assert await (await read_json(request(Sender([])), needed=False)).json() is None
    with pytest.raises(Invalid):
        await read_json(request(Sender([b"{"]), JSON), needed=False)
    with pytest.raises(WrongMediaType):
        await read_json(request(Sender([b"{}"])), needed=False)


async def test_whoever_hangs_up_in_the_middle_is_told_in_vain() -> None:
    with pytest.raises(BadRequest):
        await read_json(request(Sender([b'{"a'], hangs_up=True), JSON), needed=True)


@pytest.mark.parametrize(
    "body", [b"", b" ", b"[1,]", b"\xff", b"nul", b'"\x01"', b"1e999", b"-1e999", b"[NaN]", b"\xef\xbb\xbf{}"]
)
async def test_what_is_no_json_is_invalid(body: bytes) -> None:
    with pytest.raises(Invalid) as caught:
        await read(body)
    ((pointer, sentence),) = caught.value.errors
    assert pointer == "#"
    assert sentence.endswith(".")


@pytest.mark.parametrize(
    "header",
    [
        (b"content-type", b"text/plain"),
        (b"content-type", b""),
        (b"content-type", b"\xff"),
        (b"content-type", b"application/json+xml"),
        (b"content-encoding", b"gzip"),
        (b"content-encoding", b"\xff"),
        (b"x-none", b""),
    ],
)
async def test_another_media_type_or_coding_is_refused(header: tuple[bytes, bytes]) -> None:
    headers = (JSON, header) if header[0] == b"content-encoding" else (header,)
    with pytest.raises(WrongMediaType):
        await read(b"{}", *headers)


async def test_identity_is_no_coding() -> None:
    assert await read(b"{}", JSON, (b"content-encoding", b"Identity")) == {}


TEXTS = st.text(st.characters(codec="utf-8"))
NUMBERS = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner),
    max_leaves=20,
)


@given(value=VALUES, ascii_only=st.booleans(), indent=st.none() | st.integers(0, 3))
@settings(max_examples=200, deadline=None)
async def test_every_json_value_comes_back_as_it_was(value: Any, ascii_only: bool, indent: int | None) -> None:
    assert await read(json.dumps(value, ensure_ascii=ascii_only, indent=indent).encode()) == value


PIECES = st.sampled_from(
    [
        '{"',
        '"a"',
        ":",
        ",",
        "{",
        "}",
        "[",
        "]",
        "1",
        "-",
        "1e400",
        "NaN",
        '"\\ud800"',
        '"\\u0061"',
        "null",
        " ",
        "\\",
        "\x00",
    ]
)
DOUBTFUL = (
    st.binary(max_size=60)
    | st.lists(PIECES, max_size=30).map(lambda pieces: "".join(pieces).encode())
    | st.builds(lambda value, cut: json.dumps(value).encode()[:cut], VALUES, st.integers(0, 80))
    | st.lists(st.tuples(st.sampled_from(["a", "b", "\\u0061"]), NUMBERS), max_size=4).map(
        lambda pairs: ("{" + ",".join(f'"{name}":{number}' for name, number in pairs) + "}").encode()
    )
)


@given(body=DOUBTFUL)
@settings(max_examples=500, deadline=None)
async def test_what_is_accepted_is_what_everybody_reads_and_can_be_written_again(body: bytes) -> None:
    """json.loads, which is lenient, gives the same; it can be said again in strict UTF-8; no name is lost."""
    try:
        value = await read(body)
    except Invalid:
        return
    assert value == json.loads(body.decode("utf-8"))
    assert json.loads(json.dumps(value, allow_nan=False, ensure_ascii=False).encode()) == value
    names = 0

    def count(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        nonlocal names
        names += len(pairs)
        return dict(pairs)

    json.loads(body, object_pairs_hook=count)
    assert names == members(value)
    assert finite(value)


def members(value: Any) -> int:
    if isinstance(value, dict):
        return len(value) + sum(members(inner) for inner in value.values())
    return sum(members(inner) for inner in value) if isinstance(value, list) else 0


def finite(value: Any) -> bool:
    if isinstance(value, dict | list):
        return all(finite(inner) for inner in (value.values() if isinstance(value, dict) else value))
    return not isinstance(value, float) or math.isfinite(value)
