"""The todo application in this process, for tests that move the clock or reach into the rooms."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from fastapi import FastAPI

from coatcheck import Coatcheck, Settings, offline_docs, problem_details
from todos.routes import add_todos

CHEAP: dict[str, Any] = {"argon2_memory_kib": 8, "argon2_time_cost": 1}


def make_app(
    folder: Path, database_url: str | None = None, *, clock: Callable[[], float] | None = None, **settings: Any
) -> FastAPI:
    """An app on a database of its own; `app.state.coatcheck` is its Coatcheck."""
    url = {} if database_url is None else {"database_url": database_url}
    app = FastAPI(title="Todos and accounts", redirect_slashes=False)
    more = {} if clock is None else {"clock": clock}
    coatcheck = Coatcheck(
        app,
        Settings.read(folder, **{**CHEAP, **url, **settings}),
        prefix="",
        migrations=["todos.migrations"],
        health=True,
        **more,
    )
    add_todos(app, coatcheck.database)
    offline_docs(app)
    problem_details(app)
    return app
