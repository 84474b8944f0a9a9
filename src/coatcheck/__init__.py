"""Coatcheck: user accounts for FastAPI.

    from fastapi import FastAPI
    from coatcheck import Coatcheck, CurrentUser

    app = FastAPI()
    Coatcheck(app)

    @app.get("/hello")
    async def hello(user: CurrentUser) -> str:
        return f"Hello {user.username}"

A bearer token is a coat-check ticket: whoever holds it gets the coat.
"""

from coatcheck.accounts import Account, account_id
from coatcheck.coatcheck import Coatcheck, serve
from coatcheck.database import Database
from coatcheck.problems import (
    BadRequest,
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    Problem,
    TooManyRequests,
    Unauthorized,
    Unavailable,
)
from coatcheck.sessions import CurrentUser, OptionalUser, User, current_user, optional_user
from coatcheck.settings import Settings
from coatcheck.web import Route, offline_docs, problem_details, request_log

__all__ = [
    "Account",
    "BadRequest",
    "Coatcheck",
    "Conflict",
    "CurrentUser",
    "Database",
    "Forbidden",
    "Invalid",
    "NotFound",
    "OptionalUser",
    "Problem",
    "Route",
    "Settings",
    "TooManyRequests",
    "Unauthorized",
    "Unavailable",
    "User",
    "account_id",
    "current_user",
    "offline_docs",
    "optional_user",
    "problem_details",
    "request_log",
    "serve",
]
