"""What a database URL means: which engine, which file, and how it may be shown."""

from pathlib import Path

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from coatcheck.problems import StartRefused

FORMS = "sqlite:///path/to/file.db or postgresql://user:password@host/name"


def parse(url: str) -> URL:
    """The parts of a URL of one of the two engines.

    Raises StartRefused for anything else; the sentence does not repeat the URL, which may hold a
    password.
    """
    try:
        parts = make_url(url)
    except (ArgumentError, ValueError):
        raise StartRefused(f"COATCHECK_DATABASE_URL is not a database URL. Write {FORMS}.") from None
    if parts.drivername not in {"sqlite", "postgresql"}:
        raise StartRefused(f"COATCHECK_DATABASE_URL names no database that is known here. Write {FORMS}.")
    if parts.drivername == "sqlite" and (parts.database in (None, "", ":memory:") or parts.query or parts.host):
        raise StartRefused(
            "COATCHECK_DATABASE_URL must name a file: sqlite:///path/to/file.db "
            "(a database in memory would lose every account at a restart)."
        )
    return parts


def sqlite_path(url: str) -> Path | None:
    """The file of a SQLite URL, None for PostgreSQL."""
    parts = parse(url)
    return Path(parts.database) if parts.drivername == "sqlite" and parts.database else None


def absolute(url: str, directory: Path) -> str:
    """The same URL with a relative SQLite path counted from `directory`."""
    path = sqlite_path(url)
    return url if path is None else f"sqlite:///{directory.absolute() / path}"


def shown(url: str) -> str:
    """The URL for people: without the password, a file by its path."""
    path = sqlite_path(url)
    return str(path) if path is not None else parse(url).render_as_string(hide_password=True)
