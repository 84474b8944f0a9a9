"""Requests that a page of another site makes with this browser's cookies (cross-site request forgery).

A browser sends our cookies along with what any page makes it send. What a page cannot write is
`Sec-Fetch-Site` (Fetch Metadata) and `Origin`: the browser says there whose page it is.
"""

from typing import Any

from fastapi.requests import HTTPConnection

from coatcheck.problems import Forbidden
from coatcheck.web.site import Site

SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}  # they change nothing here, and another origin cannot read the answer


class CrossSiteRequest(Forbidden):
    """A cookie came, or was to be set, with a request that is not known to come from a page of ours."""

    title = "Not sent by a page of this site"
    name = "cross-site-request"
    detail = (
        "This was sent by a page of another site, or by a browser that does not say whose page it was. "
        "Open this site itself and try again there."
    )


def is_unsafe(scope: Any) -> bool:
    """Whether it may change something: all but GET, HEAD and OPTIONS; a WebSocket, for what comes over it."""
    return scope["type"] == "websocket" or scope["method"] not in SAFE_METHODS


def refuse_cross_site(connection: HTTPConnection, site: Site) -> None:
    """Let pass what a page of ours sends, and what is safe.

    To be asked wherever a cookie is what lets somebody in, and wherever one is set: a foreign form must
    not sign its visitor in as somebody else. `same-site` is another origin: a sibling's subdomain, or
    another server on this machine. `none` is a person's own doing, such as a bookmark; those are GET.
    Raises CrossSiteRequest, and what the site raises: a name of somebody else's is nobody's own page.
    """
    scope = connection.scope
    if not is_unsafe(scope):
        return
    site.admit(connection)
    said = [value for name, value in scope["headers"] if name == b"sec-fetch-site"]
    origins = [value for name, value in scope["headers"] if name == b"origin"]
    # Older browsers, any where the page is not on https or this machine, and WebSockets send no Sec-Fetch-Site.
    own = said == [b"same-origin"] if said else origins == [site.origin(connection).encode("latin-1")]
    # Browsers send each once. Of two, another reader between us and them may have judged the other one.
    if not own or len(origins) > 1:
        raise CrossSiteRequest
