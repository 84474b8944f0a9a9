"""`GET`, `HEAD` `/health` and `/ready`, for load balancers and process supervisors."""

from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel

from coatcheck.database import Database
from coatcheck.web import any_host


class Health(BaseModel):
    """All is well."""

    status: Literal["ok"] = "ok"


def add_routes(router: APIRouter, database: Database) -> None:
    """`/health` and `/ready`, under any Host."""

    @router.api_route("/health", methods=["GET", "HEAD"], include_in_schema=False)
    @router.get(
        "/health", tags=["health"], operation_id="health", summary="Is the process up?", response_description="It is"
    )
    @any_host
    async def health() -> Health:
        """The process is up."""
        return Health()

    @router.api_route("/ready", methods=["GET", "HEAD"], include_in_schema=False)
    @router.get(
        "/ready",
        tags=["health"],
        operation_id="ready",
        summary="Does the database answer?",
        response_description="It does",
    )
    @any_host
    async def ready() -> Health:
        """The process is up and its database answers; 503 if not."""
        await database.ping()
        return Health()
