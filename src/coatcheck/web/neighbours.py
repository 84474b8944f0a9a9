"""What else an application is made of: routes that would be in the way, applications mounted in it."""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from starlette.routing import BaseRoute, Match

from coatcheck.problems import Problem, StartRefused
from coatcheck.web.problem_document import answer_problem

PARAMETER = re.compile(r"{[^}]*}")


def check_prefix(prefix: str) -> None:
    """Raises StartRefused: it is neither empty nor the beginning of a path."""
    if prefix and (not prefix.startswith("/") or prefix.endswith("/")):
        raise StartRefused('prefix= is "" or a path that begins with a slash and ends without one, such as "/auth".')


def refuse_taken_paths(app: FastAPI, own: Sequence[Any]) -> None:
    """See that each of our own routes is the one that answers, and hides none of the host's.

    Raises StartRefused with method, path and the host's name for it. Called when the application is
    whole: a host adds its routes before and after ours.
    """
    for ours in own:
        for method in sorted(ours.methods):
            before = True
            for route in iter_route_contexts(app.routes):
                if route.original_route in own:
                    before = before and route.original_route is not ours
                elif (before and _answers(route, method, ours.path)) or _is_the_same(route, method, ours.path):
                    raise StartRefused(
                        f"{method} {ours.path} is taken: this application answers it by {_shown(route)}, and "
                        'Coatcheck would too. Rename that, or use prefix=, as in Coatcheck(app, prefix="/accounts").'
                    )


def answer_problems_in_mounted_apps(app: FastAPI) -> None:
    """Give every FastAPI application mounted in this one the handler for our Problem, if it has none.

    Handlers belong to one application each: without this a bad token there would be a 500.
    """
    for mounted in _mounted(app):
        if Problem not in mounted.exception_handlers:
            mounted.add_exception_handler(Problem, answer_problem)


def _answers(route: Any, method: str, path: str) -> bool:
    scope: dict[str, Any] = {
        "type": "http",
        "method": method,
        "path": PARAMETER.sub("x", path),
        "root_path": "",
        "headers": [],
    }
    return bool(route.matches(scope)[0] is Match.FULL)


def _is_the_same(route: Any, method: str, path: str) -> bool:
    shape = PARAMETER.sub("{}", getattr(route, "path", None) or "")
    return method in (getattr(route, "methods", None) or ()) and shape == PARAMETER.sub("{}", path)


def _shown(route: Any) -> str:
    name = getattr(route, "name", None)
    where = route.path or "/"
    return f"{where} ({name})" if name else f"what is mounted at {where}"


def _mounted(app: FastAPI) -> Iterator[FastAPI]:
    """At any depth, also where an ASGI middleware is around it that keeps it in `.app`, as Starlette's do."""
    seen = {id(app)}
    waiting: list[Any] = [app]
    while waiting:
        for route in _routes(waiting.pop()):
            inner = getattr(route, "app", None)
            while inner is not None and id(inner) not in seen:
                seen.add(id(inner))
                if isinstance(inner, FastAPI):
                    yield inner
                waiting.append(inner)
                inner = getattr(inner, "app", None)


def _routes(app: Any) -> Iterator[BaseRoute]:
    for route in iter_route_contexts(getattr(app, "routes", None) or ()):
        yield route.original_route
