"""Sessions of pages: the browser carries the tokens in cookies that no script can read."""

from fastapi import Response
from fastapi.requests import HTTPConnection

from coatcheck.sessions.refresh import Refresh, RefreshRefused
from coatcheck.sessions.sessions import Opening
from coatcheck.web import Cookies


class PageSessions:
    """Hands tokens to a browser, renews them and takes them away. Never in a body: a script could read that."""

    def __init__(self, cookies: Cookies, refresh: Refresh) -> None:
        self._cookies = cookies
        self._refresh = refresh

    def require_own_page(self, connection: HTTPConnection) -> None:
        """To be called before anybody is signed in by a page. Raises CrossSiteRequest."""
        self._cookies.require_own_page(connection)

    def give(self, connection: HTTPConnection, response: Response, opening: Opening) -> None:
        """Sign the browser in with the answer, for a session that was opened. Raises CrossSiteRequest."""
        access = (opening.access.access_token, opening.access.expires_in)
        refresh = opening.refresh_token, opening.refresh_expires_in
        self._cookies.set(
            connection,
            response,
            access=access,
            refresh=None if refresh[0] is None or refresh[1] is None else (refresh[0], refresh[1]),
        )

    def renewable(self, connection: HTTPConnection) -> bool:
        """Whether the browser can renew its session: both cookies are set and cleared together.

        Whoever signed in on somebody else's computer without that must not get it with their next session.
        Raises CrossSiteRequest, TwoCookies.
        """
        return self._cookies.refresh_value(connection) is not None

    async def renew(self, connection: HTTPConnection, response: Response) -> None:
        """Exchange the refresh cookie for the next pair: the pages' own renewal, and the only one that reads it.

        Raises RefreshRefused, CrossSiteRequest, TwoCookies.
        """
        self._cookies.require_own_page(connection)
        value = self._cookies.refresh_value(connection)
        if value is None:
            raise RefreshRefused
        renewed = await self._refresh.exchange(value)
        self._cookies.set(
            connection,
            response,
            access=(renewed.access.access_token, renewed.access.expires_in),
            refresh=(renewed.refresh_token, renewed.refresh_expires_in),
        )

    def take(self, connection: HTTPConnection, response: Response) -> None:
        """Sign the browser out with the answer. Raises CrossSiteRequest."""
        self._cookies.clear(connection, response)
