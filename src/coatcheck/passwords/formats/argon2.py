"""argon2id and argon2i as PHC strings, `$argon2id$v=19$m=…,t=…,p=…$salt$hash`; Django puts `argon2` before."""

import base64
import binascii
import re

from argon2 import Type
from argon2.exceptions import VerificationError
from argon2.low_level import verify_secret

from coatcheck.passwords.formats.format import typed

MAX_MEMORY_KIB = 131_072  # Django asks for 102,400, argon2-cffi for 65,536
MAX_ITERATIONS = 10
MAX_LANES = 16  # each is a thread of its own
MAX_WORK_KIB = 524_288  # memory × iterations: about a second a check on one processor
KIB_PER_LANE = 8  # RFC 9106 section 3.1
# RFC 9106: salts from 8 bytes on, hashes from 4; shorter than 16 bytes no hash is worth taking over.
FORM = re.compile(
    r"(?:argon2)?\$(?P<kind>argon2id?)\$v=19\$m=(?P<memory>[1-9][0-9]{0,9}),t=(?P<iterations>[1-9][0-9]{0,9}),"
    r"p=(?P<lanes>[1-9][0-9]{0,7})\$(?P<salt>[A-Za-z0-9+/]{11,86})\$(?P<hash>[A-Za-z0-9+/]{22,86})"
)
TYPES = {"argon2id": Type.ID, "argon2i": Type.I}


class Argon2:
    """argon2-cffi, pwdlib, passlib, Django and many others; version 19, the only one since 2016."""

    name = "argon2"

    def owns(self, text: str) -> bool:
        """Whether the text begins as this format does."""
        return text.startswith(("$argon2", "argon2$"))

    def refusal(self, text: str) -> str | None:
        """Why it cannot be taken over, or None."""
        said = FORM.fullmatch(text)
        if said is None or not (_decodes(said["salt"]) and _decodes(said["hash"])):
            return "This begins like an argon2 hash but is no argon2id or argon2i of version 19; perhaps it was cut."
        memory, iterations, lanes = (int(said[name]) for name in ("memory", "iterations", "lanes"))
        if memory < KIB_PER_LANE * lanes:
            return f"This argon2 hash has less than {KIB_PER_LANE} KiB of memory for each lane, which is impossible."
        if memory > MAX_MEMORY_KIB or iterations > MAX_ITERATIONS or lanes > MAX_LANES:
            return (
                f"This argon2 hash takes {memory} KiB, {iterations} iterations and {lanes} lanes; at most "
                f"{MAX_MEMORY_KIB} KiB, {MAX_ITERATIONS} iterations and {MAX_LANES} lanes are accepted."
            )
        if memory * iterations > MAX_WORK_KIB:
            return (
                f"This argon2 hash goes {iterations} times through {memory} KiB; at most {MAX_WORK_KIB} KiB "
                "altogether are accepted."
            )
        return None

    def verify(self, password: str, text: str) -> bool:
        """Whether it is the password behind the hash."""
        key = typed(password)
        return key is not None and is_behind(key, text)


def is_behind(key: bytes, text: str) -> bool:
    """Whether the hash is of these bytes; never for one that is refused."""
    said = FORM.fullmatch(text)
    if said is None or ARGON2.refusal(text) is not None:
        return False
    try:
        return verify_secret(text.removeprefix("argon2").encode(), key, TYPES[said["kind"]])
    except VerificationError:
        return False


def _decodes(text: str) -> bool:
    """Whether it is base64 as the reference implementation reads it: no padding, and no bits left over."""
    try:
        decoded = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except binascii.Error:
        return False
    return base64.b64encode(decoded).rstrip(b"=").decode() == text


ARGON2 = Argon2()
