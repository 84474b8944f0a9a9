"""What can be done with todos."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import starmap
from typing import Any

from coatcheck import Conflict, Database, NotFound, Unauthorized
from todos import statements
from todos.statements import Order
from todos.title import searchable

LARGEST_ID = 2**63 - 1


@dataclass(slots=True)  # not frozen: a page makes a hundred, and frozen ones take three times as long
class Todo:
    """One todo, as its owner sees it. Times are UTC."""

    id: int
    title: str
    completed: bool
    created_at: datetime
    updated_at: datetime


@dataclass(slots=True)
class Filter:
    """Which todos, in which order: the `limit` after `after` (an id), by text and by completed."""

    completed: bool | None = None
    text: str | None = None
    after: int | None = None
    limit: int = 100
    order: Order = "oldest"


class TodoList:
    """Everyone's todos in one database. Each call names the owner; another's todo is NotFound."""

    def __init__(self, database: Database, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._database = database
        self._now = now

    async def add(self, owner: int, title: str, *, completed: bool) -> Todo:
        """A new todo. Raises Unauthorized: the owner's account is gone."""
        now = self._now()
        values = {
            "owner_id": owner,
            "title": title,
            "searchable_title": searchable(title),
            "completed": completed,
            "created_at": now,
            "updated_at": now,
        }
        try:
            return Todo(*await self._database.one(statements.ADD, values))
        except Conflict:  # deleted since the token was checked
            raise Unauthorized(error="invalid_token") from None

    async def page(self, owner: int, wanted: Filter) -> tuple[list[Todo], int | None]:
        """One page, and the id after which the next one begins, if there is one."""
        nothing = LARGEST_ID if wanted.order == "newest" else 0
        values: dict[str, Any] = {
            "owner_id": owner,
            "after": nothing if wanted.after is None else wanted.after,
            "limit": wanted.limit + 1,
        }
        if wanted.completed is not None:
            values["completed"] = wanted.completed
        if wanted.text is not None:
            values["text"] = searchable(wanted.text)
        page = statements.PAGE[wanted.order, wanted.completed is not None, wanted.text is not None]
        # A search looks at every title; the other pages are ranges of an index.
        read = self._database.all if wanted.text is None else self._database.scan
        found = list(starmap(Todo, await read(page, values)))
        shown = found[: wanted.limit]
        return shown, shown[-1].id if len(found) > wanted.limit else None

    async def get(self, owner: int, todo_id: int) -> Todo:
        """One todo."""
        return _found(await self._database.one(statements.GET, {"owner_id": owner, "todo_id": todo_id}))

    async def change(
        self, owner: int, todo_id: int, *, title: str | None = None, completed: bool | None = None
    ) -> Todo:
        """The todo with what is given changed; nothing given changes nothing."""
        if title is None and completed is None:
            return await self.get(owner, todo_id)
        values: dict[str, Any] = {"owner_id": owner, "todo_id": todo_id, "new_updated_at": self._now()}
        if title is not None:
            values |= {"new_title": title, "new_searchable_title": searchable(title)}
        if completed is not None:
            values["new_completed"] = completed
        change = statements.CHANGE[title is not None, completed is not None]
        return _found(await self._database.one(change, values))

    async def delete(self, owner: int, todo_id: int) -> None:
        """Delete one todo."""
        if not await self._database.execute(statements.DELETE, {"owner_id": owner, "todo_id": todo_id}):
            raise NotFound

    async def stats(self, owner: int) -> tuple[int, int]:
        """How many there are, and how many of them are completed."""
        (row,) = await self._database.scan(statements.STATS, {"owner_id": owner})
        return row.total, row.completed


def _found(row: Any) -> Todo:
    if row is None:
        raise NotFound
    return Todo(*row)
