"""The root of the error tree: refusals that the caller can do something about (RFC 9457).

Domain code raises them where the reason is known; `web/` gives each its HTTP form, once.

    Problem
    ├── BadRequest        400
    ├── Unauthorized      401   (carries the RFC 6750 error code, if there is one)
    ├── Forbidden         403
    ├── NotFound          404
    ├── Conflict          409
    ├── Invalid           422   (carries a pointer and a sentence for each mistake)
    ├── TooManyRequests   429   (carries the seconds to wait)
    └── Unavailable       503   (carries the seconds to wait)

`StartRefused` is not a Problem: nobody is there yet to be answered.
"""

from collections.abc import Iterable, Mapping


class Problem(Exception):
    """A refusal the caller can do something about.

    status: the HTTP status. title: the same for every occurrence. name: the last part of
    `urn:coatcheck:problem:<name>`, never changed once released. detail: one sentence for the person
    using the client; it never repeats what was sent. headers: further ones of the answer.
    """

    status: int
    title: str
    name: str
    detail: str
    headers: Mapping[str, str] = {}

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        for attribute in ("status", "title", "name", "detail"):
            if not hasattr(cls, attribute):
                # A default of 500 would page someone; a default name would change with the class.
                raise TypeError(f"{cls.__name__} needs a {attribute}")

    def __init__(self, detail: str | None = None) -> None:
        if detail is not None:
            self.detail = detail
        super().__init__(self.detail)


class BadRequest(Problem):
    """The request cannot be carried out as it was made.

    error: the code of RFC 6750 section 3.1, if it is about how a token was sent.
    """

    status = 400
    title = "Bad request"
    name = "bad-request"
    detail = "The request cannot be carried out as it was made."
    error: str | None = None


class Unauthorized(Problem):
    """Nobody is signed in, or not in a way that suffices here.

    error: the code of RFC 6750 section 3.1 or RFC 9470 section 3; None when no credentials came.
    max_age: the oldest login that would do, in seconds (RFC 9470), or None.
    """

    status = 401
    title = "Not signed in"
    name = "unauthorized"
    detail = "Log in, then send the access token as: Authorization: Bearer <token>."
    error: str | None = None
    max_age: int | None = None

    def __init__(self, detail: str | None = None, *, error: str | None = None) -> None:
        if error is not None:
            self.error = error
        super().__init__(detail)


class Forbidden(Problem):
    """The caller is known and may not do this."""

    status = 403
    title = "Not allowed"
    name = "forbidden"
    detail = "This is not allowed."


class NotFound(Problem):
    """There is no such thing, or it is someone else's: the two look alike on purpose."""

    status = 404
    title = "Not found"
    name = "not-found"
    detail = "There is nothing here under this address."


class Conflict(Problem):
    """The present state forbids it."""

    status = 409
    title = "Conflict"
    name = "conflict"
    detail = "Something else depends on this, or already has its place."


class Invalid(Problem):
    """The request was understood, and something in it is not acceptable.

    errors: pairs of a pointer (`#/title` into the body, `?limit` into the query) and a sentence that
    says what would do.
    """

    status = 422
    title = "Not acceptable"
    name = "invalid"
    detail = "Something in the request is not acceptable; see errors."

    def __init__(self, errors: Iterable[tuple[str, str]], detail: str | None = None) -> None:
        self.errors = tuple(dict.fromkeys(errors))  # ten thousand unknown members are one mistake
        super().__init__(detail)


class TooManyRequests(Problem):
    """A limit is reached. retry_after: seconds."""

    status = 429
    title = "Too many requests"
    name = "too-many-requests"
    detail = "A limit is reached."

    def __init__(self, retry_after: int, detail: str | None = None) -> None:
        self.retry_after = retry_after
        super().__init__(detail or f"A limit is reached. Wait {retry_after} seconds, then try again.")


class Unavailable(Problem):
    """It did not happen and may be repeated. retry_after: seconds."""

    status = 503
    title = "Unavailable for the moment"
    name = "unavailable"
    detail = "Nothing has changed. Try again in a moment."

    def __init__(self, retry_after: int = 1, detail: str | None = None) -> None:
        self.retry_after = retry_after
        super().__init__(detail)


class StartRefused(SystemExit):
    """The program cannot start as it is set up; the text says what to do.

    A SystemExit, so that whoever started the process, by `python app.py` or the command line, sees one
    sentence and an exit code of 1 instead of a trace. Under uvicorn's own command that holds for what
    is refused at import; what is refused later is a NotStarted.
    """

    def __init__(self, sentence: str) -> None:
        self.sentence = sentence
        super().__init__(sentence)


class NotStarted(RuntimeError):
    """A StartRefused within a server or a test client, whose event loop a SystemExit would tear apart."""
