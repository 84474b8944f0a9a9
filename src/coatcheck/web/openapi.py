"""Every refusal in the OpenAPI document."""

from typing import Any

from fastapi.params import Form
from fastapi.routing import APIRoute

from coatcheck.problems import Invalid, NotFound, Problem, Unavailable
from coatcheck.web.bearer import NoCredentials, TwoCredentials
from coatcheck.web.body import TooLarge, WrongMediaType
from coatcheck.web.cookies import TwoCookies
from coatcheck.web.cross_site import SAFE_METHODS, CrossSiteRequest
from coatcheck.web.problem_document import MEDIA_TYPE, TYPE_PREFIX
from coatcheck.web.site import Misdirected, NotLocal

Responses = dict[int | str, dict[str, Any]]

EXAMPLE_INSTANCE = "urn:uuid:0b5a3e7e-6a57-4d1c-9a0e-3f0f6f6c2f11"
MISTAKE = {
    "type": "object",
    "required": ["pointer", "detail"],
    "properties": {
        "pointer": {"type": "string", "description": "`#/title` into the body, `?limit` for a parameter."},
        "detail": {"type": "string"},
    },
}
SCHEMA = {
    "title": "Problem",
    "description": "A problem document (RFC 9457).",
    "type": "object",
    "required": ["type", "title", "status", "detail", "instance"],
    "properties": {
        "type": {"type": "string", "format": "uri"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "instance": {"type": "string", "format": "uri"},
        "errors": {"type": "array", "items": MISTAKE},
    },
}


def problem_responses(*problems: type[Problem]) -> Responses:
    """The `responses=` of a route for the Problems that it raises."""
    responses: Responses = {}
    for problem in problems:
        response = responses.setdefault(
            problem.status,
            {"description": problem.title, "content": {MEDIA_TYPE: {"schema": SCHEMA, "examples": {}}}},
        )
        response["content"][MEDIA_TYPE]["examples"][problem.name] = {
            "summary": problem.title,
            "value": _example(problem),
        }
    return responses


def describe(route: APIRoute, *, protected: bool) -> None:
    """Add to the route's responses what `Route` itself may answer."""
    problems: list[type[Problem]] = [Misdirected, NotLocal, Unavailable]
    if protected:
        problems += [NoCredentials, TwoCredentials, TwoCookies]
        if set(route.methods or ()) - SAFE_METHODS:
            problems.append(CrossSiteRequest)
    if route.dependant.path_params:
        problems.append(NotFound)
    if route.dependant.query_params:
        problems.append(Invalid)
    if route.body_field is not None and not isinstance(route.body_field.field_info, Form):
        problems += [TooLarge, WrongMediaType, Invalid]
    own = problem_responses(*problems)
    for status, response in route.responses.items():
        examples = response.get("content", {}).get(MEDIA_TYPE, {}).get("examples")
        if status in own and examples is not None:
            examples.update(own[status]["content"][MEDIA_TYPE]["examples"])
    route.responses = {**own, **route.responses}
    if Invalid.status not in route.responses and route.dependant.path_params:
        # FastAPI declares its own 422 for a parameter in the path, unless there is a default response.
        route.responses["default"] = {"description": "Any other refusal", "content": {MEDIA_TYPE: {"schema": SCHEMA}}}


def _example(problem: type[Problem]) -> dict[str, Any]:
    example: dict[str, Any] = {
        "type": TYPE_PREFIX + problem.name,
        "title": problem.title,
        "status": problem.status,
        "detail": problem.detail,
        "instance": EXAMPLE_INSTANCE,
    }
    if issubclass(problem, Invalid):
        example["errors"] = [{"pointer": "#/title", "detail": "This is needed."}]
    return example
