"""Which passwords are accepted where one is set: at registration, at a change, and by an operator."""

from dataclasses import dataclass

from coatcheck.passwords.common import is_common
from coatcheck.passwords.names import is_name, is_username
from coatcheck.passwords.normal_forms import nfc

DEFAULT_MIN_LENGTH = 8  # NIST SP 800-63B-4 3.1.1.2 asks 15 when a password is the only factor
MAX_LENGTH = 1_024  # NIST asks for at least 64; beyond this only the hash function's time is tested

# What would do. NIST asks for guidance with each refusal.
ADVICE = "Use something else; a few words in a row are easy to remember and hard to guess."
IS_USERNAME = f"This is the username, with little added at most: it would be guessed first. {ADVICE}"
IS_PRODUCTS_NAME = f"This is the name of the service, with little added at most: it would be guessed first. {ADVICE}"
IS_COMMON = f"This is one of the most common passwords: they are guessed first. {ADVICE}"


@dataclass(frozen=True, slots=True)
class Policy:
    """What a new password must be. min_length: code points. product_names: none of them may be the password.

    There are no rules about kinds of characters: they make passwords easier to guess, not harder. What is
    refused is what is guessed first, and always the whole password, never a part of it.
    Source: NIST SP 800-63B-4 section 3.1.1.2.
    """

    min_length: int = DEFAULT_MIN_LENGTH
    product_names: tuple[str, ...] = ()

    def refusal(self, password: str, username: str | None = None) -> str | None:
        """Why a new password is refused and what would do, or None. It repeats nothing of what was typed."""
        if why := self._wrong_length(password):
            return why
        if username is not None and is_username(password, username):
            return IS_USERNAME
        if any(is_name(password, name) for name in self.product_names):
            return IS_PRODUCTS_NAME
        return IS_COMMON if is_common(password) else None

    def _wrong_length(self, password: str) -> str | None:
        """Length counts code points after normalisation."""
        if len(password) > 4 * MAX_LENGTH:  # NFC makes one code point of four at most
            return f"Use at most {MAX_LENGTH} characters."
        try:
            password.encode()
        except UnicodeEncodeError:  # half a surrogate pair has no bytes that could be hashed
            return "Type it again: it has half a character in it."
        length = len(nfc(password))
        if length < self.min_length:
            return f"Use at least {self.min_length} characters; a few words in a row are easy to remember."
        if length > MAX_LENGTH:
            return f"Use at most {MAX_LENGTH} characters."
        return None


DEFAULT = Policy()
