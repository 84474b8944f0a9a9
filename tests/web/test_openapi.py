"""The OpenAPI document names every refusal, in our form, with an example that is one."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from coatcheck import Forbidden, NotFound
from coatcheck.web import problem_responses
from tests.support.app import make_app

EXPECTED = {
    "register": {201, 400, 403, 413, 415, 421, 422, 503},
    "login": {200, 401, 413, 415, 421, 422, 503},
    "get_me": {200, 400, 401, 421, 503},
    "change_password": {204, 400, 401, 413, 415, 421, 422, 503},
    "delete_me": {204, 400, 401, 421, 503},
    "get_keys": {200, 421},
    "refresh": {200, 401, 413, 415, 421, 422, 503},
    "log_out": {204, 400, 401, 421, 503},
    "list_sessions": {200, 400, 401, 421, 503},
    "end_sessions": {204, 400, 401, 421, 503},
    "end_session": {204, 400, 401, 404, 421, 503},
    "list_todos": {200, 400, 401, 421, 422, 503},
    "add_todo": {201, 400, 401, 413, 415, 421, 422, 503},
    "get_stats": {200, 400, 401, 421, 503},
    "get_todo": {200, 400, 401, 404, 421, 503},
    "replace_todo": {200, 400, 401, 404, 413, 415, 421, 422, 503},
    "change_todo": {200, 400, 401, 404, 413, 415, 421, 422, 503},
    "delete_todo": {204, 400, 401, 404, 421, 503},
    "health": {200, 421},
    "ready": {200, 421, 503},
}


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return make_app(tmp_path_factory.mktemp("openapi")).openapi()


def operations(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for path in document["paths"].values():
        yield from path.values()


def test_each_operation_names_what_it_can_answer(document: dict[str, Any]) -> None:
    for operation in operations(document):
        named = {int(status) for status in operation["responses"] if status != "default"}
        missing = EXPECTED[operation["operationId"]] - named
        assert not missing, (operation["operationId"], missing)


def test_each_refusal_is_a_problem_with_an_example_that_is_one(document: dict[str, Any]) -> None:
    for operation in operations(document):
        for status, response in operation["responses"].items():
            if not status.startswith(("4", "5")):
                continue
            assert list(response["content"]) == ["application/problem+json"], (operation["operationId"], status)
            examples = response["content"]["application/problem+json"]["examples"]
            for name, example in examples.items():
                value = example["value"]
                assert value["type"] == f"urn:coatcheck:problem:{name}"
                assert str(value["status"]) == status
                assert {"title", "detail", "instance"} < value.keys()


def test_nothing_is_left_of_fastapis_own_422(document: dict[str, Any]) -> None:
    assert "ValidationError" not in str(document)


def test_each_operation_has_a_tag_a_summary_and_a_short_id(document: dict[str, Any]) -> None:
    for operation in operations(document):
        assert len(operation["tags"]) == 1
        assert operation["summary"]
        assert re.fullmatch(r"[a-z]+(_[a-z]+)?", operation["operationId"])
    assert {operation["operationId"] for operation in operations(document)} == set(EXPECTED)


def test_there_is_one_scheme_and_it_says_what_to_paste(document: dict[str, Any]) -> None:
    ((name, scheme),) = document["components"]["securitySchemes"].items()
    assert (scheme["type"], scheme["scheme"]) == ("http", "bearer")
    assert "without quotes and without the word Bearer" in scheme["description"]
    open_to_all = {"register", "login", "refresh", "get_keys", "health", "ready"}
    for operation in operations(document):
        expected: Any = None if operation["operationId"] in open_to_all else [{name: []}]
        assert operation.get("security") == expected, operation["operationId"]


def test_the_examples_are_the_briefs_own(document: dict[str, Any]) -> None:
    bodies = {
        operation["operationId"]: operation["requestBody"]["content"]["application/json"]["schema"]["$ref"]
        for operation in operations(document)
        if "requestBody" in operation
    }
    schemas = document["components"]["schemas"]

    def example(name: str) -> Any:
        schema = schemas[bodies[name].rpartition("/")[2]]
        if "example" in schema:
            return schema["example"]
        return {member: described["examples"][0] for member, described in schema["properties"].items()}

    assert example("register") == {"username": "alice", "password": "secret123"}
    assert example("login") == {**example("register"), "refresh": False}
    assert example("add_todo")["title"] == "Learn JWT"


def test_problems_of_one_status_share_it_with_an_example_each() -> None:
    class Locked(Forbidden):
        name = "locked"
        detail = "It is locked."

    found = problem_responses(Forbidden, Locked, NotFound)
    assert set(found) == {403, 404}
    assert set(found[403]["content"]["application/problem+json"]["examples"]) == {"forbidden", "locked"}


def test_a_second_app_is_described_alike(tmp_path: Path, document: dict[str, Any]) -> None:
    """The responses of one app must not collect those of another."""
    assert make_app(tmp_path).openapi() == document
