"""`python app.py` as a user starts it, in a folder of its own."""

import itertools
import os
import queue
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx2

from tests.support.postgresql import free_port

ROOT = Path(__file__).parent.parent.parent
# Hashing at full cost is what some tests are about; the others have no time for it.
CHEAP = {"COATCHECK_ARGON2_MEMORY_KIB": "8", "COATCHECK_ARGON2_TIME_COST": "1"}
START_SECONDS = 30


_origins = itertools.count(1)


def new_origin() -> str:
    """An address of this machine that nobody else uses; where the system has no more than one, that one."""
    if sys.platform != "linux":
        return "127.0.0.1"
    number = next(_origins)
    return f"127.{64 + number // 62_500 % 64}.{number // 250 % 250 + 1}.{number % 250 + 1}"


def clean_environment() -> dict[str, str]:
    """This process's environment without anything of Coatcheck's."""
    return {name: value for name, value in os.environ.items() if not name.startswith("COATCHECK_")}


def install_application(folder: Path) -> None:
    """Put app.py and todos/ into a folder; what the server makes by itself lands there too."""
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(ROOT / "app.py", folder)
    shutil.copytree(ROOT / "todos", folder / "todos", dirs_exist_ok=True)


class Server:
    """A server process. `settings` are COATCHECK_… variables; the port is chosen unless given."""

    def __init__(self, folder: Path, settings: Mapping[str, str] = CHEAP) -> None:
        if not (folder / "app.py").exists():
            install_application(folder)
        self.folder = folder
        self.port = int(settings.get("COATCHECK_PORT") or free_port())
        self.url = f"http://127.0.0.1:{self.port}"
        self.settings = {"COATCHECK_PORT": str(self.port), **settings}
        self.first_line = ""
        self.start()

    def start(self) -> None:
        """Start it, and wait for its first line."""
        with (self.folder / "stderr.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, str(self.folder / "app.py")],
                cwd=self.folder.parent,
                env=clean_environment() | self.settings,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        lines: queue.Queue[str] = queue.Queue()  # each start its own: a stopped one leaves its end mark
        threading.Thread(target=_read, args=(self.process.stdout, lines), daemon=True).start()
        self.first_line = lines.get(timeout=START_SECONDS)
        assert self.first_line, f"it did not start:\n{self.stderr}"

    @property
    def stderr(self) -> str:
        """What it has written to standard error."""
        return (self.folder / "stderr.log").read_text()

    def client(self, origin: str | None = None, **options: Any) -> httpx2.Client:
        """An HTTP client of this server.

        origin: the address that it comes from. Unless given one of its own, so that what one test has guessed wrong
        keeps no other one waiting.
        """
        if "transport" not in options:
            options["transport"] = httpx2.HTTPTransport(
                verify=False,  # reading all certificates takes longer than a test, and there are none here
                local_address=origin or new_origin(),
            )
        return httpx2.Client(base_url=self.url, timeout=30, **options)

    def stop(self, number: int = signal.SIGTERM) -> int:
        """End it with a signal; its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        code = self.process.wait(10)
        if self.process.stdout is not None:
            self.process.stdout.close()
        return code


def _read(stdout: Any, lines: queue.Queue[str]) -> None:
    for line in stdout:
        lines.put(line.rstrip("\n"))
    lines.put("")


def run_app(folder: Path, settings: Mapping[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run app.py where it is expected to refuse to start."""
    if not (folder / "app.py").exists():
        install_application(folder)
    return subprocess.run(
        [sys.executable, str(folder / "app.py"), *arguments],
        cwd=folder.parent,
        env=clean_environment() | dict(settings),
        capture_output=True,
        text=True,
        timeout=START_SECONDS,
        check=False,
    )
