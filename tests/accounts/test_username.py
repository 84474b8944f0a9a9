"""Which usernames are the same, and which nobody can have (RFC 8265 UsernameCaseMapped)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coatcheck.accounts.username import mapped


@pytest.mark.parametrize(
    ("typed", "form"),
    [
        ("alice", "alice"),
        ("Alice", "alice"),
        ("ALICE", "alice"),
        ("ＡＬＩＣＥ", "alice"),  # full width
        ("Zoë", "zoë"),
        ("Zoe\u0308", "zoë"),  # decomposed
        ("Ω", "ω"),
        ("алиса", "алиса"),
        ("あき", "あき"),
        ("alice@example.org", "alice@example.org"),
        ("a", "a"),
        ("x" * 254, "x" * 254),
    ],
)
def test_names_are_compared_in_one_form(typed: str, form: str) -> None:
    assert mapped(typed) == form


def test_look_alike_letters_of_another_script_are_another_name() -> None:
    assert mapped("аlice") != mapped("alice")  # the first letter is Cyrillic


@pytest.mark.parametrize(
    "typed",
    ["", " ", "alice smith", " alice", "alice ", "a\tb", "a\0b", "a\nb", "a\u200bb", "a\u202eb", "\ud800", "x" * 255],
)
def test_nobody_can_have_these(typed: str) -> None:
    assert mapped(typed) is None


@given(st.text(max_size=300))
def test_any_text_has_one_form_or_none_and_the_form_is_its_own(typed: str) -> None:
    form = mapped(typed)
    if form is not None:
        assert 0 < len(form) <= 254
        assert mapped(form) == form
