"""The passwords that everybody tries first.

common.txt.gz: some 41,000 of them, of eight characters and more, one a line, folded. Where they come from and
under which licences: common.LICENSES.txt; how the file is made: .ci/common_passwords.py.

`secret123` is left out, the one that is missing on purpose: it is the example of this library's own pages and of
what was written against them. An operator who wants it refused asks for ten characters.
"""

import gzip
from functools import cache
from pathlib import Path

from coatcheck.passwords.normal_forms import nfc

FILE = Path(__file__).with_name("common.txt.gz")


def folded(password: str) -> str:
    """The form in which passwords are compared with the list: whoever tries `password1` tries `PASSWORD1`, too."""
    return nfc(nfc(password).casefold())


def is_common(password: str) -> bool:
    """Whether the whole password is on the list, in any case."""
    return b"\xff%b\xff" % folded(password).encode() in _passwords()


@cache
def _passwords() -> bytes:
    """The list, each password between two bytes that no UTF-8 text contains.

    A set of the same passwords would take ten times the memory, in every process; a search takes a
    fiftieth of the hash that follows at most.
    """
    return b"\xff" + gzip.decompress(FILE.read_bytes()).replace(b"\n", b"\xff")
