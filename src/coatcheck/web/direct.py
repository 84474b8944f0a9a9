"""Answering without FastAPI's solver, where there is nothing to solve.

An endpoint that takes only the signed-in user (and perhaps a JSON object as the body, the request, or the
response whose headers it sets) needs no dependencies solved and no parameters read, yet FastAPI goes through
them for each request: measured, that takes as long as all the rest of a small answer. Any other endpoint goes
FastAPI's way.
"""

from collections.abc import Awaitable, Callable, Sequence
from inspect import Parameter, isclass, iscoroutinefunction, signature
from typing import Any

from fastapi.dependencies.models import Dependant
from fastapi.exceptions import RequestValidationError
from fastapi.params import Body
from fastapi.requests import Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, TypeAdapter
from pydantic.fields import FieldInfo

from coatcheck.web.before_body import check_of

DirectAnswer = Callable[[Request, Sequence[Any]], Awaitable[Response]]
BODILESS = {204, 304}


class HeadersOnly(Response):
    """What an endpoint that takes a Response may change: headers, cookies and the status."""

    def __init__(self) -> None:
        self.status_code = None  # type: ignore[assignment]
        self.body = b""
        self.background = None
        self.raw_headers: list[tuple[bytes, bytes]] = []


def direct_answer(route: Any) -> DirectAnswer | None:
    """The endpoint's answer to a request without a query, given what the checks found; None: not plain.

    route: an APIRoute, or what is in effect for an included one. What the checks found comes in the
    order of the dependencies.
    """
    dependant: Dependant = route.dependant
    if not _is_plain(route, dependant):
        return None
    users = [dependency.name for dependency in dependant.dependencies]
    body = dependant.body_params[0] if dependant.body_params else None
    adapter: TypeAdapter[Any] | None = None if route.response_model is None else TypeAdapter(route.response_model)
    usual = route.status_code or 200
    endpoint = route.endpoint

    async def answer(request: Request, found: Sequence[Any]) -> Response:
        values = {name: user for name, user in zip(users, found, strict=True) if name is not None}
        if dependant.request_param_name is not None:
            values[dependant.request_param_name] = request
        if body is not None:
            values[body.name], mistakes = body.validate(await request.json(), loc=("body",))
            if mistakes:
                raise RequestValidationError(mistakes)
        headers = None
        if dependant.response_param_name is not None:
            headers = values[dependant.response_param_name] = HeadersOnly()
        result = await endpoint(**values)
        status = (headers.status_code if headers is not None else None) or usual
        if isinstance(result, Response):
            return result
        if adapter is None or status in BODILESS:
            response = Response(status_code=status)
        else:
            valid = adapter.validate_python(result, from_attributes=True)
            response = Response(adapter.dump_json(valid, by_alias=True), status, media_type="application/json")
        if headers is not None:
            response.raw_headers.extend(headers.raw_headers)
        return response

    return answer


def _is_plain(route: Any, dependant: Dependant) -> bool:
    """Whether FastAPI would do nothing that is not done here."""
    return (
        iscoroutinefunction(route.endpoint)
        and all(check_of(dependency.call) is not None for dependency in dependant.dependencies)
        and not (dependant.path_params or dependant.header_params or dependant.cookie_params)
        and _has_plain_body(dependant)
        and dependant.background_tasks_param_name is None
        and dependant.http_connection_param_name is None
        and dependant.security_scopes_param_name is None
        and _have_plain_defaults(route.endpoint, dependant)
        and getattr(route.response_class, "value", None) is JSONResponse  # the default, not one of the route's own
        and (route.response_model is not None or route.status_code in BODILESS)
        and route.response_model_include is None
        and route.response_model_exclude is None
        and route.response_model_by_alias
        and not route.response_model_exclude_unset
        and not route.response_model_exclude_defaults
        and not route.response_model_exclude_none
    )


def _has_plain_body(dependant: Dependant) -> bool:
    """Whether the body is none, or one pydantic model that is needed as it stands."""
    if not dependant.body_params:
        return True
    field = dependant.body_params[0]
    said = field.field_info
    return (
        len(dependant.body_params) == 1
        and type(said) is Body
        and not said.embed
        and not said.metadata
        and said.is_required()
        and isclass(said.annotation)
        and issubclass(said.annotation, BaseModel)
    )


def _have_plain_defaults(endpoint: Callable[..., Any], dependant: Dependant) -> bool:
    """Whether each query parameter has a default that can be taken as it stands; `Query(5)` cannot."""
    defaults = {name: parameter.default for name, parameter in signature(endpoint).parameters.items()}
    found = [defaults.get(field.name, Parameter.empty) for field in dependant.query_params]
    return not any(default is Parameter.empty or isinstance(default, FieldInfo) for default in found)
