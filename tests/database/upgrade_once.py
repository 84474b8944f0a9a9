"""Run as a script: bring the database argv[1] up to date in argv[2] processes at once.

Each prints whether there was anything to do.
"""

import sys

from coatcheck.database.migrate import Migrations
from tests.database.at_once import at_once, say


def upgrade(_: int) -> None:
    say(str(Migrations(sys.argv[1], ["coatcheck.migrations", "todos.migrations"]).upgrade()))


if __name__ == "__main__":
    at_once(int(sys.argv[2]), upgrade)
