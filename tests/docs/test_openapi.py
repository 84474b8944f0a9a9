"""What /docs shows: every operation has a name, a place, a sentence and its refusals."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient

from tests.support.app import make_app


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with TestClient(make_app(tmp_path_factory.mktemp("app"))) as client:
        return client.get("/openapi.json").json()


def operations(document: Any) -> Iterator[tuple[str, Any]]:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            yield f"{method.upper()} {path}", operation


def test_every_operation_has_one_tag_a_summary_a_description_and_a_short_id(document: Any) -> None:
    ids = [operation["operationId"] for _, operation in operations(document)]
    assert len(set(ids)) == len(ids)
    for name, operation in operations(document):
        assert len(operation["tags"]) == 1, name
        assert operation["description"].endswith("."), name
        assert 0 < len(operation["summary"]) <= 40, name
        given_by_fastapi = operation["operationId"].replace("_", " ").title()
        assert operation["summary"] != given_by_fastapi, name
        assert re.fullmatch(r"[a-z]+(_[a-z]+)?", operation["operationId"]), name


def test_every_refusal_is_a_problem_document_with_an_example_of_its_own_status(document: Any) -> None:
    for name, operation in operations(document):
        refusals = {status: answer for status, answer in operation["responses"].items() if status >= "4"}
        assert {"421", "503"} <= set(refusals), name
        assert ("401" in refusals) == ("security" in operation or name in {"POST /login", "POST /token/refresh"}), (
            name
        )
        if "requestBody" in operation:
            assert {"413", "415", "422"} <= set(refusals), name
        if "{id}" in name:
            assert "404" in refusals, name
        for status, refusal in refusals.items():
            if refusal["description"] == "Validation Error":
                continue  # see the test below
            if status == "default":
                continue  # FastAPI's own 422 would stand there otherwise
            examples = refusal["content"]["application/problem+json"]["examples"]
            assert examples, (name, status)
            assert {str(example["value"]["status"]) for example in examples.values()} == {status}, name


def test_fastapis_own_validation_error_is_nowhere(document: Any) -> None:
    assert [name for name in document["components"]["schemas"] if "ValidationError" in name] == []


def test_every_component_has_a_name_that_openapi_allows(document: Any) -> None:
    names = [name for kind in document["components"].values() for name in kind]
    assert [name for name in names if not re.fullmatch(r"[A-Za-z0-9._-]+", name)] == []


def test_the_bounds_of_parameters_are_words_of_json_schema(document: Any) -> None:
    parameters = [one for _, operation in operations(document) for one in operation.get("parameters", ())]
    assert [one["name"] for one in parameters if {"ge", "le", "gt", "lt"} & set(one["schema"])] == []


def test_the_briefs_own_examples_are_what_execute_sends(document: Any) -> None:
    schemas = document["components"]["schemas"]

    def example(path: str, method: str) -> Any:
        body = document["paths"][path][method]["requestBody"]["content"]["application/json"]["schema"]
        schema = schemas[body["$ref"].rpartition("/")[2]]
        by_member = {
            name: member["examples"][0] for name, member in schema["properties"].items() if "examples" in member
        }
        return schema.get("example", by_member)

    alice = {"username": "alice", "password": "secret123"}
    assert example("/register", "post") == alice
    assert example("/login", "post") == {**alice, "refresh": False}
    assert example("/todos", "post") == {"title": "Learn JWT"}
    assert example("/me/password", "put")["old_password"] == alice["password"]
