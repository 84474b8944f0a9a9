"""Run as a script: bring the database argv[1] up to date, and say whether there was anything to do.

Waits for a line on standard input before it begins, so that several begin at once.
"""

import sys

from coatcheck.database.migrate import Migrations

if __name__ == "__main__":
    migrations = Migrations(sys.argv[1], ["coatcheck.migrations", "todos.migrations"])
    print("ready", flush=True)
    sys.stdin.readline()
    print(migrations.upgrade(), flush=True)
