"""bcrypt, as `$2b$12$…`: PHP, Ruby, Node.js, Python's bcrypt, passlib and pwdlib."""

import re

import bcrypt

from coatcheck.passwords.formats.format import typed

MAX_COST = 14  # the binary logarithm of its rounds: a second or two a check; the usual one is 10 to 12
# bcrypt reads no further. Those who made the hashes cut there without a word; the package refuses more since 5.0.
MAX_PASSWORD_BYTES = 72
BEGINNINGS = ("$2a$", "$2b$", "$2y$")  # not $2x$: PHP's before 2011, which read letters beyond ASCII wrongly
# The last letter of the salt holds 2 bits and that of the hash 4: others than these decode to nothing or never match.
FORM = re.compile(r"\$2[aby]\$(?P<cost>[0-9]{2})\$[./A-Za-z0-9]{21}[.Oeu][./A-Za-z0-9]{30}[.CGKOSWaeimquy26]")
MIN_COST = 4


class Bcrypt:
    """bcrypt with the password in UTF-8, cut after 72 bytes.

    So a longer password is right here with its first 72 bytes too, as it was where it comes from; what is stored
    after that first login is the whole of what was typed.
    """

    name = "bcrypt"

    def owns(self, text: str) -> bool:
        """Whether the text begins as this format does."""
        return text.startswith(BEGINNINGS)

    def refusal(self, text: str) -> str | None:
        """Why it cannot be taken over, or None."""
        said = FORM.fullmatch(text)
        if said is None or int(said["cost"]) < MIN_COST:
            return "This begins like a bcrypt hash but is none; perhaps it was cut."
        if int(said["cost"]) > MAX_COST:
            return f"This bcrypt hash has a cost of {int(said['cost'])}; at most {MAX_COST} is accepted."
        return None

    def verify(self, password: str, text: str) -> bool:
        """Whether it is the password behind the hash."""
        key = typed(password)
        # bcrypt hashes the password and a NUL over and over, so "a\0a" would pass for "a". PHP refuses these too.
        if key is None or b"\0" in key or self.refusal(text) is not None:
            return False
        return bcrypt.checkpw(key[:MAX_PASSWORD_BYTES], text.encode())
