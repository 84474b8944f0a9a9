"""Tokens that were verified a moment ago, so that a signature is checked once and not per request."""

from collections.abc import Mapping
from hashlib import sha256

from coatcheck.tokens.claims import Claims
from coatcheck.tokens.errors import InvalidToken
from coatcheck.tokens.key import SigningKey
from coatcheck.tokens.stages import LONGEST_TOKEN
from coatcheck.tokens.verify import Outcome, explain, verify

TOKENS_REMEMBERED = 10_000


class VerifiedTokens:
    """A verifier that remembers what it accepted; refusals are never kept.

    The memory is keyed by SHA-256 of all the token's bytes (by `jti`, payload or signature a changed
    twin of a warm token would pass). Every hit looks again at the expiry and the key, and the caller
    at the session, so dropping an entry only frees memory.
    """

    def __init__(self, *, keys: Mapping[str, SigningKey], issuer: str, audience: str) -> None:
        self._keys = keys
        self._issuer = issuer
        self._audience = audience
        self._accepted: dict[bytes, Claims] = {}

    def claims(self, token: str, now: float) -> Claims:
        """The claims of a valid token. Raises InvalidToken."""
        if len(token) > LONGEST_TOKEN:
            raise InvalidToken
        digest = sha256(token.encode("utf-8", "surrogatepass")).digest()
        claims = self._accepted.get(digest)
        if claims is None:
            claims = verify(token, keys=self._keys, issuer=self._issuer, audience=self._audience, now=now)
            if len(self._accepted) >= TOKENS_REMEMBERED:
                del self._accepted[next(iter(self._accepted))]
            self._accepted[digest] = claims
        elif now >= claims.expires_at or claims.key_id not in self._keys:
            raise InvalidToken
        return claims

    def explain(self, token: str, now: float) -> list[Outcome]:
        """How each stage goes for this token; it is not remembered."""
        return explain(token, keys=self._keys, issuer=self._issuer, audience=self._audience, now=now)
