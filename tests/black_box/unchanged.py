"""What a refused request must leave as it was."""

from collections.abc import Generator
from contextlib import contextmanager

from tests.support.person import Person


@contextmanager
def nothing_changes(person: Person) -> Generator[None]:
    """Everything this person can see is the same afterwards, and the password still logs in."""

    def seen() -> list[object]:
        return [person.get(path).json() for path in ("/me", "/todos", "/todos/stats")]

    before = seen()
    yield
    assert seen() == before
    assert person.log_in()
