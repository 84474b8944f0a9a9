"""Titles: what is accepted, and the form in which they are searched."""

import re
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from todos.title import SearchText, Title, searchable

titles: TypeAdapter[str] = TypeAdapter(Title)
searches: TypeAdapter[str] = TypeAdapter(SearchText)

TEXTS = st.text(st.characters(codec="utf-8"), max_size=60) | st.text("ab \n\t\x00\x85\u2028\u3000", max_size=12)


def accepted(adapter: TypeAdapter[str], text: str) -> str | None:
    try:
        return adapter.validate_python(text)
    except ValidationError:
        return None


def has_control(text: str) -> bool:
    return any(unicodedata.category(character) == "Cc" for character in text)


@given(text=TEXTS)
def test_a_title_is_trimmed_and_has_1_to_500_characters_and_no_control_character(text: str) -> None:
    expected = text.strip()
    assert accepted(titles, text) == (expected if expected and not has_control(expected) else None)


@given(fill=st.sampled_from(["x", "é", "🎫", "\U00010400"]), around=st.sampled_from(["", " ", "\n", "\u3000"]))
def test_500_characters_are_counted_as_people_do_not_as_bytes(fill: str, around: str) -> None:
    assert accepted(titles, around + fill * 500 + around) == fill * 500
    assert accepted(titles, around + fill * 501) is None


@given(text=TEXTS)
def test_a_search_may_be_empty_and_is_not_trimmed(text: str) -> None:
    assert accepted(searches, text) == (None if has_control(text) else text)


@given(text=TEXTS)
@settings(max_examples=300)
def test_the_document_describes_titles_and_searches_as_they_are_checked(text: str) -> None:
    for adapter in (titles, searches):
        pattern = adapter.json_schema()["pattern"]
        # Python's $ also matches before a last line break, ECMAScript's, which JSON Schema means, does not.
        described = re.search(pattern[:-1] + r"\Z", text) is not None
        assert described == (accepted(adapter, text) is not None)


@given(text=TEXTS)
@settings(max_examples=300)
def test_composed_or_not_and_asked_for_twice_the_form_is_one(text: str) -> None:
    form = searchable(text)
    assert searchable(unicodedata.normalize("NFD", text)) == form
    assert searchable(unicodedata.normalize("NFC", text)) == form
    assert searchable(form) == form


# Without marks that join the letter before them: a part that begins with one is no part to a reader.
LETTERS = st.text(
    st.characters(categories=["Lu", "Ll", "Lo", "Nd"], exclude_characters="ıİ"), min_size=1, max_size=20
)


@given(before=LETTERS, part=LETTERS, after=LETTERS)
@settings(max_examples=300)
def test_a_part_is_found_in_whatever_case_it_is_typed(before: str, part: str, after: str) -> None:
    title = f"{before} {part} {after}"
    for typed in (
        part,
        part.upper(),
        part.lower(),
        part.title(),
        part.swapcase(),
        unicodedata.normalize("NFD", part),
    ):
        if typed.casefold() == part.casefold() or unicodedata.normalize("NFC", typed) == part:
            assert searchable(typed) in searchable(title), (typed, title)


@pytest.mark.parametrize(
    ("one", "other"), [("Straße", "STRASSE"), ("ς", "Σ"), ("ﬁ", "FI"), ("\u212b", "å"), ("ᾳ", "ΑΙ"), ("ŉ", "ʼN")]
)
def test_what_folds_to_the_same_letters_is_the_same(one: str, other: str) -> None:
    assert searchable(one) == searchable(other)


@pytest.mark.parametrize(("one", "other"), [("e", "é"), ("i", "ı"), ("i", "İ"), ("o", "ø"), ("a", "а"), ("1", "１")])
def test_what_is_another_letter_is_not(one: str, other: str) -> None:
    assert searchable(one) != searchable(other)
