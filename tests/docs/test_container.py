"""The manual's container, without Docker: its steps are run, its command is started with compose's settings."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from coatcheck import Settings
from coatcheck.keys import Secret
from tests.docs.dockerfile import Image, build, instructions
from tests.docs.pages import blocks
from tests.support.postgresql import Cluster, free_port
from tests.support.server import ROOT, clean_environment, install_application

PAGE = ROOT / "docs" / "deploy.md"
FILES = {block.title: block.text for block in blocks(PAGE) if block.title}
DOCKERFILE = FILES["Dockerfile"]
COMPOSE: Any = yaml.safe_load(FILES["compose.yaml"])
APP = COMPOSE["services"]["app"]
NO_NETWORK = re.compile(r"dns|connect|resolv|timed out|Failed to fetch", re.IGNORECASE)
LONGEST_START_SECONDS = 30
TODO_APP = {"main:app": "app:app", "/auth/": "/"}  # as the page says it


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the page tells to write, locked as it tells, with this wheel in the place of the published one."""
    folder = tmp_path_factory.mktemp("context")
    for name in ("main.py", "requirements.in"):
        (folder / name).write_text(FILES[name])
    wheels = folder / "wheels"
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(wheels), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True)
    lock = shlex.split(FILES["requirements.in"].splitlines()[0].removeprefix("# "))
    assert lock[:3] == ["uv", "pip", "compile"]
    done = subprocess.run(
        [sys.executable, "-m", *lock, "--constraints", str(ROOT / "requirements" / "run.txt")],
        cwd=folder,
        env=clean_environment() | {"UV_FIND_LINKS": str(wheels)},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0 and NO_NETWORK.search(done.stderr):
        pytest.skip("The package index cannot be reached; the container's steps need it.")
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def image(context: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Image]:
    folder = tmp_path_factory.mktemp("image")
    given = {name: value for name, value in clean_environment().items() if not name.startswith("PYTHON")}
    yield build(DOCKERFILE, context, folder / "root", given | {"PIP_FIND_LINKS": str(context / "wheels")})
    shutil.rmtree(folder)


def test_only_named_files_go_in_and_no_secret() -> None:
    copied = [rest for instruction, rest in instructions(DOCKERFILE) if instruction == "COPY"]
    assert copied == ["requirements.txt .", "--from=build /app/.venv .venv", "main.py ."]
    assert "SECRET" not in DOCKERFILE


def test_the_steps_end_in_a_slim_image_whose_user_is_not_root(image: Image) -> None:
    assert re.fullmatch(r"python:3\.1[1-9]-slim", image.base)
    assert re.fullmatch(r"[1-9]\d+:[1-9]\d+", image.user)
    data = image.root / "app" / "data"
    assert data.stat().st_mode & 0o777 == 0o700
    assert data.stat().st_uid == os.getuid()
    assert (image.root / "app" / "main.py").read_text() == FILES["main.py"]


def test_everything_is_installed_by_its_hash(context: Path) -> None:
    locked = (context / "requirements.txt").read_text()
    names = re.findall(r"^([a-z][\w.-]*)(?:\[\w+\])?==", locked, re.MULTILINE)
    assert {"coatcheck", "fastapi", "psycopg-binary"} <= set(names)
    assert locked.count("--hash=sha256:") >= len(names)
    assert "--require-hashes" in DOCKERFILE


@pytest.mark.parametrize("instead", [{}, TODO_APP], ids=["an application of one's own", "the todo app"])
def test_it_migrates_starts_is_healthy_and_stops_with_composes_settings(
    instead: dict[str, str], image: Image, cluster: Cluster, tmp_path: Path
) -> None:
    install_application(image.root / "app")
    secret = tmp_path / "app.secret"
    secret.write_text(Secret.new_text())
    name, port = cluster.new_database(), free_port()
    settings = APP["environment"] | {
        "COATCHECK_DATABASE_URL": cluster.url(name),
        "COATCHECK_SECRET_FILE": str(secret),
        "UVICORN_PORT": str(port),  # the page's port may be in use here
    }
    server = image.run(_changed(image.command, instead), settings)
    try:
        check = _changed(image.health, {":8000": f":{port}"} | instead)
        deadline = time.monotonic() + LONGEST_START_SECONDS
        while not _succeeds(image, check):
            assert server.poll() is None, server.communicate()[0]
            assert time.monotonic() < deadline
    finally:
        server.terminate()  # goes to the server itself: the shell has handed its place over
        printed, _ = server.communicate(timeout=10)
        cluster.drop_database(name)
    assert "The schema is up to date now." in printed
    assert "Application shutdown complete" in printed


def _changed(arguments: list[str], instead: dict[str, str]) -> list[str]:
    for printed, meant in instead.items():
        arguments = [argument.replace(printed, meant) for argument in arguments]
    return arguments


def _succeeds(image: Image, arguments: list[str]) -> bool:
    program = image.run(arguments, {})
    program.communicate()
    return program.returncode == 0


def test_compose_gives_real_settings_and_the_secret_as_a_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    names = {name.removeprefix("COATCHECK_").lower() for name in APP["environment"]}
    assert names <= set(Settings.model_fields)
    for name, value in APP["environment"].items():
        monkeypatch.setenv(name, re.sub(r"\$\{POSTGRES_PASSWORD:\?[^}]*}", "Password1", value))
    settings = Settings.read(tmp_path)
    settings.refuse_unsafe()
    (secret,) = APP["secrets"]
    assert str(settings.secret_file) == f"/run/secrets/{secret}"
    assert settings.absolute_database_url == "postgresql://app:Password1@db/app"
    (made,) = [block.text for block in blocks(PAGE) if "secret new" in block.text]
    assert COMPOSE["secrets"][secret]["file"].removeprefix("./") in made


def test_compose_waits_for_the_database_keeps_it_and_opens_no_port_to_the_network() -> None:
    database = COMPOSE["services"]["db"]
    assert APP["depends_on"]["db"]["condition"] == "service_healthy"
    assert database["healthcheck"]["test"][:2] == ["CMD", "pg_isready"]
    assert {database["environment"][name] for name in ("POSTGRES_USER", "POSTGRES_DB")} == {"app"}
    volume, _, place = database["volumes"][0].partition(":")
    assert volume in COMPOSE["volumes"]
    assert place == "/var/lib/postgresql"  # where PostgreSQL 18's image keeps its data, a folder for each version
    assert APP["ports"] == ["127.0.0.1:8000:8000"]
    assert "ports" not in database


def test_docker_compose_takes_the_file(tmp_path: Path) -> None:
    if (
        shutil.which("docker") is None
        or subprocess.run(["docker", "compose", "version"], capture_output=True).returncode
    ):
        pytest.skip("Docker Compose is not installed; the file was read as YAML")
    (tmp_path / "compose.yaml").write_text(FILES["compose.yaml"])
    command = ["docker", "compose", "config", "--format", "json"]
    done = subprocess.run(
        command,
        cwd=tmp_path,
        env=clean_environment() | {"POSTGRES_PASSWORD": "Password1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["services"].keys() == COMPOSE["services"].keys()
