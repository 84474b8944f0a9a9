"""The secret: what it must look like, how it is made once, and how it wraps keys."""

import base64
import binascii
import os
import re
import secrets
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from coatcheck.keys.files import FILE_MODE, FOLDER_MODE, close_folder, held_alone, keep_out_of_git, write_whole
from coatcheck.problems import StartRefused

SECRET_BYTES = 32
NONCE_BYTES = 12  # NIST SP 800-38D section 8.2.2: random, 96 bits
DISTINCT_BYTES = 16  # 32 random bytes have some 30 distinct values, practically never fewer than 16
HEX = re.compile(r"(?:[0-9a-fA-F]{2}){32,}")
BASE64URL = re.compile(r"[A-Za-z0-9_-]{43,}={0,2}")


class WrongSecret(Exception):
    """What was wrapped under another secret, or was changed."""


class Secret:
    """At least 32 random bytes that wrap data keys and are used for nothing else."""

    def __init__(self, text: str, source: str = "COATCHECK_SECRET") -> None:
        """Read the text that `coatcheck secret new` prints: base64url, or hex.

        source: where it comes from, for people.
        Raises StartRefused with a sentence that does not repeat the text.
        """
        text = text.strip()
        try:
            raw = bytes.fromhex(text) if HEX.fullmatch(text) else _base64url(text)
        except (ValueError, binascii.Error):
            raise StartRefused(
                f"{source} is not base64url or hex of at least 32 bytes. Make one with: coatcheck secret new"
            ) from None
        if len(set(raw)) < DISTINCT_BYTES:
            raise StartRefused(f"{source} is not random. Make one with: coatcheck secret new")
        self._raw = raw

    @staticmethod
    def new_text() -> str:
        """A new secret as text: base64url of 32 bytes from the system's randomness."""
        return secrets.token_urlsafe(SECRET_BYTES)

    @classmethod
    def made_once(cls, path: Path) -> "Secret":
        """The secret in the file, made with mode 0600 in a folder of mode 0700 where there is none.

        Processes that start at once on nothing agree: one makes it, the others read it.
        Raises StartRefused.
        """
        try:
            path.parent.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
            close_folder(path.parent)
            with held_alone(path):
                if not path.exists():
                    keep_out_of_git(path.parent)
                    write_whole(path, f"{cls.new_text()}\n")
                path.chmod(FILE_MODE)
        except OSError as error:
            raise StartRefused(
                f"The secret cannot be kept in {path} ({error.strerror}). "
                "Make its folder writable for this user, or set COATCHECK_SECRET."
            ) from None
        return cls.read(path)

    @classmethod
    def read(cls, path: Path) -> "Secret":
        """The secret in the file. Raises StartRefused."""
        try:
            return cls(path.read_text(encoding="ascii"), f"The secret in {path}")
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it holds more than ASCII text"
            raise StartRefused(f"The secret in {path} cannot be read ({why}).") from None

    def wrap(self, key: bytes, *, purpose: str, key_id: str, algorithm: str) -> bytes:
        """The key, encrypted; purpose, id and algorithm are bound to it as associated data."""
        nonce = os.urandom(NONCE_BYTES)
        bound = _bound(purpose, key_id, algorithm)
        return nonce + AESGCM(self._wrapping_key(purpose)).encrypt(nonce, key, bound)

    def unwrap(self, wrapped: bytes, *, purpose: str, key_id: str, algorithm: str) -> bytes:
        """The key. Raises WrongSecret."""
        nonce, sealed = wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:]
        try:
            bound = _bound(purpose, key_id, algorithm)
            return AESGCM(self._wrapping_key(purpose)).decrypt(nonce, sealed, bound)
        except (InvalidTag, ValueError):
            raise WrongSecret from None

    def _wrapping_key(self, purpose: str) -> bytes:
        label = f"coatcheck wrap {purpose} v1".encode()
        return HKDF(algorithm=SHA256(), length=32, salt=None, info=label).derive(self._raw)


def _base64url(text: str) -> bytes:
    if not BASE64URL.fullmatch(text):
        raise ValueError("not base64url")
    bare = text.rstrip("=")
    return base64.urlsafe_b64decode(bare + "=" * (-len(bare) % 4))


def _bound(purpose: str, key_id: str, algorithm: str) -> bytes:
    # None of the three can contain a NUL, so they cannot run into each other.
    return "\0".join((purpose, key_id, algorithm)).encode()
