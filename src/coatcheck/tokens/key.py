"""Signing keys: a key pair that is bound to one algorithm, for good."""

from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from joserfc.jwk import ECKey, OKPKey
from joserfc.jws import JWSRegistry

from coatcheck.tokens.base64url import decoded, encoded

EDDSA = "EdDSA"
ES256 = "ES256"
ALGORITHMS = (EDDSA, ES256)
PRIVATE_BYTES = 32  # of a key of either algorithm
PUBLIC_MEMBERS = ("kty", "crv", "x", "y", "use", "alg", "kid")


class Registry(JWSRegistry):
    """joserfc's registry with the algorithms of our keys and no other.

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
    """A key pair bound to one algorithm: `EdDSA` (Ed25519, RFC 8037) or `ES256` (P-256, RFC 7518 section 3.4).

    id: the RFC 7638 thumbprint, which goes into the header as `kid`.
    """

    id: str
    algorithm: str
    jwk: OKPKey | ECKey

    @classmethod
    def generate(cls, algorithm: str = EDDSA) -> "SigningKey":
        """A new key from the system's randomness. Raises ValueError: no algorithm of ours."""
        if algorithm == EDDSA:
            return cls.from_seed(Ed25519PrivateKey.generate().private_bytes_raw())
        if algorithm == ES256:
            scalar = ec.generate_private_key(ec.SECP256R1()).private_numbers().private_value
            return cls.from_scalar(scalar.to_bytes(PRIVATE_BYTES, "big"))
        raise ValueError(f"keys sign by {' or '.join(ALGORITHMS)}")

    @classmethod
    def from_private(cls, algorithm: str, private: bytes) -> "SigningKey":
        """The key that gave these bytes as `private`. Raises ValueError: they are no key of this algorithm."""
        if algorithm == EDDSA:
            return cls.from_seed(private)
        if algorithm == ES256:
            return cls.from_scalar(private)
        raise ValueError(f"keys sign by {' or '.join(ALGORITHMS)}")

    @classmethod
    def from_seed(cls, seed: bytes) -> "SigningKey":
        """The Ed25519 key of a 32-byte seed (RFC 8032 section 5.1.5)."""
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

    @classmethod
    def from_scalar(cls, scalar: bytes) -> "SigningKey":
        """The P-256 key of a 32-byte scalar, 1 to n - 1 (RFC 7518 section 6.2.2.1). Raises ValueError: another."""
        if len(scalar) != PRIVATE_BYTES:
            raise ValueError(f"the private part of a P-256 key has {PRIVATE_BYTES} bytes")
        public = ec.derive_private_key(int.from_bytes(scalar, "big"), ec.SECP256R1()).public_key().public_numbers()
        jwk = ECKey.import_key(
            {
                "kty": "EC",
                "crv": "P-256",
                "x": encoded(public.x.to_bytes(PRIVATE_BYTES, "big")),
                "y": encoded(public.y.to_bytes(PRIVATE_BYTES, "big")),
                "d": encoded(scalar),
                "use": "sig",
                "alg": ES256,
            }
        )
        return cls(jwk.thumbprint(), ES256, jwk)

    @property
    def private(self) -> bytes:
        """The 32 secret bytes, for wrapping: Ed25519's seed, P-256's scalar."""
        return decoded(str(self.jwk.as_dict(private=True)["d"]))

    @property
    def public(self) -> dict[str, str]:
        """The public members as a JWK (RFC 7517 section 4), for anybody.

        Named one by one: a member that is not in the list cannot get out.
        """
        members = {**self.jwk.as_dict(private=False), "kid": self.id}
        return {name: str(members[name]) for name in PUBLIC_MEMBERS if name in members}


REGISTRY = Registry(algorithms=[*ALGORITHMS])
