"""What a refused request must leave as it was."""

from collections.abc import Generator
from contextlib import contextmanager

from tests.support.person import Person


@contextmanager
def nothing_changes(person: Person) -> Generator[None]:
    """Everything this person can see is the same afterwards, and the password still logs in."""

    def seen() -> list[object]:
        return [person.get(path).json() for path in ("/me", "/todos", "/todos/stats")]

    def sessions() -> set[str]:
        return {session["id"] for session in person.get("/sessions").json()}

    before, going_on = seen(), sessions()
    yield
    assert seen() == before
    assert sessions() >= going_on
    assert person.log_in()
