"""`/docs` and `/redoc` without the internet, and without a script in the page."""

from functools import cache
from pathlib import Path
from typing import Any

import fastapi_offline
from fastapi import FastAPI, Request
from fastapi.responses import Response
from fastapi.staticfiles import StaticFiles
from fastapi.templating import Jinja2Templates
from starlette.routing import Route as StarletteRoute

ROOM = Path(__file__).parent
# Swagger UI and ReDoc, carried by the package.
BUNDLES = Path(fastapi_offline.__file__).parent / "static"
ASSETS = "/docs-assets"
REDOC = "redoc.standalone.js"
# The logo of ReDoc's makers: its menu asks for it whatever the options say.
LOGO_ELSEWHERE = b"https://cdn.redoc.ly/redoc/logo-mini.svg"
NO_IMAGE = b"data:,"  # ReDoc leaves out a logo that does not load
# Nothing may come from elsewhere. Both viewers write inline styles; ReDoc searches in a worker.
POLICY = (
    "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "worker-src 'self' blob:; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


class Assets(StaticFiles):
    """Files in whole: Starlette refuses a bad Range in plain text, and nobody needs a part of these."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve the file, whatever Range was asked for (RFC 9110 section 14.2: it may be ignored)."""
        headers = [pair for pair in scope["headers"] if pair[0] != b"range"]
        await super().__call__({**scope, "headers": headers}, receive, send)


def offline_docs(app: FastAPI, *, remember_token: bool = False) -> None:
    """Serve `/docs` (Swagger UI) and `/redoc` (ReDoc) from this server, in place of FastAPI's own.

    FastAPI's pages load from a CDN and start by an inline script. Here the whole page comes from this
    server and its start script is a file. remember_token: Authorize survives a reload; for a server on
    one's own machine only, since the token then lies in the browser's storage.
    """
    if app.openapi_url is None:
        raise ValueError("offline_docs needs an OpenAPI document: FastAPI(openapi_url=…)")
    templates = Jinja2Templates(directory=ROOM / "templates")
    replaced = {app.docs_url, app.redoc_url, app.swagger_ui_oauth2_redirect_url} - {None}
    app.router.routes[:] = [
        route for route in app.router.routes if not (isinstance(route, StarletteRoute) and route.path in replaced)
    ]

    def page(template: str, path: str) -> None:
        async def answer(request: Request) -> Response:
            root = request.scope.get("root_path", "").rstrip("/")
            return templates.TemplateResponse(
                request,
                template,
                {
                    "title": app.title,
                    "assets": root + ASSETS,
                    "openapi": f"{root}{app.openapi_url}",
                    "remember_token": remember_token,
                },
                headers={"Content-Security-Policy": POLICY, "X-Content-Type-Options": "nosniff"},
            )

        app.add_route(path, answer, methods=["GET"], include_in_schema=False)

    async def redoc_bundle(_: Request) -> Response:
        return Response(_redoc_bundle(), media_type="text/javascript", headers={"Cache-Control": "max-age=3600"})

    page("swagger.html", app.docs_url or "/docs")
    page("redoc.html", app.redoc_url or "/redoc")
    app.add_route(f"{ASSETS}/bundles/{REDOC}", redoc_bundle, methods=["GET"], include_in_schema=False)
    app.mount(f"{ASSETS}/bundles", Assets(directory=BUNDLES))
    app.mount(f"{ASSETS}/start", Assets(directory=ROOM / "static"))


@cache
def _redoc_bundle() -> bytes:
    """ReDoc without its one address on another host."""
    return (BUNDLES / REDOC).read_bytes().replace(LOGO_ELSEWHERE, NO_IMAGE)
