"""What a format of password hashes is."""

from typing import Protocol


class Format(Protocol):
    """One way in which some system writes password hashes. No text, however strange, makes it raise or take long."""

    @property
    def name(self) -> str:
        """For people."""
        ...

    def owns(self, text: str) -> bool:
        """Whether the text begins as this format does."""
        ...

    def refusal(self, text: str) -> str | None:
        """Why it cannot be taken over, for an operator, without the hash itself; None if it can be."""
        ...

    def verify(self, password: str, text: str) -> bool:
        """Whether it is the password behind the hash; never for one that is refused. In a thread: it takes long."""
        ...


def typed(password: str) -> bytes | None:
    """The password in UTF-8, as all these systems hash it; None for half a surrogate pair, which has none."""
    try:
        return password.encode()
    except UnicodeEncodeError:
        return None
