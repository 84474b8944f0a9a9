"""Run as a script, another process with a feed: `watcher URL LISTEN_URL` answers each line with what it knows.

`end` lets it go on to the end of the program without closing anything; `fork` makes a child that answers once,
with a feed that it took over from its parent.
"""

import asyncio
import json
import os
import sys
import time
import warnings

from coatcheck.database import Database
from tests.database.heard import Heard


async def told(heard: Heard) -> str:
    """What it knows now."""
    asked_at = time.monotonic()
    return json.dumps({"current": await heard.changes.current(), "asked_at": asked_at, "names": sorted(heard.names)})


async def in_child(heard: Heard) -> str:
    """What a child knows once it has heard what its parent's feed cannot have heard."""
    sys.stdin.readline()
    assert await heard.hears("after the fork", seconds=5)
    assert await heard.is_current()
    return await told(heard)


async def main() -> Heard:
    database = Database(sys.argv[1], listen_url=sys.argv[2])
    await database.open()
    heard = Heard(database)
    assert await heard.is_current()
    print("ready", flush=True)
    while True:
        line = await asyncio.to_thread(sys.stdin.readline)
        if line.strip() in {"end", "fork", ""}:
            return heard
        print(await told(heard), flush=True)


if __name__ == "__main__":
    heard = asyncio.run(main())
    if sys.argv[3:] == ["fork"]:
        warnings.simplefilter("ignore", DeprecationWarning)  # from Python 3.12 on: it is what is tried here
        child = os.fork()
        print(asyncio.run(in_child(heard)) if child == 0 else "forked", flush=True)
        if child != 0:
            assert os.waitpid(child, 0)[1] == 0
            print(asyncio.run(told(heard)), flush=True)
