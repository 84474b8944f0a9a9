"""The tools of a forger: what is at hand, and how a token is put together from other parts."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from coatcheck.tokens import SigningKey
from coatcheck.tokens.base64url import decoded, encoded
from coatcheck.tokens.key import REGISTRY

# A forgery is a kind of attack: it gives every text that this kind makes of the original.
Text = str | bytes
Forgery = Callable[["Original"], Iterator[Text]]
ATTACKER_KEY = SigningKey.from_seed(bytes(range(32)))
ATTACKER_ES256 = SigningKey.from_scalar(bytes(range(32)))


@dataclass(frozen=True, slots=True)
class Original:
    """A good token, and what lies about.

    other: a good token of another session. refresh_token: this session's. elsewhere: a good token of
    another service. stranger: another account's id. key: the one that has signed the token; a forger
    has only its public part, but what is signed with the whole of it shows that another check than
    the signature's refuses. attacker: where the attacker's key set can be fetched.
    """

    token: str
    other: str
    refresh_token: str
    elsewhere: str
    stranger: int
    key: SigningKey
    attacker: str
    now: int

    @property
    def parts(self) -> list[str]:
        """Header, claims and signature, as they are in the token."""
        return self.token.split(".")

    @property
    def header(self) -> dict[str, Any]:
        """What the header says."""
        return said_in(self.parts[0])

    @property
    def claims(self) -> dict[str, Any]:
        """What the token says."""
        return said_in(self.parts[1])


def said_in(part: str) -> dict[str, Any]:
    """The JSON object in a part of a token."""
    said: dict[str, Any] = json.loads(decoded(part))
    return said


def as_json(value: Mapping[str, Any]) -> bytes:
    """As `issue` writes it."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def signed(header: bytes, claims: bytes, key: SigningKey) -> str:
    """A token with a right signature over any header and claims."""
    signing_input = f"{encoded(header)}.{encoded(claims)}"
    signature = REGISTRY.get_alg(key.algorithm).sign(signing_input.encode(), key.jwk)
    return f"{signing_input}.{encoded(signature)}"


def headed(original: Original, header: bytes) -> Iterator[str]:
    """The original's claims under another header: with the original's signature, and with a right one."""
    _, claims, signature = original.parts
    yield f"{encoded(header)}.{claims}.{signature}"
    yield signed(header, decoded(claims), original.key)


def with_header(original: Original, **members: Any) -> Iterator[str]:
    """The same, with some members changed or added."""
    yield from headed(original, as_json(original.header | members))


def saying(original: Original, claims: bytes) -> Iterator[str]:
    """Other claims under the original's header: with the original's signature, and with a right one."""
    header, _, signature = original.parts
    yield f"{header}.{encoded(claims)}.{signature}"
    yield signed(decoded(header), claims, original.key)


def with_claims(original: Original, **claims: Any) -> Iterator[str]:
    """The same, with some claims changed or added."""
    yield from saying(original, as_json(original.claims | claims))
