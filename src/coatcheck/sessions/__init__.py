"""Sessions: staying in and getting out.

A session is a row; its access tokens are checked without a query. When it ends before they expire, a
revocation says so, and a feed brings that to every process (revocations.py). A refresh token, for who
asked for one, gets the next access token, once (refresh.py).

Tables: coatcheck_sessions, coatcheck_revocations. What can happen here: NoCredentials, InvalidToken,
RefreshRefused (401), TwoCredentials, TwoCookies (400), CrossSiteRequest (403).
Standards: RFC 6750 (how a token is sent), RFC 8176 (`amr`), RFC 9700 section 4.14 (refresh tokens).
"""

from coatcheck.sessions.current_user import CurrentUser, OptionalUser, came_by_cookie, current_user, optional_user
from coatcheck.sessions.pages import PageSessions
from coatcheck.sessions.sessions import Opening, Session, Sessions
from coatcheck.sessions.user import User

__all__ = [
    "CurrentUser",
    "Opening",
    "OptionalUser",
    "PageSessions",
    "Session",
    "Sessions",
    "User",
    "came_by_cookie",
    "current_user",
    "optional_user",
]
