"""How pages stay signed in: two cookies that no script can read.

`__Host-coatcheck` holds the access token, `__Host-coatcheck-refresh` what renews it. Browsers take a name
that begins so only over https, for this very host and all of its paths, so that neither a sibling's
subdomain nor plain http can set it. Locally, over http, the names are `coatcheck-8000` and
`coatcheck-8000-refresh`: servers on one machine share their cookies whatever their port, and would
overwrite each other's.
Source: draft-ietf-httpbis-rfc6265bis, sections 4.1.3 and 5.7.
"""

import re
from typing import Any

from fastapi.requests import HTTPConnection
from fastapi.responses import Response

from coatcheck.problems import BadRequest
from coatcheck.web.cross_site import refuse_cross_site
from coatcheck.web.site import Site

ACCESS = "__Host-coatcheck"
REFRESH = "-refresh"
VALUE = re.compile(r"[A-Za-z0-9._~+/=-]+")  # RFC 6750's b64token, all of it cookie-octets
GONE = ("", 0)
LONGEST = 4_096  # bytes of name and value that a browser takes; a longer one it drops without a word


class TwoCookies(BadRequest):
    """The browser sends a cookie of ours twice.

    Somebody else has set one of them: another server on this machine, for some of the paths. Taking either
    could mean acting as whoever that one chose; ignoring both would let the person sign in again and again.
    """

    title = "Two session cookies"
    name = "two-cookies"
    detail = (
        "Your browser sends the session cookie of this site twice. Delete this site's cookies, then sign in again."
    )


class Cookies:
    """The cookies of one application's pages: read, set, cleared.

    SameSite=Lax, not Strict: with Strict whoever follows a link from a mail finds themselves signed out.
    What Lax lets another site's page do is navigate here, with GET; all else meets `refuse_cross_site`.
    """

    def __init__(self, site: Site) -> None:
        self._site = site

    def access_token(self, connection: HTTPConnection) -> str | None:
        """The access token that came in a cookie, or None. Raises CrossSiteRequest, TwoCookies."""
        return self._read(connection, self._name(connection.scope))

    def refresh_value(self, connection: HTTPConnection) -> str | None:
        """What renews it, for the pages alone: no session is opened by it. Raises CrossSiteRequest, TwoCookies."""
        return self._read(connection, self._name(connection.scope) + REFRESH)

    def require_own_page(self, connection: HTTPConnection) -> None:
        """To be called first where cookies will be set, before anything has happened. Raises CrossSiteRequest."""
        refuse_cross_site(connection, self._site)

    def set(
        self,
        connection: HTTPConnection,
        response: Response,
        *,
        access: tuple[str, int],
        refresh: tuple[str, int] | None,
    ) -> None:
        """Sign the browser in with the answer.

        access, refresh: the value, and the seconds for which the browser keeps it: as long as it is good.
        Without a refresh value an older one is cleared: it would renew the session of whoever was here before.
        Raises CrossSiteRequest; ValueError for what a cookie cannot hold.
        """
        self.require_own_page(connection)
        name = self._name(connection.scope)
        self._set(response, name, *access)
        self._set(response, name + REFRESH, *(refresh or GONE))

    def clear(self, connection: HTTPConnection, response: Response) -> None:
        """Sign the browser out with the answer. Raises CrossSiteRequest."""
        self.require_own_page(connection)
        name = self._name(connection.scope)
        for one in (name, name + REFRESH):
            self._set(response, one, *GONE)

    def _name(self, scope: Any) -> str:
        if not self._site.local:
            return ACCESS
        server = scope.get("server") or ("", None)
        return f"coatcheck-{server[1] or 0}"

    def _read(self, connection: HTTPConnection, name: str) -> str | None:
        found = [value for key, value in _sent(connection.scope) if key == name.encode("latin-1")]
        if not found:
            return None
        refuse_cross_site(connection, self._site)  # before the token is looked at: the answer tells nothing of it
        if len(found) > 1:
            raise TwoCookies
        return found[0].decode("latin-1")

    def _set(self, response: Response, name: str, value: str, seconds: int) -> None:
        if (value, seconds) != GONE and (not VALUE.fullmatch(value) or len(name) + len(value) > LONGEST):
            raise ValueError(f"{name} cannot hold this value")
        secure = "" if self._site.local else "; Secure"
        line = f"{name}={value}; Max-Age={seconds}; Path=/; HttpOnly; SameSite=Lax{secure}"
        response.headers.append("Set-Cookie", line)
        response.headers["Cache-Control"] = "no-store"


def _sent(scope: Any) -> list[tuple[bytes, bytes]]:
    """Every cookie of the request: from each Cookie header, in order, none dropped for being there twice.

    Only space and tab are taken off: where more counts as blank, a cookie that anybody may set passes for
    one of `__Host-`, since browsers see another name in it. Quotes stay, for the same reason.
    """
    pairs = [part for name, value in scope["headers"] if name == b"cookie" for part in value.split(b";")]
    split = [pair.partition(b"=") for pair in pairs]
    return [(name.strip(b" \t"), value.strip(b" \t")) for name, _, value in split]
