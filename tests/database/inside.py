"""What these tests reach for inside: SQLite's connections, and the commits in its write-ahead log."""

import sqlite3
import struct
from pathlib import Path

from coatcheck.database import Database
from coatcheck.database.sqlite import SQLite

# https://www.sqlite.org/fileformat2.html#the_write_ahead_log
HEADER = struct.Struct(">IIIIIIII")
FRAME = struct.Struct(">IIIIII")


def write_connection(database: Database) -> sqlite3.Connection:
    """The connection on which all writes take turns."""
    assert isinstance(database._engine, SQLite)
    assert database._engine._writer is not None
    return database._engine._writer.pen.connection


def read_connection(database: Database) -> sqlite3.Connection:
    """The connection on which the event loop reads."""
    assert isinstance(database._engine, SQLite)
    assert database._engine._reader is not None
    return database._engine._reader._connection


def log_size(file: Path) -> int:
    """How many bytes the write-ahead log of a database has."""
    return Path(f"{file}-wal").stat().st_size


def commits(file: Path) -> int:
    """How many commits the write-ahead log of a database holds; it starts anew after a checkpoint."""
    path = Path(f"{file}-wal")
    log = path.read_bytes() if path.exists() else b""
    if not log:
        return 0
    page_size, salt = HEADER.unpack_from(log)[2], HEADER.unpack_from(log)[4:6]
    found = 0
    for offset in range(HEADER.size, len(log), FRAME.size + page_size):
        _, pages_after_commit, *rest = FRAME.unpack_from(log, offset)
        if tuple(rest[:2]) != salt:
            break  # left over from before the log started anew
        found += pages_after_commit != 0
    return found
