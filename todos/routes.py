"""`/todos`: each user's own list."""

import re
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, FastAPI, Path, Query, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictBool
from pydantic_core import PydanticCustomError

from coatcheck import CurrentUser, Database, Route
from todos.statements import Order
from todos.title import SearchText, Title
from todos.todos import LARGEST_ID, Filter, Todo, TodoList

MOST_PER_PAGE = 200
DECIMAL = re.compile(r"[1-9][0-9]{0,18}")


def _decimal(text: Any) -> Any:
    """The plain spelling only: pydantic also reads `+1`, `1_0` and ` 1` as numbers."""
    if isinstance(text, str) and not DECIMAL.fullmatch(text):
        raise PydanticCustomError("coatcheck_whole_number", "Write a whole number of 1 or more, such as 20.")
    return text


def _true_or_false(text: Any) -> Any:
    """The two words only: pydantic also reads `1`, `on` and `Y` as true."""
    if isinstance(text, str) and text not in {"true", "false"}:
        raise PydanticCustomError("coatcheck_boolean", "This must be true or false.")
    return text


def _without_null(schema: dict[str, Any]) -> None:
    """A parameter may be left out; `null` is nothing that a query can say."""
    schema.update(schema.pop("anyOf")[0])


LeftOut = Field(json_schema_extra=_without_null)
Id = Annotated[int, Field(ge=1, le=LARGEST_ID), BeforeValidator(_decimal)]
TodoId = Annotated[Id, Path(openapi_examples={"first": {"value": 1}})]
After = Annotated[
    Id | None,
    LeftOut,
    Query(description="The id after which the page begins; the Link header has it."),
]
Completed = Annotated[bool, BeforeValidator(_true_or_false)]
Limit = Annotated[int, Field(ge=1, le=MOST_PER_PAGE), BeforeValidator(_decimal)]


class NewTodo(BaseModel):
    """A todo to be added."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"title": "Learn JWT"}})

    title: Title
    completed: StrictBool = False


class WholeTodo(BaseModel):
    """A todo in place of the present one. What a GET gave may come along and is ignored."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"title": "Learn JWT", "completed": True}}
    )

    title: Title
    completed: StrictBool = False
    id: Any = Field(default=None, description="Ignored.")
    created_at: Any = Field(default=None, description="Ignored.")
    updated_at: Any = Field(default=None, description="Ignored.")


class SomeOfTodo(BaseModel):
    """What is to be changed."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"completed": True}})

    # Left out is "as it is"; null is refused. A default_factory keeps null out of the schema.
    title: Title = Field(default_factory=lambda: None)  # type: ignore[assignment]
    completed: StrictBool = Field(default_factory=lambda: None)  # type: ignore[assignment]


class Stats(BaseModel):
    """How many todos there are."""

    total: int
    completed: int
    pending: int


def add_todos(app: FastAPI, database: Database) -> None:
    """Add the routes to the app."""
    router = APIRouter(route_class=Route, tags=["todos"], prefix="/todos", dependency_overrides_provider=app)
    _add_routes(router, TodoList(database))
    # One by one, since FastAPI looks through an included router twice per request; and first, since they
    # are asked for most.
    app.router.routes[:0] = router.routes

    @app.get("/", include_in_schema=False)
    async def home() -> Response:
        return RedirectResponse("docs")


def _add_routes(router: APIRouter, todos: TodoList) -> None:

    @router.get("", operation_id="list_todos", summary="List your todos", response_description="A page of them")
    async def list_todos(
        response: Response,
        user: CurrentUser,
        completed: Annotated[Completed | None, LeftOut] = None,
        q: Annotated[SearchText | None, LeftOut] = None,
        after: After = None,
        limit: Limit = 100,
        order: Order = "oldest",
    ) -> list[Todo]:
        """Your own todos, a page at a time.

        `q` finds a part of the title, whatever its case. While there is more, the `Link` header
        (RFC 8288) has the address of the next page.
        """
        wanted = Filter(completed=completed, text=q, after=after, limit=limit, order=order)
        page, next_after = await todos.page(user.id, wanted)
        if next_after is not None:
            response.headers["Link"] = _next(wanted, next_after)
        return page

    @router.post(
        "", status_code=201, operation_id="add_todo", summary="Add a todo", response_description="The new todo"
    )
    async def add_todo(new: NewTodo, user: CurrentUser) -> Todo:
        """Add a todo to your own list."""
        return await todos.add(user.id, new.title, completed=new.completed)

    @router.get("/stats", operation_id="get_stats", summary="Count your todos", response_description="The counts")
    async def get_stats(user: CurrentUser) -> Stats:
        """How many todos you have, and how many of them are completed."""
        total, completed = await todos.stats(user.id)
        return Stats(total=total, completed=completed, pending=total - completed)

    @router.get("/{id}", operation_id="get_todo", summary="One todo", response_description="The todo")
    async def get_todo(id: TodoId, user: CurrentUser) -> Todo:
        """One of your todos."""
        return await todos.get(user.id, id)

    @router.put(
        "/{id}", operation_id="replace_todo", summary="Replace a todo", response_description="The todo as it is now"
    )
    async def replace_todo(id: TodoId, whole: WholeTodo, user: CurrentUser) -> Todo:
        """Replace title and completed; completed is false unless given."""
        return await todos.change(user.id, id, title=whole.title, completed=whole.completed)

    @router.patch(
        "/{id}", operation_id="change_todo", summary="Change a todo", response_description="The todo as it is now"
    )
    async def change_todo(id: TodoId, some: SomeOfTodo, user: CurrentUser) -> Todo:
        """Change the title, completed, or both; what is left out stays."""
        return await todos.change(user.id, id, title=some.title, completed=some.completed)

    @router.delete(
        "/{id}", status_code=204, operation_id="delete_todo", summary="Delete a todo", response_description="Deleted"
    )
    async def delete_todo(id: TodoId, user: CurrentUser) -> None:
        """Delete one of your todos."""
        await todos.delete(user.id, id)


def _next(wanted: Filter, after: int) -> str:
    """The Link to the next page, relative to the present one (RFC 8288)."""
    parameters: dict[str, Any] = {"after": after, "limit": wanted.limit}
    if wanted.order != "oldest":
        parameters["order"] = wanted.order
    if wanted.completed is not None:
        parameters["completed"] = "true" if wanted.completed else "false"
    if wanted.text is not None:
        parameters["q"] = wanted.text
    return f'<?{urlencode(parameters)}>; rel="next"'
