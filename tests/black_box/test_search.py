"""Section 2 of the contract: `q` finds a part of the title whatever its case, in any script, on each database."""

import pytest

from tests.black_box.problem import pointers
from tests.support.person import Person

FOUND = [
    ("Learn JWT", "jwt"),
    ("Learn JWT", "N J"),
    ("Learn JWT", "Learn JWT"),
    ("Straße", "STRASSE"),
    ("STRASSE", "straße"),
    ("Große Maße", "SSE M"),
    ("ΟΔΟΣ", "οδος"),  # a capital sigma at the end of a word
    ("οδός", "ΟΔΌΣ"),
    ("σοφός", "ΣΟΦΌΣ"),
    ("ΣΊΣΥΦΟΣ", "σίσυφος"),
    ("İstanbul", "İSTANBUL"),
    ("İstanbul", "i\u0307stanbul"),
    ("I\u0307stanbul", "İSTAN"),
    ("İstanbul", "STANBUL"),
    ("Caf\u00e9", "CAFE\u0301"),  # composed and decomposed
    ("Cafe\u0301", "caf\u00c9"),
    ("\u1e69", "S\u0323\u0307"),  # two marks below and above, in either order
    ("\u1e69", "s\u0307\u0323"),
    ("Москва", "МОСКВА"),
    ("한국어", "한국"),
    ("\u1112\u1161\u11ab", "한"),  # jamo and syllable
    ("日本語の勉強", "本語"),
    ("ﬁnish", "FINISH"),  # a ligature folds to its letters
    ("𐐐𐐀", "𐐸𐐨"),  # Deseret, outside the basic plane
    ("Ⅷ", "ⅷ"),
    ("🎫 ticket", "🎫"),
    ("100% done", "0% d"),
    ("snake_case", "E_C"),
    ("back\\slash", "k\\s"),
    ('it\'s "quoted"', "'s \"Q"),
    ("a*b?c[d]", "*b?c[d]"),
    ("Ångström", "ÅNGSTRÖM"),
    ("ᾳ", "ΑΙ"),
]
NOT_FOUND = [
    ("100 done", "0%d"),
    ("100 done", "%"),
    ("snakeXcase", "e_c"),
    ("snake", "_"),
    ("backslash", "\\"),
    ("Café", "cafe"),
    ("İstanbul", "istanbul"),  # İ folds to i and a dot above, which is another letter than i
    ("ılık", "ilik"),
    ("Learn JWT", "J W"),
    ("abc", "a.c"),
    ("abc", "a*c"),
]


@pytest.mark.parametrize(("title", "q"), FOUND)
def test_a_part_of_the_title_is_found(title: str, q: str, person: Person) -> None:
    other = person.add_todo("something else")
    todo = person.add_todo(title)
    found = person.client.get("/todos", params={"q": q}, headers={"Authorization": f"Bearer {person.token}"})
    assert found.json() == [todo]
    assert found.json()[0]["title"] == title
    person.delete(f"/todos/{todo['id']}")
    assert person.get("/todos").json() == [other]


@pytest.mark.parametrize(("title", "q"), NOT_FOUND)
def test_what_is_no_part_of_the_title_is_not_found(title: str, q: str, person: Person) -> None:
    person.add_todo(title)
    found = person.client.get("/todos", params={"q": q}, headers={"Authorization": f"Bearer {person.token}"})
    assert (found.status_code, found.json()) == (200, [])


def test_a_changed_title_is_found_by_its_new_words_only(person: Person) -> None:
    todo = person.add_todo("before")
    for change in (person.put, person.patch):
        title = f"AFTER {change.__name__}"
        todo = change(f"/todos/{todo['id']}", json={"title": title}).json()
        assert person.get("/todos?q=before").json() == []
        assert person.get(f"/todos?q=after {change.__name__}").json() == [todo]
    todo = person.patch(f"/todos/{todo['id']}", json={"completed": True}).json()
    assert person.get("/todos?q=after").json() == [todo]


def test_an_empty_search_finds_everything(person: Person) -> None:
    todo = person.add_todo()
    assert person.get("/todos?q=").json() == [todo]


def test_what_is_invalid_utf8_is_found_nowhere(person: Person) -> None:
    person.add_todo()
    answer = person.get("/todos?q=%ff%zz")
    assert (answer.status_code, answer.json()) == (200, [])


@pytest.mark.parametrize("q", ["%00", "a%0ab", "%1f", "%c2%85", "%7f"])
def test_a_control_character_is_no_part_of_any_title(q: str, person: Person) -> None:
    assert pointers(person.get(f"/todos?q={q}")) == ["?q"]


def test_a_search_is_no_longer_than_a_title(person: Person) -> None:
    assert person.get("/todos?q=" + "a" * 500).json() == []
    answer = person.get("/todos?q=" + "a" * 501)
    assert pointers(answer) == ["?q"]
    assert answer.json()["errors"][0]["detail"] == "Use at most 500 characters."
