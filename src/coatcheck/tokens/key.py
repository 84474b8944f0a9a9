"""A key that signs tokens."""

from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from joserfc.jwk import OKPKey
from joserfc.jws import JWSRegistry

from coatcheck.tokens.base64url import decoded, encoded

EDDSA = "EdDSA"


class Registry(JWSRegistry):
    """joserfc's registry with the one algorithm of the key.

    RFC 9864 (2025) renames EdDSA to Ed25519, and joserfc warns at every signature. We keep the name
    that verifiers in the field know; there is nothing unsafe in it that a warning would help against.
    """

    def get_alg(self, name: str) -> Any:
        """The algorithm, without the warning about its name."""
        if self.allowed and name in self.allowed:
            return self.algorithms[name]
        return super().get_alg(name)


@dataclass(frozen=True, slots=True)
class SigningKey:
    """An Ed25519 key pair (RFC 8037) bound to one algorithm.

    id: the RFC 7638 thumbprint, which goes into the header as `kid`. algorithm: `EdDSA`.
    """

    id: str
    algorithm: str
    jwk: OKPKey

    @classmethod
    def generate(cls) -> "SigningKey":
        """A new key from the system's randomness."""
        return cls.from_seed(Ed25519PrivateKey.generate().private_bytes_raw())

    @classmethod
    def from_seed(cls, seed: bytes) -> "SigningKey":
        """The key of a 32-byte seed (RFC 8032 section 5.1.5)."""
        public = Ed25519PrivateKey.from_private_bytes(seed).public_key()
        jwk = OKPKey.import_key(
            {
                "kty": "OKP",
                "crv": "Ed25519",
                "x": encoded(public.public_bytes(Encoding.Raw, PublicFormat.Raw)),
                "d": encoded(seed),
                "use": "sig",
                "alg": EDDSA,
            }
        )
        return cls(jwk.thumbprint(), EDDSA, jwk)

    @property
    def seed(self) -> bytes:
        """The 32 secret bytes, for wrapping."""
        return decoded(str(self.jwk.as_dict(private=True)["d"]))


REGISTRY = Registry(algorithms=[EDDSA])
