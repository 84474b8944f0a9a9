"""The SQL of todos. Every statement names the owner."""

from itertools import product
from typing import Any, Literal

from sqlalchemy import BindParameter, Boolean, Select, bindparam, case, delete, func, insert, select, update
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from todos.tables import todos

Order = Literal["oldest", "newest"]

SHOWN = (todos.c.id, todos.c.title, todos.c.completed, todos.c.created_at, todos.c.updated_at)

_own = todos.c.owner_id == bindparam("owner_id")
_this = todos.c.id == bindparam("todo_id")


class contains(FunctionElement[bool]):  # noqa: N801  a function of SQL
    """Whether the first text contains the second, letter by letter: % and _ are letters."""

    type = Boolean()
    inherit_cache = True


@compiles(contains, "sqlite")
def _instr(element: contains, compiler: SQLCompiler, **options: Any) -> str:
    return f"instr({compiler.process(element.clauses, **options)}) > 0"


@compiles(contains, "postgresql")
def _strpos(element: contains, compiler: SQLCompiler, **options: Any) -> str:
    return f"strpos({compiler.process(element.clauses, **options)}) > 0"


ADD = (
    insert(todos)
    .values(
        {
            name: bindparam(name)
            for name in ("owner_id", "title", "searchable_title", "completed", "created_at", "updated_at")
        }
    )
    .returning(*SHOWN)
)
GET = select(*SHOWN).where(_own, _this)
DELETE = delete(todos).where(_own, _this)
STATS = select(func.count().label("total"), func.count(case((todos.c.completed, 1))).label("completed")).where(_own)


def _change(*names: str) -> Any:
    return (
        update(todos).where(_own, _this).values({name: bindparam(f"new_{name}") for name in names}).returning(*SHOWN)
    )


# By which of title and completed are changed.
CHANGE = {
    (True, True): _change("title", "searchable_title", "completed", "updated_at"),
    (True, False): _change("title", "searchable_title", "updated_at"),
    (False, True): _change("completed", "updated_at"),
}


def _page(order: Order, by_completed: bool, by_text: bool) -> Select[Any, Any, Any, Any, Any]:
    """One page in one of its eight forms, so that none is written while a request waits."""
    newest = order == "newest"
    after: BindParameter[int] = bindparam("after")
    page = select(*SHOWN).where(_own, todos.c.id < after if newest else todos.c.id > after)
    if by_completed:
        page = page.where(todos.c.completed == bindparam("completed"))
    if by_text:
        page = page.where(contains(todos.c.searchable_title, bindparam("text", type_=todos.c.searchable_title.type)))
    return page.order_by(todos.c.id.desc() if newest else todos.c.id).limit(bindparam("limit"))


ORDERS: tuple[Order, ...] = ("oldest", "newest")
PAGE = {form: _page(*form) for form in product(ORDERS, (False, True), (False, True))}
