"""Pydantic's validation errors in our words: a pointer and what would do, never what was sent."""

from collections.abc import Iterable, Mapping
from typing import Any

from fastapi.exceptions import RequestValidationError

from coatcheck.problems import Invalid, NotFound, Problem

# By the `type` of a pydantic error; the values come from our own models, never from the request.
SENTENCES: Mapping[str, str] = {
    "missing": "This is needed.",
    "extra_forbidden": "There is a member that is not known here.",
    "string_type": "This must be a string.",
    "string_too_short": "Use at least {min_length} characters.",
    "string_too_long": "Use at most {max_length} characters.",
    "string_pattern_mismatch": "This has not the form that is needed.",
    "bool_type": "This must be true or false.",
    "bool_parsing": "This must be true or false.",
    "int_type": "This must be a whole number.",
    "int_parsing": "This must be a whole number.",
    "int_parsing_size": "This number is too large.",
    "int_from_float": "This must be a whole number.",
    "float_type": "This must be a number.",
    "float_parsing": "This must be a number.",
    "greater_than": "This must be more than {gt}.",
    "greater_than_equal": "This must be at least {ge}.",
    "less_than": "This must be less than {lt}.",
    "less_than_equal": "This must be at most {le}.",
    "literal_error": "This must be one of: {expected}.",
    "enum": "This must be one of: {expected}.",
    "list_type": "This must be a list.",
    "dict_type": "This must be an object.",
    "model_type": "This must be an object.",
    "model_attributes_type": "This must be a JSON object.",
    "none_required": "This must be null.",
}
OTHERWISE = "This is not acceptable."


def worded(error: RequestValidationError) -> Problem:
    """The Problem for FastAPI's validation error.

    A path that does not parse names nothing, so it is 404. Everything else is Invalid with a pointer
    (RFC 6901) for each mistake: `#/title` into the body, `?limit` for a parameter.
    """
    mistakes = error.errors()
    if any(mistake["loc"][0] == "path" for mistake in mistakes):
        return NotFound()
    return Invalid((_pointer(mistake), _sentence(mistake)) for mistake in mistakes)


def _pointer(mistake: Mapping[str, Any]) -> str:
    place, *path = mistake["loc"]
    if mistake["type"] == "extra_forbidden":
        path = path[:-1]  # the unknown member's name is what was sent: it is not repeated
    if place != "body":
        return f"?{path[0]}" if place == "query" and path else str(place)
    return "#" + "".join(f"/{step}" for step in _escaped(path))


def _escaped(path: Iterable[Any]) -> Iterable[str]:
    return (str(step).replace("~", "~0").replace("/", "~1") for step in path)


def _sentence(mistake: Mapping[str, Any]) -> str:
    kind = mistake["type"]
    if kind.startswith("coatcheck_"):
        return str(mistake["msg"])
    try:
        return SENTENCES.get(kind, OTHERWISE).format(**mistake.get("ctx", {}))
    except (KeyError, IndexError):
        return OTHERWISE
