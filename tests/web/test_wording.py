"""FastAPI's own 422 repeats what was sent, passwords too (`input`). Ours says where, and what would do."""

import json
from datetime import datetime
from typing import Annotated, Any, Literal

import pytest
from fastapi import APIRouter, Body, FastAPI, Query
from fastapi.testclient import TestClient
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field

from coatcheck import Route, problem_details


class Inner(BaseModel):
    model_config = ConfigDict(extra="forbid")

    text: str = Field(min_length=2, max_length=4, pattern="^[a-z]+$", default="ok")
    listed: list[int] = Field(max_length=2, default_factory=list)


class Outer(BaseModel):
    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    needed: int = Field(ge=1, le=5)
    more: float = Field(gt=0, lt=1, default=0.5)
    kind: Literal["a", "b"] = "a"
    flag: bool = True
    inner: Inner = Inner()
    inners: list[Inner] = []
    slashed: str = Field(alias="a/b~c", default="")
    moment: datetime | None = None
    many: dict[str, int] = {}


app = FastAPI()
router = APIRouter(route_class=Route)


@router.post("/things")
async def thing(
    body: Outer,
    limit: Annotated[int, Query(ge=1, le=5)] = 1,
    word: Annotated[str, Query(min_length=2, max_length=3)] = "ab",
) -> dict[str, Any]:
    return {}


@router.post("/things/{number}")
async def numbered(number: int, body: Outer) -> dict[str, Any]:
    return {}


@router.post("/pair")
async def pair(one: Annotated[int, Body()], two: Annotated[str, Body()]) -> dict[str, Any]:
    return {}


app.include_router(router)
problem_details(app)
client = TestClient(app)


def mistakes(path: str, body: Any) -> list[tuple[str, str]]:
    answer = client.post(path, json=body)
    assert answer.status_code == 422, answer.text
    return [(mistake["pointer"], mistake["detail"]) for mistake in answer.json()["errors"]]


@pytest.mark.parametrize(
    ("body", "pointer", "sentence"),
    [
        ({}, "#/needed", "This is needed."),
        ({"needed": "x"}, "#/needed", "This must be a whole number."),
        ({"needed": 1.5}, "#/needed", "This must be a whole number."),
        ({"needed": None}, "#/needed", "This must be a whole number."),
        ({"needed": 0}, "#/needed", "This must be at least 1."),
        ({"needed": 6}, "#/needed", "This must be at most 5."),
        ({"needed": 1, "more": 0}, "#/more", "This must be more than 0.0."),
        ({"needed": 1, "more": 1}, "#/more", "This must be less than 1.0."),
        ({"needed": 1, "more": "x"}, "#/more", "This must be a number."),
        ({"needed": 1, "kind": "c"}, "#/kind", "This must be one of: 'a' or 'b'."),
        ({"needed": 1, "flag": "perhaps"}, "#/flag", "This must be true or false."),
        ({"needed": 1, "flag": None}, "#/flag", "This must be true or false."),
        ({"needed": 1, "inner": []}, "#/inner", "This must be a JSON object."),
        ({"needed": 1, "inner": {"text": "a"}}, "#/inner/text", "Use at least 2 characters."),
        ({"needed": 1, "inner": {"text": "abcde"}}, "#/inner/text", "Use at most 4 characters."),
        ({"needed": 1, "inner": {"text": "A1"}}, "#/inner/text", "This has not the form that is needed."),
        ({"needed": 1, "inner": {"text": 5}}, "#/inner/text", "This must be a string."),
        ({"needed": 1, "inner": {"more": 5}}, "#/inner", "There is a member that is not known here."),
        ({"needed": 1, "inners": {}}, "#/inners", "This must be a list."),
        ({"needed": 1, "inners": [{}, {"listed": [1, "x"]}]}, "#/inners/1/listed/1", "This must be a whole number."),
        ({"needed": 1, "a/b~c": 5}, "#/a~1b~0c", "This must be a string."),
        ({"needed": 1, "secret": 5}, "#", "There is a member that is not known here."),
        ({"needed": 1, "moment": "noon"}, "#/moment", "This is not acceptable."),
        ([], "#", "This must be a JSON object."),
        ("text", "#", "This must be a JSON object."),
    ],
)
def test_each_mistake_has_a_pointer_and_says_what_would_do(body: Any, pointer: str, sentence: str) -> None:
    assert mistakes("/things", body) == [(pointer, sentence)]


def test_a_parameter_is_named_after_a_question_mark() -> None:
    found = mistakes("/things?limit=x&word=a", {"needed": 1})
    assert found == [("?limit", "This must be a whole number."), ("?word", "Use at least 2 characters.")]


def test_two_bodies_are_members_of_one() -> None:
    assert [pointer for pointer, _ in mistakes("/pair", {"one": "x"})] == ["#/one", "#/two"]


def test_a_path_that_does_not_parse_names_nothing() -> None:
    for body in ({}, {"needed": 1}, {"secret": "x"}):
        answer = client.post("/things/first", json=body)
        assert (answer.status_code, answer.json()["type"]) == (404, "urn:coatcheck:problem:not-found")


MARKER = "zQ8xK2"
MARKED = st.sampled_from([MARKER, f"a{MARKER}", [MARKER], {MARKER: MARKER}, f"{MARKER}" * 50])


@given(
    body=st.dictionaries(
        st.sampled_from(["needed", "more", "kind", "flag", "inner", "inners", "a/b~c", "moment", MARKER]), MARKED
    ),
    query=st.dictionaries(st.sampled_from(["limit", "word", MARKER]), st.just(MARKER)),
)
@settings(max_examples=150, deadline=None)
def test_nothing_that_was_sent_comes_back(body: dict[str, Any], query: dict[str, str]) -> None:
    answer = client.post("/things", json=body, params=query)
    assert answer.status_code == 422
    assert MARKER not in json.dumps(answer.json())
