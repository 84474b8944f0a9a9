"""The files beside a local program's data: whole or not there, and closed to others."""

import os
from contextlib import AbstractContextManager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from coatcheck.problems import StartRefused

FILE_MODE = 0o600
FOLDER_MODE = 0o700
LOCK_SECONDS = 5  # as a start waits for a database
# By name: a host may have a data/ of its own, with files that it does publish.
KEPT_OUT_OF_GIT = "/.gitignore\n/secret*\n/coatcheck.db*\n"


def held_alone(path: Path) -> AbstractContextManager[object]:
    """One process at a time makes or changes the file; `with` it. Any thread may let go of it.

    Raises StartRefused: another has not let go of it for 5 s. In its thread it would wait beyond any Ctrl+C.
    """
    lock = FileLock(f"{path}.lock", mode=FILE_MODE, thread_local=False)
    try:
        return lock.acquire(timeout=LOCK_SECONDS)
    except Timeout:
        raise StartRefused(
            f"Another program is making or changing the secret in {path}, and has been for {LOCK_SECONDS} seconds. "
            "Wait until it has ended, or end it, then try again."
        ) from None


def write_whole(path: Path, text: str) -> None:
    """Write a file that is either whole or not there, whenever the power goes."""
    draft = path.with_name(f"{path.name}.draft")
    with os.fdopen(os.open(draft, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, FILE_MODE), "w") as file:
        draft.chmod(FILE_MODE)
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    put_in_place(draft, path)


def put_in_place(draft: Path, path: Path) -> None:
    """Give a file another's name, whenever the power goes: there is always one of the two."""
    draft.replace(path)
    with suppress(OSError):  # Windows opens no folder
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)  # else the keys may outlive the file that opens them
        finally:
            os.close(folder)


def keep_out_of_git(folder: Path) -> None:
    """Whoever adds everything to a repository shall not publish the secret and the accounts."""
    ignore = folder / ".gitignore"
    if not ignore.exists():
        ignore.write_text(KEPT_OUT_OF_GIT, encoding="ascii")
        ignore.chmod(FILE_MODE)


def close_folder(folder: Path) -> None:
    """Close an existing folder to other users; somebody else's stays as it is."""
    with suppress(OSError):
        folder.chmod(FOLDER_MODE)
