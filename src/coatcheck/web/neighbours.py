"""What else an application is made of: routes that would be in the way, applications mounted in it."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from starlette.applications import Starlette
from starlette.routing import Match, Router, WebSocketRoute

from coatcheck.problems import Problem, StartRefused
from coatcheck.web.problem_document import answer_problem

PARAMETER = re.compile(r"{[^}]*}")
# Letters that no client, proxy or server writes in another way (RFC 3986 section 2.3: unreserved), so that
# the path that is asked for is the path that is looked up; "." and ".." are resolved away on the way here.
PREFIX = re.compile(r"(/(?!\.{1,2}(/|$))[A-Za-z0-9._~-]+)*")
NOBODYS = "/nobody/has/this/path"


def check_prefix(prefix: object) -> None:
    """Raises StartRefused: it is neither empty nor the beginning of a path."""
    if not isinstance(prefix, str) or not PREFIX.fullmatch(prefix):
        raise StartRefused(
            'prefix= is "" or a path that begins with a slash and ends without one, such as "/auth"; '
            "between slashes are letters, digits and - . _ ~ only."
        )


def refuse_taken_paths(app: FastAPI, own: Sequence[Any]) -> None:
    """See that each of our own routes is the one that answers, and takes no route of the host's away.

    Before ours, whatever answers the request is in the way. After ours, what has the same path and
    method, in a mounted application too, or is mounted at that very path. What loses only some of its
    paths stays, such as `/{page}`. Not seen: what an application answers that keeps no list of routes, as
    StaticFiles, behind ours; a Host before ours that is for certain names; what is added after the start.

    Raises StartRefused with method, path and the host's name for it. Called when the application is
    whole: a host adds its routes before and after ours.
    """
    for ours in own:
        for method in sorted(ours.methods):
            before = True
            for place in _places(app):
                if place.route.original_route in own:
                    before = before and place.route.original_route is not ours
                elif before and place.depth:
                    continue  # it is reached by way of what is mounted, which has been asked already
                elif (before and _answers(app, place, method, ours.path)) or _is_the_same(place, method, ours.path):
                    raise _taken(app, place, method, ours.path)


def answer_problems_in_mounted_apps(app: FastAPI) -> None:
    """Give every FastAPI application mounted in this one the handler for our Problem, if it has none.

    Handlers belong to one application each: without this a bad token there would be a 500.
    """
    for mounted, _ in applications(app):
        if isinstance(mounted, FastAPI) and Problem not in mounted.exception_handlers:
            mounted.add_exception_handler(Problem, answer_problem)
            # One that has answered before has its handlers laid out; the next request lays them out anew.
            mounted.middleware_stack = None


def applications(app: Any) -> Iterator[tuple[Any, int]]:
    """The application, what it wraps (`.app`) and what is mounted in those; each with how deep it is mounted."""
    for outer in (app, *_behind(app)):
        yield outer, 0
        for place in _places(outer):
            for mounted in _behind(place.route.original_route):
                yield mounted, place.depth + 1


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a route is. path: the whole of it. depth: how many applications are around it."""

    path: str
    route: Any
    depth: int


def _taken(app: FastAPI, place: _Place, method: str, path: str) -> StartRefused:
    sentence = f"{method} {path} is taken: this application answers it by {_shown(place)}, "
    if not place.depth and _answers(app, place, method, NOBODYS + path):
        return StartRefused(f"{sentence}as it does every path. Call Coatcheck(app) before you add that.")
    if path.startswith("/.well-known/"):  # RFC 8615: where it is looked for; no prefix moves it
        return StartRefused(f"{sentence}and Coatcheck would too, whatever its prefix. Rename that.")
    return StartRefused(
        f'{sentence}and Coatcheck would too. Rename that, or use prefix=, as in Coatcheck(app, prefix="/accounts").'
    )


def _answers(app: FastAPI, place: _Place, method: str, path: str) -> bool:
    """Whether it takes the request; it is one of the application's own list, and alone."""
    plain = PARAMETER.sub("x", path)
    scope: dict[str, Any] = {  # all that a server tells: a route of the host's may look at any of it
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": plain,
        "raw_path": plain.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(b"host", b"localhost")],
        "client": ("127.0.0.1", 50_000),
        "server": ("127.0.0.1", 80),
        "state": {},
        "extensions": {},
        "app": app,
        "router": app.router,
    }
    try:
        return bool(place.route.matches(scope)[0] is Match.FULL)
    except KeyError:  # it looks at what a middleware adds, such as a session
        return False


def _is_the_same(place: _Place, method: str, path: str) -> bool:
    if PARAMETER.sub("{}", place.path) != PARAMETER.sub("{}", path):
        return False
    if isinstance(place.route.original_route, WebSocketRoute):
        return False  # answers no request of HTTP
    methods = place.route.methods
    return methods is None or method in methods  # None: all, of an ASGI class or of what is mounted


def _shown(place: _Place) -> str:
    where = place.path or getattr(place.route, "host", None) or "/"
    return f"{where} ({place.route.name})" if place.route.name else f"what is mounted at {where}"


def _places(app: Any, path: str = "", above: tuple[Any, ...] = ()) -> Iterator[_Place]:
    """Every route of the application, and of those mounted in it, at any depth."""
    for route in iter_route_contexts(app.routes if isinstance(app, Starlette | Router) else ()):
        place = _Place(path + (route.path or ""), route, len(above))
        yield place
        for inner in _behind(route.original_route):
            if not any(inner is one for one in above):  # one may be mounted in itself
                yield from _places(inner, place.path, (*above, inner))


def _behind(route: Any) -> Iterator[Any]:
    """The application behind a route or a layer, also where several are around it that keep it in `.app`."""
    seen: list[Any] = []
    inner = getattr(route, "app", None)
    while inner is not None and not any(inner is one for one in seen):
        seen.append(inner)
        yield inner
        inner = getattr(inner, "app", None)
