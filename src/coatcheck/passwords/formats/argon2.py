"""argon2id and argon2i as PHC strings, `$argon2id$v=19$m=…,t=…,p=…$salt$hash`; Django puts `argon2` before."""

import base64
import binascii
import re
from dataclasses import dataclass

from argon2 import Type
from argon2.exceptions import VerificationError
from argon2.low_level import verify_secret

from coatcheck.passwords.cost import Cost
from coatcheck.passwords.formats.format import typed

KIB_PER_LANE = 8  # RFC 9106 section 3.1
# RFC 9106: salts from 8 bytes on, hashes from 4; shorter than 16 bytes no hash is worth taking over.
FORM = re.compile(
    r"(?:argon2)?\$(?P<kind>argon2id?)\$v=19\$m=(?P<memory>[1-9][0-9]{0,9}),t=(?P<iterations>[1-9][0-9]{0,9}),"
    r"p=(?P<lanes>[1-9][0-9]{0,7})\$(?P<salt>[A-Za-z0-9+/]{11,86})\$(?P<hash>[A-Za-z0-9+/]{22,86})"
)
TYPES = {"argon2id": Type.ID, "argon2i": Type.I}


@dataclass(frozen=True, slots=True)
class Caps:
    """The dearest that is accepted. work_kib: memory × iterations. A lane is a thread of its own."""

    memory_kib: int
    iterations: int
    lanes: int
    work_kib: int

    def or_own(self, own: Cost) -> "Caps":
        """Also what hashing costs here anyway."""
        return Caps(
            max(self.memory_kib, own.memory_kib),
            max(self.iterations, own.iterations),
            max(self.lanes, own.lanes),
            max(self.work_kib, own.memory_kib * own.iterations),
        )


# Django asks for 102,400 KiB, argon2-cffi for 65,536. The work is about a second on one processor.
CAPS = Caps(memory_kib=131_072, iterations=10, lanes=16, work_kib=524_288)


class Argon2:
    """argon2-cffi, pwdlib, passlib, Django and many others; version 19, the only one since 2016."""

    name = "argon2"

    def __init__(self, caps: Caps = CAPS) -> None:
        self._caps = caps

    def owns(self, text: str) -> bool:
        """Whether the text begins as this format does."""
        return text.startswith(("$argon2", "argon2$"))

    def refusal(self, text: str) -> str | None:
        """Why it cannot be taken over, or None."""
        said = FORM.fullmatch(text)
        if said is None or not (_decodes(said["salt"]) and _decodes(said["hash"])):
            return "This begins like an argon2 hash but is no argon2id or argon2i of version 19; perhaps it was cut."
        memory, iterations, lanes = (int(said[name]) for name in ("memory", "iterations", "lanes"))
        caps = self._caps
        if memory < KIB_PER_LANE * lanes:
            return f"This argon2 hash has less than {KIB_PER_LANE} KiB of memory for each lane, which is impossible."
        if memory > caps.memory_kib or iterations > caps.iterations or lanes > caps.lanes:
            return (
                f"This argon2 hash takes {memory} KiB, {iterations} iterations and {lanes} lanes; at most "
                f"{caps.memory_kib} KiB, {caps.iterations} iterations and {caps.lanes} lanes are accepted."
            )
        if memory * iterations > caps.work_kib:
            return (
                f"This argon2 hash goes {iterations} times through {memory} KiB; at most {caps.work_kib} KiB "
                "altogether are accepted."
            )
        return None

    def verify(self, password: str, text: str) -> bool:
        """Whether it is the password behind the hash."""
        key = typed(password)
        return key is not None and self.is_of(key, text)

    def is_of(self, key: bytes, text: str) -> bool:
        """Whether the hash is of these bytes; never for one that is refused."""
        said = FORM.fullmatch(text)
        if said is None or self.refusal(text) is not None:
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
