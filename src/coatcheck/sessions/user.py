"""`User`: who is signed in, as the verified token says."""

import inspect
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class User:
    """The person behind a request, from the verified token, without a query.

    id: the account's, never given twice; username: as typed at registration. session_id: which
    session this is. auth_time, amr: when and how the person proved who they are (RFC 8176). kind,
    scopes: `person` and none, until there are API keys and clients.
    """

    id: int
    username: str
    session_id: str
    auth_time: datetime
    amr: tuple[str, ...]
    kind: Literal["person"] = "person"
    scopes: tuple[str, ...] = ()

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        """Refused: a User read from a request would be whoever the sender says.

        FastAPI drops the Depends of `CurrentUser | None` and reads the user from the request body.
        """
        raise TypeError(
            "A User cannot be read from a request or written to an answer. "
            "For a visitor who may be signed in write `user: OptionalUser`, for one who must be `user: CurrentUser`; "
            "to answer with a user, return a model of your own."
        )


# FastAPI takes `Depends(User)`, or `Annotated[User, Depends()]`, for a class that it may build from the
# query and the body. What it reads for that is the signature; there a field that it must ask the schema of.
_signature = inspect.signature(User)
_unreadable = [
    parameter.replace(annotation=User) if parameter.name == "id" else parameter
    for parameter in _signature.parameters.values()
]
User.__signature__ = _signature.replace(parameters=_unreadable)  # type: ignore[attr-defined]
