"""`Route`: the token before the body, strict JSON, mistakes in our words."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from fastapi.dependencies.models import Dependant
from fastapi.exceptions import RequestValidationError
from fastapi.params import Form
from fastapi.requests import Request
from fastapi.responses import Response
from fastapi.routing import APIRoute
from starlette.routing import Match

from coatcheck.web.before_body import Check, Overrides, checks_of
from coatcheck.web.body import read_json
from coatcheck.web.carrying import carried
from coatcheck.web.direct import DirectAnswer, direct_answer
from coatcheck.web.openapi import describe
from coatcheck.web.site import is_for_any_host
from coatcheck.web.wording import worded


class Route(APIRoute):
    """The route class of everything here; use it as `APIRouter(route_class=Route)`.

    It answers only where the site answers, checks the token before the body, takes JSON strictly and
    up to 64 KiB, words validation errors without echoing anything, and declares all of these in the
    OpenAPI document.
    """

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        super().__init__(path, endpoint, **options)
        self._literal_path = None if "{" in path else path
        self._plans: dict[int, _Plan] = {}
        describe(self, protected=bool(checks_of(self.dependant, {})))

    def matches(self, scope: Any) -> Any:
        """Starlette's answer; most of the routes that a request passes are told by the end of its path."""
        if self._literal_path is not None and not scope["path"].endswith(self._literal_path):
            return Match.NONE, {}
        return super().matches(scope)

    async def handle(self, scope: Any, receive: Any, send: Any) -> None:
        """FastAPI's, without its exit stacks and inner layer of exception handlers where nothing uses them."""
        plan = self._plans.get(id(self))
        if (
            plan is None
            or not plan.goes_straight(scope)
            or scope["method"] not in (self.methods or ())
            or "effective_route_context" in scope.get("fastapi", ())
        ):
            await super().handle(scope, receive, send)
        else:
            response = await self._answer(Request(scope, receive, send))
            await response(scope, receive, send)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """FastAPI's handler with ours around it."""
        handle = super().get_route_handler()

        async def answer(request: Request) -> Response:
            scope = request.scope
            coatcheck = carried(request)
            if coatcheck is not None:
                coatcheck.site.admit(request, any_host=is_for_any_host(self.endpoint))
            included = scope.get("fastapi", {}).get("effective_route_context")
            route = included if included is not None and included.original_route is self else self
            plan = self._plans.get(id(route)) or self._plan(route)
            overrides = _overrides(scope)
            checks = checks_of(route.dependant, overrides) if overrides else plan.checks
            found = [await check(request) for check in checks]
            if plan.takes_json:
                request = await read_json(request, needed=plan.needs_json)
            try:
                if plan.direct is not None and plan.goes_straight(scope):
                    response = await plan.direct(request, found)
                else:
                    response = await handle(request)
            except RequestValidationError as error:
                raise worded(error) from None
            _add_headers(response)
            return response

        self._answer = answer
        return answer

    def _plan(self, route: Any) -> "_Plan":
        """How this route is answered; a router that is included twice has two routes in effect."""
        dependant: Dependant = route.dependant
        body = route.body_field
        plan = self._plans[id(route)] = _Plan(
            route=route,
            checks=checks_of(dependant, {}),
            takes_json=body is not None and not isinstance(body.field_info, Form),
            needs_json=body is not None and body.field_info.is_required(),
            direct=direct_answer(route),
            ignores_query=not dependant.query_params,
        )
        return plan


@dataclass(frozen=True, slots=True)
class _Plan:
    route: Any  # kept, so that its id stays its own
    checks: list[Check]
    takes_json: bool
    needs_json: bool
    direct: DirectAnswer | None
    ignores_query: bool

    def goes_straight(self, scope: Any) -> bool:
        """Whether this request can do without FastAPI's own way of calling the endpoint."""
        return self.direct is not None and not _overrides(scope) and (not scope["query_string"] or self.ignores_query)


def _overrides(scope: Any) -> Overrides:
    return getattr(scope["app"], "dependency_overrides", {})


def _add_headers(response: Response) -> None:
    """What every answer bears; FastAPI also names a media type for 204, which has no body."""
    if not getattr(response, "body", b"streamed"):
        response.raw_headers = [pair for pair in response.raw_headers if pair[0] != b"content-type"]
    if all(name != b"cache-control" for name, _ in response.raw_headers):
        response.raw_headers.append((b"cache-control", b"no-store"))
    response.raw_headers.append((b"x-content-type-options", b"nosniff"))
