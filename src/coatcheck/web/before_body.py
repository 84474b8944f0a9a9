"""Dependencies that `Route` runs before it reads the body."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from fastapi.dependencies.models import Dependant
from fastapi.requests import HTTPConnection

Check = Callable[[HTTPConnection], Awaitable[object]]
Dependency = TypeVar("Dependency", bound=Callable[..., Any])
Overrides = dict[Callable[..., Any], Callable[..., Any]]

MARK = "__coatcheck_before_body__"


def before_body(check: Check) -> Callable[[Dependency], Dependency]:
    """Mark a dependency: `Route` runs `check` before it reads the body.

    FastAPI parses the body first, so a stranger would get 422 instead of 401 and could make us parse
    64 KiB. `check` leaves its result in the scope, where the dependency finds it.
    """

    def mark(dependency: Dependency) -> Dependency:
        # With its owner: functools.wraps copies attributes, and a host's stricter dependency that
        # wraps ours must not be taken for ours.
        setattr(dependency, MARK, (dependency, check))
        return dependency

    return mark


def check_of(dependency: Callable[..., Any] | None) -> Check | None:
    """The check of a marked dependency, None for any other."""
    owner, check = getattr(dependency, MARK, (None, None))
    return check if owner is dependency else None


def checks_of(dependant: Dependant, overrides: Overrides) -> list[Check]:
    """The checks of all that is marked, in order; what is overridden is not looked into."""
    found: list[Check] = []
    for dependency in dependant.dependencies:
        if dependency.call in overrides:
            continue
        check = check_of(dependency.call)
        if check is not None:
            found.append(check)
        found.extend(checks_of(dependency, overrides))
    return found
