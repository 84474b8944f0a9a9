"""Another Coatcheck's hashes, as `users export --with-hashes` writes them: the pepper stands in each.

    $hmac-sha256$key=PEPPER$argon2id$v=19$m=…,t=…,p=…$salt$hash

PEPPER: 32 bytes in base64url. Anybody can check such a text: argon2id (RFC 9106) of the 32 bytes of HMAC-SHA-256,
under the pepper, of the password in NFC and UTF-8.
"""

import base64
import re

from coatcheck.passwords import stored
from coatcheck.passwords.cost import Cost
from coatcheck.passwords.formats.argon2 import CAPS, Argon2
from coatcheck.passwords.normal_forms import nfc

BEGINNING = "$hmac-sha256$key="
# 43 letters hold 32 bytes and 2 bits that are zero.
FORM = re.compile(r"\$hmac-sha256\$key=(?P<pepper>[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048])(?P<rest>\$argon2id\$.{1,300})")


class PepperedArgon2:
    """argon2id of the password mixed with a pepper. own: what a hash costs here; as dear a one is accepted, too."""

    name = "Coatcheck"

    def __init__(self, own: Cost | None = None) -> None:
        self._argon2 = Argon2(CAPS if own is None else CAPS.or_own(own))

    def owns(self, text: str) -> bool:
        """Whether the text begins as this format does."""
        return text.startswith(BEGINNING)

    def refusal(self, text: str) -> str | None:
        """Why it cannot be taken over, or None."""
        said = FORM.fullmatch(text)
        if said is None:
            return "This begins like a hash that Coatcheck has exported but is none; perhaps it was cut."
        return self._argon2.refusal(said["rest"])

    def verify(self, password: str, text: str) -> bool:
        """Whether it is the password behind the hash. Coatcheck normalises, so here it is normalised."""
        said = FORM.fullmatch(text)
        if said is None:
            return False
        pepper = base64.urlsafe_b64decode(said["pepper"] + "=")
        return self._argon2.is_of(stored.peppered(nfc(password), pepper), said["rest"])


def with_its_pepper(argon2id: str, pepper: bytes) -> str:
    """The text to export. argon2id: the PHC string as it is stored."""
    return f"{BEGINNING}{base64.urlsafe_b64encode(pepper).rstrip(b'=').decode()}{argon2id}"
