"""Checking an access token."""

import json
from collections.abc import Mapping

from joserfc import jws
from joserfc.errors import JoseError

from coatcheck.tokens.claims import ACCESS_TOKEN_TYPE, Claims
from coatcheck.tokens.errors import InvalidToken
from coatcheck.tokens.key import REGISTRY, SigningKey

# Ours are some 600 bytes with a long username; more is not looked at.
LONGEST_TOKEN = 4_096


def verify(token: str, *, keys: Mapping[str, SigningKey], issuer: str, audience: str, now: float) -> Claims:
    """The claims of a token that one of `keys` has signed, for us, and that has not expired.

    keys: by key id. now: seconds since 1970; `exp` has no leeway (RFC 7519 section 4.1.4).
    Raises InvalidToken, whatever the reason.
    Source: RFC 8725 (algorithm bound to the key, explicit type), RFC 9068 section 4.
    """
    try:
        key_id, payload = _signed_content(token, keys)
        claims = json.loads(payload)
        verified = Claims(
            subject=int(claims["sub"]),
            username=claims["username"],
            session=claims["sid"],
            auth_time=claims["auth_time"],
            amr=tuple(claims["amr"]),
            expires_at=claims["exp"],
            key_id=key_id,
        )
        accepted = (
            claims["iss"] == issuer
            and claims["aud"] == audience
            and claims.get("nbf", 0) <= now < verified.expires_at
        )
    except (JoseError, ValueError, KeyError, TypeError):
        raise InvalidToken from None
    if not accepted:
        raise InvalidToken
    return verified


def _signed_content(token: str, keys: Mapping[str, SigningKey]) -> tuple[str, bytes]:
    """The key id and the payload, once the signature is known to be right.

    joserfc refuses base64url that is not canonical: else the last letter of a signature has twins.
    """
    if len(token) > LONGEST_TOKEN:
        raise InvalidToken
    content = jws.extract_compact(token.encode("ascii"))
    header = content.headers()
    key = keys[header["kid"]]
    # The header never chooses the algorithm: the key is bound to one.
    if header["alg"] != key.algorithm or header.get("typ") != ACCESS_TOKEN_TYPE:
        raise InvalidToken
    if not jws.validate_compact(content, key.jwk, registry=REGISTRY):
        raise InvalidToken
    return key.id, content.payload
