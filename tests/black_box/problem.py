"""What every refusal looks like from outside (contract.md section 3)."""

import re
from typing import Any

import httpx2

MEMBERS = ["type", "title", "status", "detail", "instance"]
INSTANCE = re.compile(r"urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
SENTENCE = re.compile(r"[A-Z].*[.]")


def problem(answer: httpx2.Response, status: int, name: str) -> dict[str, Any]:
    """The document of a refusal, once it is seen to be this one and whole."""
    assert answer.status_code == status, (answer.status_code, answer.text)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"
    document: dict[str, Any] = answer.json()
    assert document["type"] == f"urn:coatcheck:problem:{name}", document
    assert list(document) == (MEMBERS if status != 422 else [*MEMBERS, "errors"])
    assert document["status"] == status
    assert document["title"]
    assert SENTENCE.fullmatch(document["detail"])
    assert INSTANCE.fullmatch(document["instance"])
    assert document["instance"] == f"urn:uuid:{answer.headers['x-request-id']}"
    assert ("www-authenticate" in answer.headers) == (status == 401 or name == "two-credentials")
    assert ("retry-after" in answer.headers) == (status in {429, 503})
    for mistake in document.get("errors", ()):
        assert list(mistake) == ["pointer", "detail"]
        assert SENTENCE.fullmatch(mistake["detail"])
    return document


def pointers(answer: httpx2.Response) -> list[str]:
    """Where the mistakes of a 422 are."""
    return [mistake["pointer"] for mistake in problem(answer, 422, "invalid")["errors"]]


def challenge(answer: httpx2.Response) -> str:
    """The WWW-Authenticate header of an answer that has exactly one."""
    (value,) = answer.headers.get_list("www-authenticate")
    return str(value)
