"""`coatcheck secret rotate`, killed by SIGKILL at one of its steps: python -m tests.keys.killed STEP.

Nothing of the command is replaced. Where it opens or renames a file, Python's audit hook is called
before that happens; where it commits, its transaction's own end is.
"""

import os
import signal
import sys
from pathlib import Path
from typing import Any

from coatcheck import cli
from coatcheck.database import Database

STEPS = ("writing the new file", "before the commit", "after the commit", "after the renaming")
step = sys.argv[1]


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def look(event: str, arguments: tuple[Any, ...]) -> None:
    """Die before a renaming, or before the folder is synced that follows one."""
    if event == "os.rename":
        renamed, place = (Path(os.fsdecode(path)).name for path in arguments[:2])
        if (step, place) == ("writing the new file", "secret.new"):
            die()
        if (step, renamed) == ("after the commit", "secret.new"):
            die()
    elif event == "open" and step == "after the renaming":
        path = os.fspath(arguments[0]) if isinstance(arguments[0], str | os.PathLike) else ""
        if path and Path(os.fsdecode(path)).name == "data" and not Path("data/secret.new").exists():
            die()


class DiesBeforeItCommits:
    """A transaction's block whose body is done and whose end never comes."""

    def __init__(self, block: Any) -> None:
        self._block = block

    async def __aenter__(self) -> Any:
        return await self._block.__aenter__()

    async def __aexit__(self, *exception: Any) -> None:
        die()


class DiesAfterItHasCommitted(DiesBeforeItCommits):
    """One whose end comes, and nothing after it."""

    async def __aexit__(self, *exception: Any) -> None:
        await self._block.__aexit__(*exception)
        die()


begin = Database.transaction
if step == "before the commit":
    Database.transaction = lambda self: DiesBeforeItCommits(begin(self))  # type: ignore[method-assign]
if step == "just after the commit":
    Database.transaction = lambda self: DiesAfterItHasCommitted(begin(self))  # type: ignore[method-assign]
sys.addaudithook(look)
sys.argv = ["coatcheck", "secret", "rotate"]
cli.main()
