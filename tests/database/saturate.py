"""Run as a script: write to the SQLite file argv[1] from argv[2] processes with argv[3] tasks each, argv[4] seconds.

Each prints "open" when it has the file open, and in the end a line of JSON: how many writes were
answered, the longest wait in seconds, how many were refused.
"""

import asyncio
import json
import sys
import time

from coatcheck.database import Database, DatabaseUnavailable
from tests.database.at_once import at_once, say
from tests.database.things import ADD_QUIETLY


async def saturate(path: str, tasks: int, seconds: float, name: str) -> dict[str, float]:
    database = Database(f"sqlite:///{path}")
    await database.open()
    say("open")
    end = time.monotonic() + seconds
    answered, longest, refused = 0, 0.0, 0

    async def write(number: int) -> None:
        nonlocal answered, longest, refused
        turn = 0
        while (began := time.monotonic()) < end:
            try:
                await database.execute(ADD_QUIETLY, {"name": f"{name} {number} {turn}"})
                answered += 1
            except DatabaseUnavailable:
                refused += 1
            longest = max(longest, time.monotonic() - began)
            turn += 1

    await asyncio.gather(*(write(number) for number in range(tasks)))
    await database.close()
    return {"answered": answered, "longest": longest, "refused": refused}


def work(process: int) -> None:
    say(json.dumps(asyncio.run(saturate(sys.argv[1], int(sys.argv[3]), float(sys.argv[4]), f"process {process}"))))


if __name__ == "__main__":
    at_once(int(sys.argv[2]), work)
