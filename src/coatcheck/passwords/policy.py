"""Which passwords are accepted where one is set."""

import unicodedata

DEFAULT_MIN_LENGTH = 8  # NIST SP 800-63B-4 3.1.1.2 asks 15 when a password is the only factor
MAX_LENGTH = 1_024  # NIST asks for at least 64; beyond this only the hash function's time is tested


def normalised(password: str) -> str:
    """The password as it is hashed: NFC, so that é typed on two keyboards is one password."""
    return unicodedata.normalize("NFC", password)


def refusal(password: str, min_length: int) -> str | None:
    """Why a new password is refused and what would do, or None.

    Length counts code points after normalisation (NIST SP 800-63B-4 3.1.1.2). There are no rules
    about kinds of characters: they make passwords easier to guess, not harder.
    """
    if len(password) > 4 * MAX_LENGTH:
        return f"Use at most {MAX_LENGTH} characters."
    try:
        password.encode()
    except UnicodeEncodeError:  # half a surrogate pair has no bytes that could be hashed
        return "Type it again: it has half a character in it."
    length = len(normalised(password))
    if length < min_length:
        return f"Use at least {min_length} characters; a few words in a row are easy to remember."
    if length > MAX_LENGTH:
        return f"Use at most {MAX_LENGTH} characters."
    return None
