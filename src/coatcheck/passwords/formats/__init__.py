"""Other systems' password hashes: which are known, which are accepted, and how each is checked.

A hash is checked with the password as it was typed, because the system that made it did not normalise. What it
may cost is capped where it comes in: whoever brings a file must not make every login take a minute.

Another format is one file here and one line in FORMATS.
"""

from collections.abc import Sequence

from coatcheck.passwords.cost import Cost
from coatcheck.passwords.formats.argon2 import Argon2
from coatcheck.passwords.formats.bcrypt import Bcrypt
from coatcheck.passwords.formats.coatcheck import PepperedArgon2, with_its_pepper
from coatcheck.passwords.formats.django_pbkdf2 import DjangoPBKDF2
from coatcheck.passwords.formats.format import Format
from coatcheck.passwords.formats.werkzeug_pbkdf2 import WerkzeugPBKDF2
from coatcheck.passwords.formats.werkzeug_scrypt import WerkzeugScrypt

__all__ = ["FORMATS", "Format", "format_of", "formats_beside", "with_its_pepper"]

FORMATS: tuple[Format, ...] = (
    Bcrypt(),
    Argon2(),
    DjangoPBKDF2(),
    WerkzeugPBKDF2(),
    WerkzeugScrypt(),
    PepperedArgon2(),
)


def formats_beside(own: Cost) -> tuple[Format, ...]:
    """All of them, where a hash of our own costs so much: another Coatcheck's may cost as much."""
    return tuple(PepperedArgon2(own) if isinstance(one, PepperedArgon2) else one for one in FORMATS)


def format_of(text: str, formats: Sequence[Format] = FORMATS) -> Format | None:
    """The one that the text begins as; None for one that is not known here."""
    return next((one for one in formats if one.owns(text)), None)
