"""A user that is written where FastAPI does not see it: the route would be open to everybody."""

from collections.abc import Iterator, Sequence
from typing import Any, ForwardRef

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import iter_route_contexts

from coatcheck.problems import StartRefused
from coatcheck.web.neighbours import applications

ANNOTATIONS = {"CurrentUser", "OptionalUser"}


def refuse_unguarded(app: FastAPI, guards: Sequence[object]) -> None:
    """See that no route has a guard in its signature that guards nothing. Raises StartRefused with the route.

    guards: what stands for a user. As a default (`user=CurrentUser`) it is the default of a query
    parameter; imported for type checkers only, it is a name that FastAPI cannot look up.
    """
    for one, _ in applications(app):
        if isinstance(one, FastAPI):
            for route in iter_route_contexts(one.routes):
                dependant: Dependant | None = getattr(route.original_route, "dependant", None)
                for field in _parameters(dependant) if dependant is not None else ():
                    _require_guard(str(route.path), field, guards)


def _require_guard(path: str, field: Any, guards: Sequence[object]) -> None:
    if any(field.field_info.default is guard for guard in guards):
        raise StartRefused(
            f"{path} is open to everybody: {field.name} has a default where it needs an annotation. "
            f"Write {field.name}: CurrentUser."
        )
    unknown = field.field_info.annotation
    if isinstance(unknown, ForwardRef) and unknown.__forward_arg__ in ANNOTATIONS:
        raise StartRefused(
            f"{path} is open to everybody: FastAPI cannot find {unknown.__forward_arg__}, which is "
            "imported for type checkers only. Import it outside `if TYPE_CHECKING:`."
        )


def _parameters(dependant: Dependant) -> Iterator[Any]:
    """What FastAPI reads from the request, for the endpoint and for all that it depends on."""
    yield from dependant.path_params
    yield from dependant.query_params
    yield from dependant.header_params
    yield from dependant.cookie_params
    yield from dependant.body_params
    for dependency in dependant.dependencies:
        yield from _parameters(dependency)
