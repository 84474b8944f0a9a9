"""`GET`, `HEAD` `/health` and `/ready`, for load balancers and process supervisors."""

from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel
from sqlalchemy import text

from coatcheck.database import Database
from coatcheck.web import Route

ANSWERS = text("SELECT 1")


class Health(BaseModel):
    """All is well."""

    status: Literal["ok"] = "ok"


def routes(database: Database) -> APIRouter:
    """The routes of this room."""
    router = APIRouter(route_class=Route, tags=["health"])

    @router.api_route("/health", methods=["GET", "HEAD"], include_in_schema=False)
    @router.get("/health", operation_id="health", summary="Is the process up?")
    async def health() -> Health:
        """The process is up."""
        return Health()

    @router.api_route("/ready", methods=["GET", "HEAD"], include_in_schema=False)
    @router.get("/ready", operation_id="ready", summary="Does the database answer?")
    async def ready() -> Health:
        """The process is up and its database answers; 503 if not."""
        await database.one(ANSWERS)
        return Health()

    return router
