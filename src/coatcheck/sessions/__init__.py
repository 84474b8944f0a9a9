"""Sessions: staying in and getting out.

Behind each access token stands a row, looked at on each request, so that a session can end before
its token expires: a changed password, a disabled or deleted account end it at once.

Table: coatcheck_sessions. What can happen here: NoCredentials, InvalidToken (401), TwoCredentials (400).
Standards: RFC 6750 (how a token is sent), RFC 8176 (`amr`).
"""

from coatcheck.sessions.current_user import CurrentUser, OptionalUser, current_user, optional_user
from coatcheck.sessions.sessions import Sessions
from coatcheck.sessions.user import User

__all__ = ["CurrentUser", "OptionalUser", "Sessions", "User", "current_user", "optional_user"]
