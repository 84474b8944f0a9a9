"""What a database URL means: which engine, which file, and how it may be shown."""

import re
import shlex
from itertools import zip_longest
from pathlib import Path
from urllib.parse import unquote

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from coatcheck.problems import StartRefused

FORMS = "sqlite:///path/to/file.db or postgresql://user:password@host/name"

# libpq's names: password, sslpassword, oauth_client_secret; passfile and sslkey are only files.
SECRET_PARAMETER = re.compile("password|secret$")


def sqlite_path(url: str) -> Path | None:
    """The file of a SQLite URL, None for PostgreSQL.

    What is written as %20 is a space, as in any URL; a % of the name itself is %25 and a ? is %3F.
    Raises StartRefused for any other URL; the sentence does not repeat it, for it may hold a password.
    """
    scheme, separator, rest = url.partition("://")
    if not separator:
        raise StartRefused(f"COATCHECK_DATABASE_URL is not a database URL. Write {FORMS}.")
    if scheme == "postgresql":
        _parameters(url)
        return None
    if scheme != "sqlite":
        raise StartRefused(f"COATCHECK_DATABASE_URL names no database that is known here. Write {FORMS}.")
    name = unquote(rest[1:])
    if not rest.startswith("/") or name in {"", ":memory:"} or "?" in rest or "\0" in name:
        raise StartRefused(
            "COATCHECK_DATABASE_URL must name a file: sqlite:///path/to/file.db, three slashes and no options "
            "(a database in memory would lose every account at a restart)."
        )
    return Path(name)


def absolute(url: str, directory: Path) -> str:
    """The same URL with a relative SQLite path counted from `directory`."""
    path = sqlite_path(url)
    if path is None:
        return url
    return sqlite_url(directory.absolute() / path)


def sqlite_url(path: Path) -> str:
    """The URL of a SQLite file."""
    return "sqlite:///" + str(path).replace("%", "%25").replace("?", "%3F")


def shown(url: str) -> str:
    """The URL for people: without the password, a file by its path."""
    path = sqlite_path(url)
    if path is not None:
        return str(path)
    # Put together anew: a password can stand in several places of a URL.
    parts = _parameters(url)
    user, hosts, ports = (parts.get(name, "").split(",") for name in ("user", "host", "port"))
    addresses = [":".join(filter(None, pair)) for pair in zip_longest(hosts, ports)]
    return f"postgresql://{'@'.join(filter(None, [*user, ','.join(addresses)]))}/{parts.get('dbname', '')}"


def pg_dump(url: str, target: Path) -> str:
    """The command that copies this PostgreSQL database into a file. It asks for the password."""
    return f"pg_dump --format=custom --file={_file(target)} --dbname={_dbname(url)}"


def pg_restore(url: str, source: Path) -> str:
    """The command that brings such a file into this PostgreSQL database, a new and empty one."""
    return f"pg_restore --no-owner --exit-on-error --single-transaction --dbname={_dbname(url)} {_file(source)}"


def _dbname(url: str) -> str:
    parts = {name: value for name, value in _parameters(url).items() if not SECRET_PARAMETER.search(name)}
    return shlex.quote(make_conninfo(**parts))


def _file(path: Path) -> str:
    return shlex.quote(str(path))


def _parameters(url: str) -> dict[str, str]:
    """What libpq reads in the URL: several hosts and its own options included."""
    try:
        parts = {name: str(value) for name, value in conninfo_to_dict(url).items()}
    except (psycopg.Error, ValueError):
        raise StartRefused(f"COATCHECK_DATABASE_URL is not a database URL. Write {FORMS}.") from None
    if (
        "@" in parts.get("host", "") + parts.get("dbname", "")
        or not parts.get("port", "0").replace(",", "").isdigit()
    ):
        # libpq takes what follows a / or : in a password for the database or the port, and we would show it.
        raise StartRefused(
            "COATCHECK_DATABASE_URL cannot be read: in its password write @ as %40, / as %2F, : as %3A and % as %25."
        )
    return parts
