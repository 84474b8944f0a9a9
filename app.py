"""The todo API with user accounts: python app.py, then http://127.0.0.1:8000/docs."""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))  # so that it starts from any folder

try:
    from fastapi import FastAPI

    from coatcheck import Coatcheck, Settings, offline_docs, problem_details, request_log, serve
except ModuleNotFoundError as missing:
    from todos.setup import how_to_install

    raise SystemExit(how_to_install(HERE, missing)) from None

from todos.routes import add_todos  # noqa: E402  it needs what may be missing above

settings = Settings.read(HERE)
app = FastAPI(
    title="Todos and accounts",
    version="0.1.0",
    description="A todo list for each user. Register, log in, then **Authorize** with the token.",
    docs_url=None,
    redoc_url=None,
    redirect_slashes=False,
    telemetry={"tracing": False, "metrics": False, "logs": False},  # nobody asked, yet it is looked up per request
    openapi_tags=[{"name": name} for name in ("accounts", "todos", "sessions", "me", "keys", "health")],
)
coatcheck = Coatcheck(app, settings, prefix="", migrations=["todos.migrations"], health=True)
add_todos(app, coatcheck.database)
offline_docs(app, remember_token=settings.local)
problem_details(app)
request_log(app)

if __name__ == "__main__":
    serve(app, settings)
