"""`Route`: the token before the body, strict JSON, mistakes in our words."""

from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from fastapi.dependencies.models import Dependant
from fastapi.exceptions import RequestValidationError
from fastapi.params import Form
from fastapi.requests import HTTPConnection, Request
from fastapi.responses import Response
from fastapi.routing import APIRoute

from coatcheck.web.body import read_json
from coatcheck.web.carrying import carried
from coatcheck.web.openapi import describe
from coatcheck.web.wording import worded

Check = Callable[[HTTPConnection], Awaitable[object]]
Dependency = TypeVar("Dependency", bound=Callable[..., Any])
MARK = "__coatcheck_before_body__"


def before_body(check: Check) -> Callable[[Dependency], Dependency]:
    """Mark a dependency: `Route` runs `check` before it reads the body.

    FastAPI parses the body first, so a stranger would get 422 instead of 401 and could make us parse
    64 KiB. `check` leaves its result in the scope, where the dependency finds it.
    """

    def mark(dependency: Dependency) -> Dependency:
        setattr(dependency, MARK, check)
        return dependency

    return mark


class Route(APIRoute):
    """The route class of everything here; use it as `APIRouter(route_class=Route)`.

    It answers only where the site answers, checks the token before the body, takes JSON strictly and
    up to 64 KiB, words validation errors without echoing anything, and declares all of these in the
    OpenAPI document.
    """

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        super().__init__(path, endpoint, **options)
        self._checks: dict[int, tuple[tuple[Callable[..., Any], Check], ...]] = {}
        describe(self, protected=bool(_marked(self.dependant)))

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """FastAPI's handler with ours around it."""
        handle = super().get_route_handler()

        async def answer(request: Request) -> Response:
            coatcheck = carried(request)
            if coatcheck is not None:
                coatcheck.site.admit(request)
            route = request.scope.get("fastapi", {}).get("effective_route_context") or self
            for dependency, check in self._checks_of(route.dependant):
                if dependency not in request.app.dependency_overrides:
                    await check(request)
            body = route.body_field
            if body is not None and not isinstance(body.field_info, Form):
                request = await read_json(request)
            try:
                response = await handle(request)
            except RequestValidationError as error:
                raise worded(error) from None
            response.headers.setdefault("Cache-Control", "no-store")
            response.headers["X-Content-Type-Options"] = "nosniff"
            if not response.body and "content-type" in response.headers:
                del response.headers["content-type"]  # FastAPI names a type for 204 too
            return response

        return answer

    def _checks_of(self, dependant: Dependant) -> tuple[tuple[Callable[..., Any], Check], ...]:
        """What must be checked first; a router that is included twice has two dependants."""
        known = self._checks.get(id(dependant))
        if known is None:
            known = self._checks[id(dependant)] = tuple(_marked(dependant))
        return known


def _marked(dependant: Dependant) -> list[tuple[Callable[..., Any], Check]]:
    found: list[tuple[Callable[..., Any], Check]] = []
    for dependency in dependant.dependencies:
        if dependency.call is not None and (check := getattr(dependency.call, MARK, None)) is not None:
            found.append((dependency.call, check))
        found.extend(_marked(dependency))
    return found
