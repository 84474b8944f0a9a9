"""What a refresh token is made of, and what is kept of it.

It names its family (the session) and carries 32 secret bytes and a tag. Of the secret only a keyed hash
is kept. The tag says that we made the token: so one that was used long ago is told from one that was
made up, without keeping every one that ever was.
"""

import hmac
import secrets
from dataclasses import dataclass

from coatcheck.tokens import base64url

PREFIX = "ccr_"  # finders of leaked secrets know it by this; an access token never begins so
FAMILY_BYTES = 16
SECRET_BYTES = 32
TAG_BYTES = 16
ALL_BYTES = FAMILY_BYTES + SECRET_BYTES + TAG_BYTES

# One label a purpose, so that no value under the key can stand in for another.
HASH = b"coatcheck refresh hash v1"
TAG = b"coatcheck refresh tag v1"
SUCCESSOR = b"coatcheck refresh successor v1"


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """One refresh token. family: the session's id. secret: 32 bytes, never stored and never printed."""

    family: str
    secret: bytes
    tag: bytes

    def __repr__(self) -> str:
        return f"RefreshToken(family={self.family!r})"

    @classmethod
    def first(cls, family: str, hashing_key: bytes) -> "RefreshToken":
        """The first one of a family, from the system's randomness."""
        return cls._tagged(family, secrets.token_bytes(SECRET_BYTES), hashing_key)

    @classmethod
    def read(cls, text: str) -> "RefreshToken | None":
        """The token in its one spelling; None for anything else."""
        if not text.startswith(PREFIX) or not text.isascii():
            return None
        try:
            raw = base64url.decoded(text.removeprefix(PREFIX))
        except ValueError:
            return None
        if len(raw) != ALL_BYTES:
            return None
        family, secret, tag = raw[:FAMILY_BYTES], raw[FAMILY_BYTES:-TAG_BYTES], raw[-TAG_BYTES:]
        return cls(base64url.encoded(family), secret, tag)

    @property
    def text(self) -> str:
        """As it is handed out."""
        return PREFIX + base64url.encoded(base64url.decoded(self.family) + self.secret + self.tag)

    def successor(self, salt: bytes, *, deriving_key: bytes, hashing_key: bytes) -> "RefreshToken":
        """The one that follows this one: whoever comes twice within 10 s gets the same.

        salt: 32 random bytes of this rotation, erased 10 s later. Without them one old token and the key
        would give the whole chain. The deriving key hashes nothing: else a stored hash were the next token.
        """
        made_from = SUCCESSOR + self.family.encode() + self.secret + salt
        return self._tagged(self.family, hmac.digest(deriving_key, made_from, "sha256"), hashing_key)

    def hash(self, hashing_key: bytes) -> bytes:
        """What is stored of it."""
        return hmac.digest(hashing_key, HASH + self.family.encode() + self.secret, "sha256")

    def is_genuine(self, hashing_key: bytes) -> bool:
        """Whether it was made here, under this key, at whatever time."""
        return hmac.compare_digest(self.tag, _tag(self.family, self.secret, hashing_key))

    @classmethod
    def _tagged(cls, family: str, secret: bytes, hashing_key: bytes) -> "RefreshToken":
        return cls(family, secret, _tag(family, secret, hashing_key))


def _tag(family: str, secret: bytes, hashing_key: bytes) -> bytes:
    return hmac.digest(hashing_key, TAG + family.encode() + secret, "sha256")[:TAG_BYTES]
