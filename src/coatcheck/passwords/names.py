"""Names that a password must not be: the account's and the product's."""

import unicodedata
from urllib.parse import urlsplit

from coatcheck.passwords.normal_forms import nfkc

PRODUCT = "coatcheck"
UNTITLED = "FastAPI"  # the title of an application that gave itself none
# Fewer are no name but a syllable: with "al" as a name, "al 2024 07" would be refused.
LETTERS_OF_A_NAME = 4


def product_names(title: str, issuer: str) -> tuple[str, ...]:
    """What the product goes by: this library, the application's title, the host of its address."""
    own_title = "" if title == UNTITLED else title
    return tuple(name for name in (PRODUCT, own_title, urlsplit(issuer).hostname) if name)


def is_username(password: str, username: str) -> bool:
    """Whether the password is a form of the username, or of an e-mail address's part before the @."""
    return is_name(password, username) or is_name(password, username.rpartition("@")[0])


def is_name(password: str, name: str) -> bool:
    """Whether the password is the name, in any case, or it with white space, digits and punctuation around.

    The whole password: a name among other words is as good a word as another.
    Source: NIST SP 800-63B-4 section 3.1.1.2 (the service's name, the username, and derivatives thereof).
    """
    password, name = _folded(password), _folded(name)
    if password == name:
        return True
    bare = _bare(name)
    return sum(map(str.isalpha, bare)) >= LETTERS_OF_A_NAME and _bare(password) == bare


def _folded(text: str) -> str:
    """Without case and, as usernames are compared (RFC 8265), without width: NFKC, not the NFC of what is hashed."""
    return nfkc(nfkc(text).casefold())


def _bare(text: str) -> str:
    """What is left without white space, digits and punctuation at both ends."""
    kept = [place for place, character in enumerate(text) if not _surrounds(character)]
    return text[kept[0] : kept[-1] + 1] if kept else ""


def _surrounds(character: str) -> bool:
    # $, + and ^ are symbols to Unicode and punctuation to whoever adds them to a name; 🔑 (So) is neither.
    category = unicodedata.category(character)
    return category[0] in "ZNPC" or category in {"Sc", "Sk", "Sm"}
