"""Bodies that are no JSON, not this JSON or too large: each is refused as a problem and changes nothing."""

import gzip
import json
from typing import Any

import pytest

from tests.black_box.problem import pointers, problem
from tests.black_box.unchanged import nothing_changes
from tests.support.person import Person, new_name

LIMIT = 64 * 1024
GOOD = b'{"title": "Learn JWT"}'
JSON = {"Content-Type": "application/json"}

NOT_JSON = {
    "cut off": b'{"title": "Learn',
    "cut off after a member": b'{"title": "x",',
    "one comma too many": b'{"title": "x",}',
    "single quotes": b"{'title': 'x'}",
    "no quotes": b"{title: 1}",
    "a comment": b'{"title": "x"} // comment',
    "two values": b'{"title": "x"}{"title": "y"}',
    "something after it": b'{"title": "x"} x',
    "a form": b"title=x",
    "only space": b"   \r\n\t",
    "nothing but a NUL": b"\x00",
    "a NUL after it": b'{"title": "x"}\x00',
    "a line break in a string": b'{"title": "a\nb"}',
    "a tab in a string": b'{"title": "a\tb"}',
    "a NUL in a string": b'{"title": "a\x00b"}',
    "an unknown escape": b'{"title": "\\x41"}',
    "half an escape": b'{"title": "\\u00"}',
    "60,000 open brackets": b"[" * 60_000,
    "60,000 open braces": b'{"a":' * 12_000,
    "30,000 closed brackets": b"[" * 30_000 + b"]" * 30_000,
    "deep inside a member": b'{"title": "x", "id": ' + b"[" * 20_000 + b"]" * 20_000 + b"}",
    "NaN": b'{"title": NaN}',
    "Infinity": b'{"title": Infinity}',
    "-Infinity": b'{"title": -Infinity}',
    "a number beyond all doubles": b'{"title": "x", "id": 1e400}',
    "a whole number of 5,000 digits": b'{"title": ' + b"9" * 5_000 + b"}",
    "a whole number of 60,000 digits": b"1" * 60_000,
    "a leading zero": b'{"title": 01}',
    "a plus": b'{"title": +1}',
    "hexadecimal": b'{"title": 0x1}',
    "half a surrogate pair": b'{"title": "\\ud800"}',
    "the other half": b'{"title": "\\udc00"}',
    "a pair the wrong way round": b'{"title": "\\udc00\\ud800"}',
    "half a pair as a name": b'{"title": "x", "\\ud800": 1}',
    "half a pair deep inside": b'{"title": "x", "id": [{"a": ["\\udfff"]}]}',
    "a surrogate in UTF-8": b'{"title": "\xed\xa0\x80"}',
    "a byte that is no UTF-8": b'{"title": "\xff"}',
    "an overlong encoding": b'{"title": "\xc0\x80"}',
    "beyond Unicode": b'{"title": "\xf4\x90\x80\x80"}',
    "Latin-1": '{"title": "Größe"}'.encode("latin-1"),
    "a byte order mark": b"\xef\xbb\xbf" + GOOD,
    "UTF-16": GOOD.decode().encode("utf-16"),
    "UTF-16 without a mark": GOOD.decode().encode("utf-16-le"),
    "UTF-32": GOOD.decode().encode("utf-32"),
    "compressed": gzip.compress(GOOD),
    "true": b"true",
    "a list": b"[]",
    "a list of it": b"[" + GOOD + b"]",
    "a string": b'"title"',
    "a number": b"1",
    "null": b"null",
    "the same member twice": b'{"title": "a", "title": "b"}',
    "twice with the same value": b'{"title": "a", "title": "a"}',
    "twice, once with an escape": b'{"title": "a", "\\u0074itle": "b"}',
    "twice deep inside": b'{"title": "a", "id": {"b": [{"c": 1, "c": 2}]}}',
    "an unknown member twice": b'{"title": "a", "x": 1, "x": 2}',
    "an unknown member": b'{"title": "a", "owner": 1}',
    "a name in another case": b'{"title": "a", "Completed": true}',
    "an empty name": b'{"title": "a", "": true}',
    "__proto__": b'{"title": "a", "__proto__": {"completed": true}}',
}


@pytest.mark.parametrize("body", [pytest.param(body, id=name) for name, body in NOT_JSON.items()])
def test_what_is_no_json_object_of_ours_is_refused_and_changes_nothing(body: bytes, person: Person) -> None:
    todo = person.add_todo()
    with nothing_changes(person):
        for method, path in (("POST", "/todos"), ("PUT", f"/todos/{todo['id']}"), ("PATCH", f"/todos/{todo['id']}")):
            answer = person.request(method, path, content=body, headers=JSON)
            assert set(pointers(answer)) <= {"#", "#/title"}
        pointers(person.put("/me/password", content=body, headers=JSON))
        for path in ("/login", "/register"):
            pointers(person.client.post(path, content=body, headers=JSON))


@pytest.mark.parametrize("member", ["username", "password"])
def test_a_registration_with_a_member_twice_makes_no_account(member: str, client: Any) -> None:
    name = new_name()
    body = json.dumps({"username": name, "password": "secret123"})[:-1] + f', "{member}": "{name}x"}}'
    assert pointers(client.post("/register", content=body, headers=JSON)) == ["#"]
    for tried in (name, f"{name}x"):
        problem(client.post("/login", json={"username": tried, "password": "secret123"}), 401, "wrong-credentials")


@pytest.mark.parametrize("depth", [1, 50, 200, 900, 990, 1_000, 1_100, 3_000])
def test_no_depth_brings_the_server_down(depth: int, person: Person) -> None:
    todo = person.add_todo()
    body = b'{"title": "x", "id": ' + b"[" * depth + b"]" * depth + b"}"
    answer = person.put(f"/todos/{todo['id']}", content=body, headers=JSON)
    assert answer.status_code in ({200} if depth <= 200 else {200, 422})
    assert "\ud800" not in answer.text


@pytest.mark.parametrize("body", [None, b""])
def test_a_missing_body_is_named(body: bytes | None, person: Person) -> None:
    with nothing_changes(person):
        for headers in (JSON, {}):
            answer = person.post("/todos", content=body, headers=headers)
            assert pointers(answer) == ["#"]
            assert answer.json()["errors"][0]["detail"] == "A JSON object is needed as the body."


@pytest.mark.parametrize(
    "media_type",
    [
        "text/plain",
        "text/json",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/jsonl",
        "application/xml",
        "image/svg+json",
        "json",
        "*/*",
        "application/json, text/plain",
        "",
        None,
    ],
)
def test_what_does_not_say_json_is_415(media_type: str | None, person: Person) -> None:
    headers = {} if media_type is None else {"Content-Type": media_type}
    with nothing_changes(person):
        problem(person.post("/todos", content=GOOD, headers=headers), 415, "wrong-media-type")
        problem(person.client.post("/login", content=GOOD, headers=headers), 415, "wrong-media-type")


@pytest.mark.parametrize(
    "media_type",
    [
        "application/json; charset=utf-8",
        "Application/JSON",
        "application/json;charset=UTF-8",
        "application/vnd.api+json",
    ],
)
def test_json_by_any_of_its_names_is_taken(media_type: str, person: Person) -> None:
    assert person.post("/todos", content=GOOD, headers={"Content-Type": media_type}).status_code == 201


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd", "identity, gzip", "x"])
def test_a_compressed_body_is_415(coding: str, person: Person) -> None:
    with nothing_changes(person):
        for body in (GOOD, gzip.compress(GOOD), gzip.compress(b"x" * 10_000_000)):
            answer = person.post("/todos", content=body, headers={**JSON, "Content-Encoding": coding})
            problem(answer, 415, "wrong-media-type")


def of_length(length: int) -> bytes:
    """A good body of exactly this many bytes."""
    return GOOD + b" " * (length - len(GOOD))


def in_chunks(body: bytes) -> Any:
    yield from (body[start : start + 16_000] for start in range(0, len(body), 16_000))


@pytest.mark.parametrize("chunked", [False, True], ids=["with its length", "chunked"])
def test_64_kib_are_taken_and_one_byte_more_is_413(chunked: bool, person: Person) -> None:
    def send(length: int) -> Any:
        body = of_length(length)
        return person.post("/todos", content=in_chunks(body) if chunked else body, headers=JSON)

    assert send(LIMIT).status_code == 201
    with nothing_changes(person):
        for length in (LIMIT + 1, LIMIT * 2, 5_000_000):
            assert problem(send(length), 413, "too-large")["detail"] == "A request body may have at most 65536 bytes."
    assert send(LIMIT).status_code == 201


@pytest.mark.parametrize("chunked", [False, True], ids=["with its length", "chunked"])
def test_the_limit_holds_where_nobody_is_signed_in(chunked: bool, client: Any) -> None:
    name = new_name()
    body = json.dumps({"username": name, "password": "secret123"}).encode()
    body += b" " * (LIMIT + 1 - len(body))
    for path in ("/register", "/login"):
        answer = client.post(path, content=in_chunks(body) if chunked else body, headers=JSON)
        problem(answer, 413, "too-large")
    problem(client.post("/login", json={"username": name, "password": "secret123"}), 401, "wrong-credentials")
