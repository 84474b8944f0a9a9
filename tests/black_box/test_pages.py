"""Section 2 of the contract: pages of todos, by following Link until there is none."""

import re
from typing import Any
from urllib.parse import parse_qs, urljoin

import pytest

from tests.black_box.problem import pointers
from tests.support.person import Person

LINK = re.compile(r'<([?][^>]*)>; rel="next"')


def pages(person: Person, query: str = "") -> list[list[dict[str, Any]]]:
    """Every page, as a client reads them: each next address is relative to the present one."""
    address = f"/todos{query}"
    found = []
    while True:
        answer = person.get(address)
        assert answer.status_code == 200, answer.text
        found.append(answer.json())
        link = answer.headers.get("link")
        if link is None:
            return found
        match = LINK.fullmatch(link)
        assert match is not None, link
        address = urljoin(address, match[1])
        assert len(found) < 60, "Link goes on for ever"


def ids(todos: list[dict[str, Any]]) -> list[int]:
    return [todo["id"] for todo in todos]


@pytest.fixture
def seven(person: Person) -> list[dict[str, Any]]:
    """Seven todos, the third and sixth completed; somebody else's lie between them."""
    other = Person(person.client)
    added = []
    for number in range(1, 8):
        other.add_todo(f"Not mine {number}")
        added.append(person.add_todo(f"Todo {number}", completed=number % 3 == 0))
    return added


def test_oldest_first_unless_asked_otherwise(person: Person, seven: list[dict[str, Any]]) -> None:
    assert person.get("/todos").json() == seven
    assert person.get("/todos?order=oldest").json() == seven
    assert person.get("/todos?order=newest").json() == seven[::-1]


@pytest.mark.parametrize("order", ["oldest", "newest"])
@pytest.mark.parametrize("limit", [1, 2, 3, 6, 7, 8, 200])
def test_pages_together_are_the_whole_list(
    limit: int, order: str, person: Person, seven: list[dict[str, Any]]
) -> None:
    found = pages(person, f"?limit={limit}&order={order}")
    whole = seven if order == "oldest" else seven[::-1]
    assert [todo for page in found for todo in page] == whole
    assert [len(page) for page in found] == [len(whole[start : start + limit]) for start in range(0, 7, limit)]


@pytest.mark.parametrize("order", ["oldest", "newest"])
def test_the_next_page_keeps_every_filter(order: str, person: Person, seven: list[dict[str, Any]]) -> None:
    person.add_todo("other")
    query = f"?completed=false&q=TODO&limit=2&order={order}"
    found = pages(person, query)
    pending = [todo for todo in seven if not todo["completed"]]
    assert [todo for page in found for todo in page] == (pending if order == "oldest" else pending[::-1])
    assert [len(page) for page in found] == [2, 2, 1]


def test_a_filter_that_is_not_ascii_survives_the_link(person: Person) -> None:
    added = [person.add_todo(f"Größe & 100% #{number}+") for number in range(3)]
    found = pages(person, "?limit=1&q=" + "GRÖSSE %26 100%25 %23")
    assert [todo for page in found for todo in page] == added


def test_after_begins_behind_an_id_that_need_not_be_there(person: Person, seven: list[dict[str, Any]]) -> None:
    third = seven[2]["id"]
    person.delete(f"/todos/{third}")
    assert ids(person.get(f"/todos?after={third}").json()) == ids(seven[3:])
    assert ids(person.get(f"/todos?after={third}&order=newest").json()) == ids(seven[1::-1])
    assert person.get(f"/todos?after={2**63 - 1}").json() == []
    assert person.get("/todos?after=1&order=newest").json() == []


def test_what_is_added_or_deleted_between_pages_moves_nothing(person: Person, seven: list[dict[str, Any]]) -> None:
    first = person.get("/todos?limit=3")
    person.delete(f"/todos/{seven[0]['id']}")
    person.delete(f"/todos/{seven[2]['id']}")
    added = person.add_todo("Late")
    match = LINK.fullmatch(first.headers["link"])
    assert match is not None
    rest = person.get("/todos" + match[1]).json()
    assert ids(rest) == ids(seven[3:6])
    assert person.get("/todos").json()[-1] == added


def test_without_a_limit_a_page_has_100(person: Person) -> None:
    added = [person.add_todo(str(number))["id"] for number in range(101)]
    first, second = pages(person)
    assert (ids(first), ids(second)) == (added[:100], added[100:])
    assert parse_qs(person.get("/todos").headers["link"][2:-13]) == {"after": [str(added[99])], "limit": ["100"]}
    assert len(person.get("/todos?limit=200").json()) == 101


@pytest.mark.parametrize(("query", "shown"), [("true", [3, 6]), ("false", [1, 2, 4, 5, 7])])
def test_completed_filters(query: str, shown: list[int], person: Person, seven: list[dict[str, Any]]) -> None:
    found = person.get(f"/todos?completed={query}").json()
    assert found == [seven[number - 1] for number in shown]


@pytest.mark.parametrize(
    "limit", ["0", "-1", "201", "abc", "", "1.0", "1e2", "+1", "01", "1_0", " 1", "１", "9" * 30]
)
def test_limit_is_1_to_200_plainly_written(limit: str, person: Person) -> None:
    assert pointers(person.client.get("/todos", params={"limit": limit}, headers=bearer(person))) == ["?limit"]


@pytest.mark.parametrize(
    "after", ["0", "-1", "abc", "", "1.0", "+1", "01", "1_0", " 1", "１", str(2**63), "9" * 5_000]
)
def test_after_is_an_id_plainly_written(after: str, person: Person) -> None:
    assert pointers(person.client.get("/todos", params={"after": after}, headers=bearer(person))) == ["?after"]


@pytest.mark.parametrize(
    ("name", "value"), [("order", ""), ("order", "NEWEST"), ("order", "asc"), ("completed", ""), ("completed", "2")]
)
def test_order_and_completed_have_two_values_each(name: str, value: str, person: Person) -> None:
    answer = person.client.get("/todos", params={name: value}, headers=bearer(person))
    assert pointers(answer) == [f"?{name}"]


def bearer(person: Person) -> dict[str, str]:
    return {"Authorization": f"Bearer {person.token}"}
