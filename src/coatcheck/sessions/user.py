"""`User`: who is signed in, as the verified token says."""

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
