"""The manual's systemd unit: systemd accepts it, it hides what it can, and its commands do what it says."""

import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from coatcheck import Settings
from coatcheck.keys import Secret
from tests.docs.pages import blocks
from tests.support.postgresql import free_port, wait_for_port
from tests.support.server import ROOT, clean_environment

FILES = {block.title: block.text for block in blocks(ROOT / "docs" / "deploy.md") if block.title}
UNIT = FILES["coatcheck.service"]
EXPOSURE = 19  # of 100, as systemd-analyze counts; half of these lines gone, it is 55
LONGEST_START_SECONDS = 30


def values(name: str) -> list[str]:
    """What the unit sets a name to, each time."""
    return re.findall(rf"^{name}=(.*)$", UNIT, re.MULTILINE)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """/srv/app, the state and the credentials, in a folder."""
    for folder in ("srv", "state/coatcheck", "credentials"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "srv" / "main.py").write_text(FILES["main.py"])
    (tmp_path / "srv" / ".venv").symlink_to(sys.prefix)
    (tmp_path / "credentials" / "secret").write_text(Secret.new_text())
    return tmp_path


def here(text: str, place: Path) -> str:
    """A value with its paths in that folder."""
    folders = {"/srv/app": "srv", "%S": "state", "%d": "credentials"}
    for name, folder in folders.items():
        text = text.replace(name, str(place / folder))
    return text


def environment(place: Path) -> dict[str, str]:
    return dict(here(value, place).split("=", 1) for value in values("Environment"))


def analyze(command: str, file: Path, *options: str) -> subprocess.CompletedProcess[str]:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd is not installed; the unit's commands are run all the same")
    return subprocess.run(
        ["systemd-analyze", command, *options, str(file)], capture_output=True, text=True, timeout=60, check=False
    )


def test_systemd_has_nothing_to_say(place: Path) -> None:
    file = place / "coatcheck.service"
    file.write_text(UNIT.replace("/srv/app", str(place / "srv")))
    done = analyze("verify", file, "--man=no")
    said = [line for line in (done.stdout + done.stderr).splitlines() if "coatcheck.service" in line]
    assert said == []


def test_the_service_can_do_little_else(place: Path) -> None:
    file = place / "coatcheck.service"
    file.write_text(UNIT)
    done = analyze("security", file, "--offline=yes", f"--threshold={EXPOSURE}", "--no-pager")
    assert done.returncode == 0, done.stdout[-2_000:]


def test_its_settings_are_real_and_the_secret_is_handed_over_as_a_file(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment(place).items():
        assert name.removeprefix("COATCHECK_").lower() in Settings.model_fields
        monkeypatch.setenv(name, value)
    settings = Settings.read(place)
    settings.refuse_unsafe()
    assert settings.secret_file == place / "credentials" / "secret"
    assert settings.absolute_database_url == f"sqlite:///{place}/state/coatcheck/app.db"
    assert values("LoadCredential") == ["secret:/etc/coatcheck/secret"]


def test_it_is_started_again_when_it_falls_and_is_ended_by_the_signal_that_ends_it_well() -> None:
    assert values("Restart") == ["on-failure"]
    assert values("KillSignal") == ["SIGTERM"]
    (command,) = values("ExecStart")
    assert int(values("TimeoutStopSec")[0]) > int(command.rpartition("--timeout-graceful-shutdown ")[2])


def test_its_commands_make_the_schema_serve_and_end(place: Path) -> None:
    port = free_port()
    given = clean_environment() | environment(place) | {"UVICORN_PORT": str(port)}
    (before,), (command,) = values("ExecStartPre"), values("ExecStart")
    subprocess.run(here(before, place).split(), cwd=place / "srv", env=given, check=True, capture_output=True)
    with (place / "log").open("wb") as log:
        server = subprocess.Popen(here(command, place).split(), cwd=place / "srv", env=given, stderr=log, stdout=log)
    try:
        wait_for_port(port, LONGEST_START_SECONDS)
        with urlopen(f"http://127.0.0.1:{port}/auth/ready", timeout=10) as answer:
            assert answer.status == 200
    except URLError:
        pytest.fail((place / "log").read_text())
    finally:
        server.send_signal(getattr(signal, values("KillSignal")[0]))
        code = server.wait(int(values("TimeoutStopSec")[0]))
    assert code in {0, -signal.SIGTERM}  # systemd counts either as a clean end
    assert (place / "state" / "coatcheck" / "app.db").exists()
