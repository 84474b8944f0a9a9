"""`TodoList` on each engine: each call names the owner, pages hold together whatever happens between them."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from coatcheck import Coatcheck, NotFound, Unauthorized
from tests.support.app import make_app
from todos.statements import ORDERS, Order
from todos.todos import LARGEST_ID, Filter, Todo, TodoList

START = datetime(2026, 1, 1, tzinfo=UTC)
_names = count(1)


@dataclass
class Room:
    """An open database with the todos of everybody in it."""

    coatcheck: Coatcheck
    todos: TodoList
    now: datetime = START

    async def owner(self) -> int:
        """Somebody new."""
        return (await self.coatcheck.create_account(f"owner{next(_names)}", "secret123")).id

    async def pages(self, owner: int, wanted: Filter) -> list[Todo]:
        """All pages."""
        found: list[Todo] = []
        after = wanted.after
        while True:
            page, after = await self.todos.page(
                owner, Filter(wanted.completed, wanted.text, after, wanted.limit, wanted.order)
            )
            found += page
            assert len(page) == wanted.limit or after is None
            if after is None:
                return found


@pytest.fixture
async def room(tmp_path: Path, database_url: str) -> AsyncIterator[Room]:
    """On each engine."""
    coatcheck: Coatcheck = make_app(tmp_path, database_url).state.coatcheck
    await coatcheck.open()
    opened = Room(coatcheck, TodoList(coatcheck.database))
    opened.todos = TodoList(coatcheck.database, now=lambda: opened.now)
    yield opened
    await coatcheck.close()


async def test_what_is_added_is_found_with_its_times(room: Room) -> None:
    owner = await room.owner()
    todo = await room.todos.add(owner, "Größe 🎫", completed=True)
    assert todo == Todo(todo.id, "Größe 🎫", True, START, START)
    assert await room.todos.get(owner, todo.id) == todo
    room.now += timedelta(seconds=1.5)
    changed = await room.todos.change(owner, todo.id, completed=False)
    assert changed == Todo(todo.id, "Größe 🎫", False, START, room.now)
    room.now += timedelta(days=1)
    assert await room.todos.change(owner, todo.id) == changed  # nothing given, nothing changed, not even the time
    assert await room.todos.change(owner, todo.id, title="a") == Todo(todo.id, "a", False, START, room.now)


async def test_somebody_elses_todo_is_not_found_and_left_alone(room: Room) -> None:
    owner, other = await room.owner(), await room.owner()
    todo = await room.todos.add(owner, "Mine", completed=False)
    for number in (todo.id, todo.id + 1, LARGEST_ID):
        with pytest.raises(NotFound):
            await room.todos.get(other, number)
        with pytest.raises(NotFound):
            await room.todos.change(other, number, title="Theirs")
        with pytest.raises(NotFound):
            await room.todos.change(other, number)
        with pytest.raises(NotFound):
            await room.todos.delete(other, number)
    assert await room.pages(other, Filter()) == []
    assert await room.todos.stats(other) == (0, 0)
    assert await room.pages(owner, Filter()) == [todo]


async def test_whoever_was_deleted_meanwhile_adds_nothing(room: Room) -> None:
    """Between the check of the token and the write the account may go; a 500 would page someone."""
    with pytest.raises(Unauthorized) as refused:
        await room.todos.add(987_654, "too late", completed=False)
    assert refused.value.error == "invalid_token"


async def test_the_largest_id_is_an_id_like_any_other(room: Room) -> None:
    owner = await room.owner()
    await room.todos.add(owner, "x", completed=False)
    for order in ORDERS:
        for after in (1, LARGEST_ID - 1, LARGEST_ID):
            await room.todos.page(owner, Filter(after=after, order=order))


STEPS = st.lists(
    st.tuples(st.just("add"), st.sampled_from(["tea", "TEA time", "Straße", "100%", "a_b"]), st.booleans())
    | st.tuples(st.sampled_from(["delete", "complete"]), st.integers(0, 30)),
    max_size=25,
)


@given(
    steps=STEPS,
    limit=st.integers(1, 8),
    order=st.sampled_from(ORDERS),
    completed=st.none() | st.booleans(),
    text=st.sampled_from([None, "tea", "STRASSE", "%", "_", ""]),
)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_the_pages_of_any_history_are_the_whole_list(
    steps: list[Any], limit: int, order: Order, completed: bool | None, text: str | None, room: Room
) -> None:
    """A model beside it: a dict of what should be there."""
    owner, other = await room.owner(), await room.owner()
    model: dict[int, Todo] = {}
    for kind, *arguments in steps:
        if kind == "add":
            title, done = arguments
            await room.todos.add(other, title, completed=done)
            added = await room.todos.add(owner, title, completed=done)
            assert not model or added.id > max(model)
            model[added.id] = added
        elif model:
            chosen = list(model)[arguments[0] % len(model)]
            if kind == "delete":
                await room.todos.delete(owner, chosen)
                del model[chosen]
            else:
                model[chosen] = await room.todos.change(owner, chosen, completed=True)
    expected = [
        todo
        for todo in sorted(model.values(), key=lambda todo: todo.id, reverse=order == "newest")
        if (completed is None or todo.completed == completed)
        and (text is None or text.casefold() in todo.title.casefold())
    ]
    assert await room.pages(owner, Filter(completed, text, None, limit, order)) == expected
    assert await room.todos.stats(owner) == (len(model), sum(todo.completed for todo in model.values()))
