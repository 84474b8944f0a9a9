"""scrypt as Werkzeug writes it since 2.3, and so most Flask applications: `scrypt:N:r:p$salt$hash`, in hex."""

import hashlib
import hmac
import re

from coatcheck.passwords.formats.format import typed

MAX_WORK_BYTES = 128 * 2**20  # 128·N·r·p: Werkzeug asks for 32 MiB; this takes half a second
MIN_N = 1_024  # with less of it and a large p, the p blocks would be most of the memory and nobody's choice
HASH_BYTES = 64
# What OpenSSL counts: 128·N·r, p blocks of 128·r and 256·r of scratch, the last two less than a quarter with MIN_N.
OPENSSL_BYTES = MAX_WORK_BYTES + MAX_WORK_BYTES // 4
FORM = re.compile(
    r"scrypt:(?P<n>[1-9][0-9]{0,9}):(?P<r>[1-9][0-9]{0,9}):(?P<p>[1-9][0-9]{0,9})\$"
    r"(?P<salt>[!-#%-~]{1,128})\$(?P<hash>[0-9a-f]{128})"
)


class WerkzeugScrypt:
    """scrypt (RFC 7914), Werkzeug's default."""

    name = "Werkzeug scrypt"

    def owns(self, text: str) -> bool:
        """Whether the text begins as this format does."""
        return text.startswith("scrypt:")

    def refusal(self, text: str) -> str | None:
        """Why it cannot be taken over, or None."""
        said = FORM.fullmatch(text)
        if said is None:
            return "This begins like Werkzeug's scrypt but is none; perhaps it was cut."
        n, r, p = (int(said[name]) for name in "nrp")
        if n < 2 or n & (n - 1) or n.bit_length() > 16 * r:  # RFC 7914 section 2: N is a power of 2 below 2^(16·r)
            return "This scrypt hash has an N that scrypt cannot have: it must be a power of two, and not so large."
        if n < MIN_N or 128 * n * r * p > MAX_WORK_BYTES:
            return (
                f"This scrypt hash has N={n}, r={r}, p={p}; N of at least {MIN_N} and 128·N·r·p of at most "
                f"{MAX_WORK_BYTES} are accepted."
            )
        return None

    def verify(self, password: str, text: str) -> bool:
        """Whether it is the password behind the hash."""
        key, said = typed(password), FORM.fullmatch(text)
        if key is None or said is None or self.refusal(text) is not None:
            return False
        n, r, p = (int(said[name]) for name in "nrp")
        salt = said["salt"].encode()
        computed = hashlib.scrypt(key, salt=salt, n=n, r=r, p=p, maxmem=OPENSSL_BYTES, dklen=HASH_BYTES)
        return hmac.compare_digest(computed.hex(), said["hash"])
