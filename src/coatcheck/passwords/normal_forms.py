"""Unicode's composed normal forms (UAX #15), in a time that does not grow with the square.

Python's own moves the marks on one letter to their places one by one: 4,096 of them held everything up for 30 to
60 ms. Here they come sorted, as either form wants them: 1 to 2 ms, and 5 for as many letters with accents
(benchmarks/normal_forms.py).
"""

from itertools import groupby
from typing import Literal
from unicodedata import combining, normalize


def nfc(text: str) -> str:
    """É is one code point, however it was typed."""
    return text if text.isascii() else normalize("NFC", _in_order(text, "NFD"))


def nfkc(text: str) -> str:
    """As NFC, and a letter of another width is that letter."""
    return text if text.isascii() else normalize("NFKC", _in_order(text, "NFKD"))


def _in_order(text: str, decomposed: Literal["NFD", "NFKD"]) -> str:
    """The same text taken apart, the marks on each letter in the order of their classes (Unicode, D109)."""
    characters = "".join(normalize(decomposed, character) for character in text)
    runs = (sorted(run, key=combining) if marks else run for marks, run in groupby(characters, _is_mark))
    return "".join(map("".join, runs))


def _is_mark(character: str) -> bool:
    return combining(character) > 0
