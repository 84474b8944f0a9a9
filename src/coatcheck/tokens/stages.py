"""The stages of checking an access token, in their order: each looks at one thing and refuses or goes on.

`verify` stops at the first refusal; `explain` tells how each stage went. Both run this one list.
Source: RFC 7515 section 5.2, RFC 7519 section 7.2, RFC 8725 section 3, RFC 9068 section 4.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from joserfc.errors import JoseError

from coatcheck.tokens.base64url import decoded
from coatcheck.tokens.claims import ACCESS_TOKEN_TYPE, Claims
from coatcheck.tokens.key import REGISTRY, SigningKey

LONGEST_TOKEN = 4_096  # ours are some 600 bytes with a long username; more is not looked at
PARTS = 3
HEADER_MEMBERS = {"alg", "typ", "kid"}
LONGEST_LIFETIME_SECONDS = 86_400  # the most that COATCHECK_ACCESS_TOKEN_SECONDS may be
SUBJECT = re.compile(r"[1-9][0-9]{0,18}")  # an account's id: at most 2**63 - 1 has 19 digits


class Refused(Exception):
    """A stage refuses; the text says why, for whoever looks at the stages. Callers are not told."""


@dataclass(slots=True)
class Reading:
    """A token on its way through the stages, and what each has found for the next.

    keys: by key id. now: seconds since 1970, UTC.
    """

    token: str
    keys: Mapping[str, SigningKey]
    issuer: str
    audience: str
    now: float
    parts: list[str] = field(default_factory=list[str])
    segments: list[bytes] = field(default_factory=list[bytes])
    header: dict[str, Any] = field(default_factory=dict[str, Any])
    key: SigningKey | None = None
    payload: dict[str, Any] = field(default_factory=dict[str, Any])

    @property
    def claims(self) -> Claims:
        """What the token says, after the last stage."""
        assert self.key is not None
        return Claims(
            subject=int(self.payload["sub"]),
            username=self.payload["username"],
            session=self.payload["sid"],
            auth_time=self.payload["auth_time"],
            amr=tuple(self.payload["amr"]),
            expires_at=self.payload["exp"],
            key_id=self.key.id,
        )


class Stage(NamedTuple):
    """One thing to look at. question: what it asks, for people."""

    name: str
    question: str
    check: Callable[[Reading], None]


def _size(reading: Reading) -> None:
    if len(reading.token) > LONGEST_TOKEN:
        raise Refused(f"It is longer than {LONGEST_TOKEN} characters.")


def _parts(reading: Reading) -> None:
    reading.parts = reading.token.split(".")
    if len(reading.parts) != PARTS or not all(reading.parts):
        raise Refused("It is not three parts with dots between them.")


def _base64url(reading: Reading) -> None:
    try:
        reading.segments = [decoded(part) for part in reading.parts]
    except ValueError:
        raise Refused("A part is not base64url, or not in its one canonical spelling.") from None


def _header(reading: Reading) -> None:
    reading.header = _object(reading.segments[0], "header")


def _members(reading: Reading) -> None:
    # RFC 7515 section 4.1.11: what is critical and not understood is refused. We understand three
    # members, so `crit`, `jwk`, `jku`, `x5u`, `x5c`, `zip` and `b64` end here, unread.
    if reading.header.keys() != HEADER_MEMBERS:
        raise Refused("Its header has other members than alg, typ and kid.")


def _type(reading: Reading) -> None:
    found = reading.header["typ"]
    # RFC 7515 section 4.1.9: compared without case, `application/` may be left out.
    if not isinstance(found, str) or found.lower().removeprefix("application/") != ACCESS_TOKEN_TYPE:
        raise Refused(f"It is not of the type {ACCESS_TOKEN_TYPE}.")


def _key(reading: Reading) -> None:
    kid = reading.header["kid"]
    reading.key = reading.keys.get(kid) if isinstance(kid, str) else None
    if reading.key is None:
        raise Refused("It names a key that is not one of ours for signing.")


def _algorithm(reading: Reading) -> None:
    # RFC 8725 section 3.1: the header never chooses; each key is bound to one algorithm.
    assert reading.key is not None
    if reading.header["alg"] != reading.key.algorithm:
        raise Refused("It names another algorithm than its key's.")


def _signature(reading: Reading) -> None:
    assert reading.key is not None
    algorithm = REGISTRY.get_alg(reading.key.algorithm)
    signed = ".".join(reading.parts[:2]).encode("ascii")
    try:
        right = algorithm.verify(signed, reading.segments[2], reading.key.jwk)
    except (JoseError, ValueError):
        right = False
    if not right:
        raise Refused("Its signature does not fit its first two parts and its key.")


def _claims(reading: Reading) -> None:
    reading.payload = _object(reading.segments[1], "claims")
    for name, kind in CLAIMS.items():
        # bool is a kind of int, and is none of ours.
        if type(reading.payload.get(name)) is not kind:
            raise Refused(f"The claim {name} is missing, or not what it should be.")
    if not all(isinstance(method, str) for method in reading.payload["amr"]):
        raise Refused("The claim amr is not a list of texts.")


def _issuer(reading: Reading) -> None:
    if reading.payload["iss"] != reading.issuer:
        raise Refused("Somebody else has issued it.")


def _audience(reading: Reading) -> None:
    named = reading.payload.get("aud")
    audiences: list[Any] = named if isinstance(named, list) else [named]  # pyright: ignore[reportUnknownVariableType]
    if not all(isinstance(one, str) for one in audiences) or reading.audience not in audiences:
        raise Refused("It is meant for somebody else.")


def _times(reading: Reading) -> None:
    # No leeway: one process issues and checks, or machines that keep the time. `iat` is held to its
    # type only, so that two machines whose clocks differ do not refuse each other's tokens.
    issued, expires = reading.payload["iat"], reading.payload["exp"]
    if reading.now >= expires:
        raise Refused("It has expired.")
    if expires - issued > LONGEST_LIFETIME_SECONDS:
        raise Refused("It was made to live longer than any of ours.")
    not_before = reading.payload.get("nbf", 0)
    if type(not_before) is not int or reading.now < not_before:
        raise Refused("It is not valid yet.")


def _subject(reading: Reading) -> None:
    if SUBJECT.fullmatch(reading.payload["sub"]) is None:
        raise Refused("Its subject is not an account's id.")


CLAIMS = {  # RFC 9068 section 2.2; `aud` may be one text or several
    "iss": str,
    "sub": str,
    "client_id": str,
    "iat": int,
    "exp": int,
    "jti": str,
    "sid": str,
    "auth_time": int,
    "amr": list,
    "username": str,
}

STAGES = (
    Stage("size", f"Is it at most {LONGEST_TOKEN} characters long?", _size),
    Stage("parts", "Are there three parts with dots between them?", _parts),
    Stage("base64url", "Is each part base64url, in the one spelling that it can have?", _base64url),
    Stage("header", "Is the first part a JSON object that names nothing twice?", _header),
    Stage("members", "Does the header name alg, typ and kid, and nothing else?", _members),
    Stage("type", "Is it an access token, and no other kind?", _type),
    Stage("key", "Is its key one of ours?", _key),
    Stage("algorithm", "Is its algorithm the one that this key is for?", _algorithm),
    Stage("signature", "Does the signature fit, so that nobody has changed a letter?", _signature),
    Stage("claims", "Is the second part a JSON object with all that a token of ours says?", _claims),
    Stage("issuer", "Did we issue it?", _issuer),
    Stage("audience", "Is it meant for us?", _audience),
    Stage("times", "Has it not expired?", _times),
    Stage("subject", "Does it name an account?", _subject),
)


def _object(segment: bytes, what: str) -> dict[str, Any]:
    """A JSON object (RFC 8259) in UTF-8 that names nothing twice. Raises Refused."""
    try:
        found = json.loads(segment.decode("utf-8"), object_pairs_hook=_once, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise Refused(f"Its {what} are not JSON in UTF-8, or name something twice.") from None
    if not isinstance(found, dict):
        raise Refused(f"Its {what} are not a JSON object.")
    return found  # pyright: ignore[reportUnknownVariableType]


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member comes twice")  # two readers would read it differently
    return members


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")
