"""Accounts of another system, read from a file with a JSON object on each line."""

import asyncio
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, BinaryIO

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from coatcheck.accounts import MOST_AT_ONCE, Newcomer, mapped
from coatcheck.admin.users import Users

YEAR_FIRST = re.compile(r"[0-9]{4}-")
LONGEST_LINE = 64 * 1024  # bytes
BYTE_ORDER_MARK = b"\xef\xbb\xbf"  # Windows' editors begin a file so
UNUSABLE_BEGINS = "!"  # Django begins so what stands in the place of a hash where there is no password

NO_OBJECT = "This is no JSON object in UTF-8 on one line."
TOO_LONG = f"This line is longer than {LONGEST_LINE} bytes."
NO_NAME = "It needs either username or email, as text."
NO_USERNAME = "Its username is none that an account can have here."
TWO_HASHES = "It has both password_hash and hashed_password; leave one out."
UNUSABLE = "Its password hash stands for no password at all; leave it out, or write null."
NOT_A_MOMENT = "is no moment with its time zone, such as 2024-01-02T03:04:05Z."


def _written_out(said: object) -> object:
    """pydantic reads a number, also in a string, as seconds or milliseconds, whichever seems likelier."""
    if not isinstance(said, str) or not YEAR_FIRST.match(said):
        raise ValueError("no moment")
    return said


Moment = Annotated[AwareDatetime, Field(strict=False), BeforeValidator(_written_out)]


class Line(BaseModel):
    """What may stand on a line. email and hashed_password are the names that fastapi-users has."""

    model_config = ConfigDict(extra="forbid", strict=True)

    id: object = None  # what `users export` writes; an account gets a new one here
    username: str | None = None
    email: str | None = None
    password_hash: str | None = None
    hashed_password: str | None = None
    created_at: Moment | None = None
    disabled_at: Moment | None = None


@dataclass(slots=True)
class Tally:
    """How many were new, how many there already, and how many lines were refused."""

    new: int = 0
    there: int = 0
    refused: int = 0


async def take_in(
    users: Users,
    file: BinaryIO,
    refuse: Callable[[int, str], None],
    watch: Callable[[int], None],
    *,
    dry_run: bool,
) -> Tally:
    """Add all whose names are free, some at a time, each time durably; whoever is there already is passed over.

    So it can be broken off at any moment and begun again. refuse: told the number of a line and what is wrong
    with it. watch: told how many bytes are done. dry_run: write nothing; then a name that comes twice, far apart
    in the file, counts as new twice.
    """
    tally = Tally()
    some: list[Newcomer] = []

    async def act() -> None:
        new = len(await users.free(some)) if dry_run else await users.take_in(some)
        tally.new += new
        tally.there += len(some) - new
        some.clear()

    done = 0
    for number, line in enumerate(_lines(file), start=1):
        done += len(line)
        read = newcomer(line, users.hash_refusal) if line.strip() else None
        if isinstance(read, str):
            tally.refused += 1
            refuse(number, read)
        elif read is not None:
            some.append(read)
        if number % MOST_AT_ONCE == 0:
            await act()
            watch(done)
            await asyncio.sleep(0)  # Ctrl+C comes in here, also where nothing had to be waited for
    await act()
    return tally


def newcomer(line: bytes, hash_refusal: Callable[[str], str | None]) -> Newcomer | str:
    """The account that the line is about, or what is wrong with it: never the hash, for it goes into a report."""
    if len(line) > LONGEST_LINE:
        return TOO_LONG
    try:
        said = Line.model_validate_json(line)
    except ValidationError as error:
        return _worded(error)
    username = said.email if said.username is None else said.username
    if username is None or {"username", "email"} <= said.model_fields_set:
        return NO_NAME
    if {"password_hash", "hashed_password"} <= said.model_fields_set:
        return TWO_HASHES
    form = mapped(username)
    if form is None:
        return NO_USERNAME
    foreign_hash = said.hashed_password if said.password_hash is None else said.password_hash
    if foreign_hash is not None:
        why = UNUSABLE if foreign_hash.startswith(UNUSABLE_BEGINS) else hash_refusal(foreign_hash)
        if why:
            return why
    try:
        created_at, disabled_at = _in_utc(said.created_at), _in_utc(said.disabled_at)
    except OverflowError:  # the first or last day there is, in another time zone
        return f"One of its moments {NOT_A_MOMENT}"
    return Newcomer(username, form, foreign_hash, created_at, disabled_at)


def _lines(file: BinaryIO) -> Iterator[bytes]:
    """The lines of the file; of one that is too long its beginning, which is too long as well, and no more memory."""
    mark = len(BYTE_ORDER_MARK)
    line = file.readline(LONGEST_LINE + 1)
    line = line[mark:] if line.startswith(BYTE_ORDER_MARK) else line
    while line:
        yield line
        while not line.endswith(b"\n") and line:
            line = file.readline(LONGEST_LINE + 1)
        line = file.readline(LONGEST_LINE + 1)


def _worded(error: ValidationError) -> str:
    """pydantic's own words may repeat what was written."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    if not first["loc"]:
        return NO_OBJECT
    if first["type"] == "extra_forbidden":
        return f"It has a member that is not known here; known are {', '.join(Line.model_fields)}."
    name = first["loc"][0]
    return f"Its {name} {NOT_A_MOMENT}" if name in {"created_at", "disabled_at"} else f"Its {name} is no text."


def _in_utc(moment: datetime | None) -> datetime | None:
    return None if moment is None else moment.astimezone(UTC)
