"""PBKDF2 as Django writes it: `pbkdf2_sha256$iterations$salt$hash`, the hash in base64; also `pbkdf2_sha1`."""

import base64
import hashlib
import hmac
import re

from coatcheck.passwords.formats.format import typed

# Django 5.2 asks for 1,000,000 and each version for more: a second or two a check.
MAX_ITERATIONS = 2_500_000
FORM = re.compile(
    r"pbkdf2_(?P<digest>sha256|sha1)\$(?P<iterations>[1-9][0-9]{0,9})\$(?P<salt>[!-#%-~]{1,128})\$"
    r"(?P<hash>[A-Za-z0-9+/]{43}=|[A-Za-z0-9+/]{27}=)"
)
HASH_LENGTHS = {"sha256": 44, "sha1": 28}  # 32 and 20 bytes in base64


class DjangoPBKDF2:
    """Django's default, PBKDF2 (RFC 8018 section 5.2) with HMAC-SHA-256, and the one for others' HMAC-SHA-1."""

    name = "Django PBKDF2"

    def owns(self, text: str) -> bool:
        """Whether the text begins as this format does."""
        return text.startswith(("pbkdf2_sha256$", "pbkdf2_sha1$"))

    def refusal(self, text: str) -> str | None:
        """Why it cannot be taken over, or None."""
        said = FORM.fullmatch(text)
        if said is None or len(said["hash"]) != HASH_LENGTHS[said["digest"]]:
            return "This begins like Django's PBKDF2 but is none; perhaps it was cut."
        if int(said["iterations"]) > MAX_ITERATIONS:
            return f"This PBKDF2 hash has {said['iterations']} iterations; at most {MAX_ITERATIONS} are accepted."
        return None

    def verify(self, password: str, text: str) -> bool:
        """Whether it is the password behind the hash."""
        key, said = typed(password), FORM.fullmatch(text)
        if key is None or said is None or self.refusal(text) is not None:
            return False
        computed = hashlib.pbkdf2_hmac(said["digest"], key, said["salt"].encode(), int(said["iterations"]))
        return hmac.compare_digest(base64.b64encode(computed), said["hash"].encode())
