"""The rules by which signing keys come and go. Each takes one Change and decides on what that sees."""

import math
from collections.abc import Collection
from datetime import datetime, timedelta

from coatcheck.keys.change import DATA_PURPOSES, Change
from coatcheck.keys.standing import Standing, State, newest

# How long others may keep the key set; a key signs only once it was published for so long.
KEY_SET_SECONDS = 300


class TooSoon(Exception):
    """The next key was published too short a time ago. seconds: how long to wait."""

    def __init__(self, seconds: int) -> None:
        super().__init__(seconds)
        self.seconds = seconds


class NoSuchKey(Exception):
    """No signing key has an id that begins so; or several have. found: how many."""

    def __init__(self, found: int) -> None:
        super().__init__(found)
        self.found = found


def is_complete(signing: list[Standing], purposes: Collection[str], algorithm: str | None, now: datetime) -> bool:
    """Whether there is a key that signs, a next one of this algorithm, and a key for each kind of data.

    algorithm: None for any.
    """
    following = newest(signing, "next", now)
    return (
        newest(signing, "current", now) is not None
        and following is not None
        and algorithm in {None, following.algorithm}
        and all(purpose in purposes for purpose in DATA_PURPOSES)
    )


def is_due(signing: list[Standing], algorithm: str, days: int, now: datetime) -> bool:
    """Whether the current key has signed long enough, or is of another algorithm than is asked for now."""
    current, following = newest(signing, "current", now), newest(signing, "next", now)
    if current is None or following is None or current.signs_from is None or _seconds_to_wait(following, now) > 0:
        return False
    # Only for a next key of the asked algorithm: a server whose settings are still the old ones would
    # else turn back what one with the new settings has done.
    changed = current.algorithm != algorithm == following.algorithm
    return changed or now - current.signs_from >= timedelta(days=days)


async def complete(change: Change, algorithm: str) -> None:
    """Make what is missing: at a first start, after an upgrade, for another algorithm, after a revocation."""
    following = newest(change.signing, "next", change.now)
    if newest(change.signing, "current", change.now) is None:
        if following is None:
            await change.add_signing(algorithm, signs=True)
        else:  # it is known to everybody already
            await change.move(following, signs_from=change.now)
            following = None
    if following is not None and following.algorithm != algorithm:
        await change.move(following, retired_at=change.now)
        following = None
    if following is None:
        await change.add_signing(algorithm)
    for purpose in DATA_PURPOSES:
        if purpose not in change.purposes:
            await change.add_data_key(purpose)


async def rotate_if_due(change: Change, algorithm: str, days: int) -> None:
    """On schedule. Of several processes that come to it at once the first does it."""
    if is_due(change.signing, algorithm, days, change.now):
        await rotate(change, algorithm, now=True)


async def rotate(change: Change, algorithm: str, *, now: bool = False) -> None:
    """The next key signs, the current one is retired, a new next one is published.

    now: also if others may not have heard of the next one yet. Raises TooSoon.
    """
    following = newest(change.signing, "next", change.now)
    if following is not None and not now and (seconds := _seconds_to_wait(following, change.now)) > 0:
        raise TooSoon(seconds)
    await _retire_each(change, "current")
    await complete(change, algorithm)


async def rotate_all(change: Change, algorithm: str) -> None:
    """After a leak: every key is new at once.

    The old signing keys are retired, not revoked: who has a token of theirs need not log in again
    unless that key was stolen, and then it is for `revoke` to say so.
    """
    await _retire_each(change, "next")
    await _retire_each(change, "current")
    await complete(change, algorithm)
    for purpose in DATA_PURPOSES:
        await change.add_data_key(purpose)


async def retire(change: Change, key_id: str, algorithm: str) -> tuple[Standing, State]:
    """Let a key sign no more; what it has signed stays good. Gives the key, and the state it was in.

    The current one: a rotation (TooSoon). The next one: another is published in its place.
    Raises NoSuchKey.
    """
    standing = found(change.signing, key_id)
    was = standing.state(change.now)
    if was == "current":
        await rotate(change, algorithm)
    elif was == "next":
        await change.move(standing, retired_at=change.now)
        await complete(change, algorithm)
    return standing, was


async def revoke(change: Change, key_id: str, algorithm: str) -> tuple[Standing, State]:
    """Refuse whatever a key has signed, from now on and for good. Gives the key, and the state it was in.

    In place of the current or next one there are others in the same moment. Raises NoSuchKey.
    """
    standing = found(change.signing, key_id)
    was = standing.state(change.now)
    if was != "revoked":
        await change.move(standing, revoked_at=change.now)
        await complete(change, algorithm)
    return standing, was


async def begin_anew(change: Change, algorithm: str) -> None:
    """After a restore: new keys that sign, and whatever any other has signed is refused."""
    change.leap()
    for standing in [one for one in change.signing if one.revoked_at is None]:
        await change.move(standing, revoked_at=change.now)
    await complete(change, algorithm)


def found(signing: list[Standing], key_id: str) -> Standing:
    """The one signing key of this id, or whose id begins so. Raises NoSuchKey."""
    fitting = [one for one in signing if key_id and one.id.startswith(key_id)]
    if len(fitting) != 1:
        raise NoSuchKey(len(fitting))
    return fitting[0]


async def _retire_each(change: Change, state: State) -> None:
    for standing in [one for one in change.signing if one.state(change.now) == state]:
        await change.move(standing, retired_at=change.now)


def _seconds_to_wait(following: Standing, now: datetime) -> int:
    return math.ceil(KEY_SET_SECONDS - (now - following.published_at).total_seconds())
