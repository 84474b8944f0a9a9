"""PBKDF2 as Werkzeug writes it, and so many Flask applications: `pbkdf2:sha256:iterations$salt$hash`, in hex."""

import hashlib
import hmac
import re

from coatcheck.passwords.formats.format import typed

# Werkzeug 3.1 asks for 1,000,000, if it is asked for PBKDF2 at all: a second or two a check.
MAX_ITERATIONS = {"sha1": 2_500_000, "sha256": 2_500_000, "sha512": 1_250_000}
FORM = re.compile(
    r"pbkdf2:(?P<digest>sha1|sha256|sha512):(?P<iterations>[1-9][0-9]{0,9})\$(?P<salt>[!-#%-~]{1,128})\$"
    r"(?P<hash>[0-9a-f]{40,128})"
)
HASH_LENGTHS = {"sha1": 40, "sha256": 64, "sha512": 128}


class WerkzeugPBKDF2:
    """PBKDF2 (RFC 8018 section 5.2), Werkzeug's default before 2.3."""

    name = "Werkzeug PBKDF2"

    def owns(self, text: str) -> bool:
        """Whether the text begins as this format does."""
        return text.startswith("pbkdf2:")

    def refusal(self, text: str) -> str | None:
        """Why it cannot be taken over, or None."""
        said = FORM.fullmatch(text)
        if said is None or len(said["hash"]) != HASH_LENGTHS[said["digest"]]:
            return (
                "This begins like Werkzeug's PBKDF2 but is none with SHA-1, SHA-256 or SHA-512; perhaps it was cut."
            )
        most = MAX_ITERATIONS[said["digest"]]
        if int(said["iterations"]) > most:
            return f"This PBKDF2 hash has {said['iterations']} iterations; at most {most} are accepted."
        return None

    def verify(self, password: str, text: str) -> bool:
        """Whether it is the password behind the hash."""
        key, said = typed(password), FORM.fullmatch(text)
        if key is None or said is None or self.refusal(text) is not None:
            return False
        computed = hashlib.pbkdf2_hmac(said["digest"], key, said["salt"].encode(), int(said["iterations"]))
        return hmac.compare_digest(computed.hex(), said["hash"])
