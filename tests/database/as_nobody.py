"""Run as a script, as a user without rights: open the database at argv[1] under the umask argv[2] and write.

Prints one line of JSON: the modes of the files beside it while it is open, or the sentence of a refusal.
"""

import asyncio
import json
import os
import sys
from pathlib import Path

from sqlalchemy import text

from coatcheck.database import Database
from coatcheck.problems import StartRefused

NOBODY = 65534


async def main(path: Path) -> None:
    modes: dict[str, str] = {}
    for number in range(2):
        database = Database(f"sqlite:///{path}")
        await database.open()
        await database.execute(text("CREATE TABLE IF NOT EXISTS words (word TEXT)"))
        await database.execute(text(f"INSERT INTO words VALUES ('{number}')"))
        modes = {file.name: oct(file.stat().st_mode & 0o777) for file in path.parent.iterdir()}
        modes["folder"] = oct(path.parent.stat().st_mode & 0o777)
        await database.backup(path.with_name(f"copy{number}"))
        modes["copy"] = oct(path.with_name(f"copy{number}").stat().st_mode & 0o777)
        await database.close()
    print(json.dumps(modes))


if __name__ == "__main__":
    os.umask(int(sys.argv[2], 8))
    if os.geteuid() == 0:
        os.setgid(NOBODY)
        os.setuid(NOBODY)
    try:
        asyncio.run(main(Path(sys.argv[1])))
    except StartRefused as refusal:
        print(json.dumps({"refused": refusal.sentence}))
