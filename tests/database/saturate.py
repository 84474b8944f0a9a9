"""Run as a script: write to the SQLite file argv[1] from argv[2] tasks for argv[3] seconds, under the name argv[4].

Waits for a line on standard input before it begins. Prints one line of JSON: how many writes were
answered, the longest wait in seconds, how many were refused.
"""

import asyncio
import json
import sys
import time

from coatcheck.database import Database, DatabaseUnavailable
from tests.database.things import ADD_QUIETLY


async def main(path: str, tasks: int, seconds: float, name: str) -> None:
    database = Database(f"sqlite:///{path}")
    await database.open()
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.readline)
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
    print(json.dumps({"answered": answered, "longest": longest, "refused": refused}))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), sys.argv[4]))
