"""`GET`, `HEAD` `/.well-known/jwks.json`: the public keys, for services that check tokens themselves."""

import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from hashlib import sha256

from fastapi import APIRouter, Request
from fastapi.responses import Response

from coatcheck.database import DatabaseUnavailable
from coatcheck.keys.keyring import Keyring
from coatcheck.keys.rotation import KEY_SET_SECONDS
from coatcheck.web import any_host

PATH = "/.well-known/jwks.json"
MEDIA_TYPE = "application/jwk-set+json"  # RFC 7517 section 8.5.2
EXAMPLE = {
    "keys": [
        {
            "kty": "OKP",
            "crv": "Ed25519",
            "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
            "use": "sig",
            "alg": "EdDSA",
            "kid": "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k",
        }
    ]
}
SCHEMA = {
    "title": "KeySet",
    "description": "A JWK Set (RFC 7517): the key that signs first, then the next one, then those retired.",
    "type": "object",
    "required": ["keys"],
    "properties": {"keys": {"type": "array", "items": {"type": "object"}}},
}


def add_routes(router: APIRouter, keyring: Keyring, catch_up: Callable[[], Awaitable[None]]) -> None:
    """The key set, under any Host: other services may know this one by another address.

    catch_up: takes in the news of keys. In a process that nobody logs in to, nothing else would: it would
    publish a revoked key until the end of its days.
    """

    @router.api_route(PATH, methods=["GET", "HEAD"], include_in_schema=False)
    @router.get(
        PATH,
        tags=["keys"],
        operation_id="get_keys",
        summary="The public keys of tokens",
        response_class=Response,
        responses={
            200: {"description": "The key set", "content": {MEDIA_TYPE: {"schema": SCHEMA, "example": EXAMPLE}}},
            304: {"description": "It is the one that If-None-Match names"},
        },
    )
    @any_host
    async def get_keys(request: Request) -> Response:
        """The public signing keys: the current one, the next one, and those retired a short time ago.

        Keep them 5 minutes at most, and ask again at once when a token names a key that is not among them.
        """
        with suppress(DatabaseUnavailable):  # what is known here is better than nothing
            await catch_up()
        body = json.dumps({"keys": [key.public for key in keyring.published()]}, separators=(",", ":")).encode()
        tag = f'"{sha256(body).hexdigest()[:32]}"'
        headers = {"Cache-Control": f"public, max-age={KEY_SET_SECONDS}", "ETag": tag}
        if _has(request, tag):
            return Response(status_code=304, headers=headers)
        return Response(body, media_type=MEDIA_TYPE, headers=headers)


def _has(request: Request, tag: str) -> bool:
    """Whether the client has this version (RFC 9110 section 13.1.2: compared weakly)."""
    named = {one.strip().removeprefix("W/") for one in ",".join(request.headers.getlist("if-none-match")).split(",")}
    return "*" in named or tag in named
