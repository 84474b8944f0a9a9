"""`GET`, `HEAD` `/health` and `/ready`, for load balancers and process supervisors."""

from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel

from coatcheck.database import Database
from coatcheck.sessions import Sessions
from coatcheck.web import any_host


class Health(BaseModel):
    """All is well."""

    status: Literal["ok"] = "ok"


class Ready(Health):
    """All is well, and how it is known which sessions have ended: see `docs/sessions.md`."""

    revocations: Literal["current", "asking the database"]


def add_routes(router: APIRouter, database: Database, sessions: Sessions) -> None:
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
    async def ready() -> Ready:
        """The process is up and its database answers; 503 if not.

        `revocations`: whether this process knows by itself which sessions have ended, or asks the database
        for each request, which is slower and as safe.
        """
        await database.ping()
        await sessions.revocations.look()
        return Ready(revocations=sessions.revocations.state)
