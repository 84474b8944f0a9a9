"""How a password is stored: two forms, both text that begins with its scheme, both naming the key they need.

    $hmac-sha256$keyid=ID$argon2id$v=19$m=…,t=…,p=…$salt$hash      ours
    $aes-256-gcm$keyid=ID$nonce-and-ciphertext                     another system's hash, as it wrote it

Ours: argon2id (RFC 9106) of the HMAC-SHA-256 of the password under the pepper. The pepper is a data key, which
only the secret unwraps: a dump without it holds nothing that a guess could be tried on (NIST SP 800-63B-4
section 3.1.1.2). Another system's hash has no pepper, so it is encrypted instead, bound to its account: moved
to another row it opens nothing.
"""

import base64
import binascii
import hmac
import os
import re
from typing import NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

PEPPERED = re.compile(
    r"\$hmac-sha256\$keyid=(?P<key_id>[A-Za-z0-9_-]{1,64})"
    r"(?P<rest>\$argon2id\$v=19\$m=[0-9]{1,10},t=[0-9]{1,10},p=[0-9]{1,10}(?:\$[A-Za-z0-9+/]{1,200}){2})"
)
SEALED = re.compile(r"\$aes-256-gcm\$keyid=(?P<key_id>[A-Za-z0-9_-]{1,64})\$(?P<rest>[A-Za-z0-9_-]+)")
NONCE_BYTES = 12  # NIST SP 800-38D section 8.2.2: random, 96 bits


class Kept(NamedTuple):
    """What a stored text says. peppered: it is ours; else it is encrypted. rest: the part for the key's holder."""

    peppered: bool
    key_id: str
    rest: str


def read(text: str) -> Kept | None:
    """What the text says, or None where it is of neither form."""
    for form in (PEPPERED, SEALED):
        if match := form.fullmatch(text):
            return Kept(form is PEPPERED, match["key_id"], match["rest"])
    return None


def with_pepper(key_id: str, argon2id: str) -> str:
    """The text of a hash of ours. argon2id: its PHC string."""
    return f"$hmac-sha256$keyid={key_id}{argon2id}"


def peppered(password: str, pepper: bytes) -> bytes:
    """What argon2id is given instead of the password: 32 bytes. password: normalised."""
    # Half a surrogate pair has no UTF-8; a password with one cannot be set, and matches nothing.
    return hmac.digest(pepper, password.encode(errors="surrogatepass"), "sha256")


def seal(text: str, key_id: str, key: bytes, account_id: int) -> str:
    """Another system's hash, encrypted and bound to the account."""
    nonce = os.urandom(NONCE_BYTES)
    sealed = nonce + AESGCM(key).encrypt(nonce, text.encode(), _bound(account_id))
    return f"$aes-256-gcm$keyid={key_id}${base64.urlsafe_b64encode(sealed).rstrip(b'=').decode()}"


def opened(rest: str, key: bytes, account_id: int) -> str | None:
    """The hash in it; None if it was changed, or moved here from another account."""
    try:
        sealed = base64.urlsafe_b64decode(rest + "=" * (-len(rest) % 4))
        return AESGCM(key).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], _bound(account_id)).decode()
    except (binascii.Error, InvalidTag, ValueError):
        return None


def _bound(account_id: int) -> bytes:
    return b"coatcheck imported hash of account %d" % account_id
