"""The normal forms are Unicode's. What they take: benchmarks/normal_forms.py."""

import sys
import unicodedata
from collections.abc import Callable
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coatcheck.passwords.normal_forms import nfc, nfkc

Form = Literal["NFC", "NFKC"]
FORMS = pytest.mark.parametrize(("form", "ours"), [("NFC", nfc), ("NFKC", nfkc)])
# Marks of many classes, and what Unicode takes apart into marks alone, also where it is no mark itself.
MARKS = "\u0301\u0323\u0315\u0334\u0345\u05b0\u0340\u0344\u0f71\u0f73\u0f75\u0f81\u3099\uff9e\U0001d165\U0001d16d"
# Letters, composed ones, of half and double width, a Hangul syllable and its parts, a note.
LETTERS = "aeéǕᾂがｶＡﬁ한ㅎ\u1112\u1161\u11ab\U0001d15f"


@FORMS
@given(text=st.text(st.one_of(st.sampled_from(LETTERS + MARKS), st.characters()), max_size=60))
def test_text_gets_the_form_that_unicode_gives_it(form: Form, ours: Callable[[str], str], text: str) -> None:
    assert ours(text) == unicodedata.normalize(form, text)


@FORMS
def test_every_character_that_changes_does_so_between_marks(form: Form, ours: Callable[[str], str]) -> None:
    changing = [one for one in map(chr, range(sys.maxunicode + 1)) if unicodedata.normalize("NFKD", one) != one]
    assert len(changing) > 16_000
    for one in changing:
        text = f"a\u0301\u0323{one}\u0315\u0334\u0301"
        assert ours(text) == unicodedata.normalize(form, text), hex(ord(one))
