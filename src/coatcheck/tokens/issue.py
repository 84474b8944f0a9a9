"""Making an access token."""

import json
import secrets

from joserfc import jws

from coatcheck.tokens.claims import ACCESS_TOKEN_TYPE, Claims
from coatcheck.tokens.key import REGISTRY, SigningKey

WRITE = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode  # json.dumps would make one each time


def issue(claims: Claims, *, key: SigningKey, issuer: str, audience: str, now: int) -> str:
    """A signed access token for these claims, in compact form (RFC 7515 section 7.1).

    `alg` is the header's first member, so every token begins with `eyJhbG`. `client_id` is the
    audience: there is one client so far, the API's own. now: seconds since 1970, for `iat`.
    Source: RFC 9068 section 2.
    """
    header = {"alg": key.algorithm, "typ": ACCESS_TOKEN_TYPE, "kid": key.id}
    payload = {
        "iss": issuer,
        "sub": str(claims.subject),
        "aud": audience,
        "client_id": audience,
        "iat": now,
        "exp": claims.expires_at,
        "jti": secrets.token_urlsafe(16),
        "sid": claims.session,
        "auth_time": claims.auth_time,
        "amr": list(claims.amr),
        "username": claims.username,
    }
    return jws.serialize_compact(header, WRITE(payload).encode(), key.jwk, registry=REGISTRY)
