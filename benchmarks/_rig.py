"""What the benchmarks start and stop: servers on chosen cores, load on the others."""

import json
import os
import platform
import random
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.server import ROOT, Server, clean_environment

CORES = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
ONE_CORE = {CORES[0]} if len(CORES) > 1 else None
OTHER_CORES = set(CORES[1:]) if len(CORES) > 1 else None
LOAD = Path(__file__).with_name("_load.py")
EMPTY = Path(__file__).with_name("_empty.py")
RESAMPLES = 1_000


@contextmanager
def pinned(cores: set[int] | None) -> Generator[None]:
    """Processes begun inside run on these cores alone, where the system can do that."""
    if cores is None:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


@dataclass(frozen=True)
class Run:
    """What one load has measured. core: the share of a core that the load itself took. Waits in ms."""

    failure: str
    answers: int
    seconds: float
    core: float
    p50: float
    p99: float
    longest: float

    @property
    def per_second(self) -> float:
        return self.answers / self.seconds


class Load:
    """A load under way, in a process of its own."""

    def __init__(
        self,
        port: int,
        requests: str | list[str],
        connections: int,
        seconds: float,
        cores: set[int] | None = OTHER_CORES,
        warm_seconds: float = 0.0,
    ) -> None:
        plan = {
            "port": port,
            "requests": [requests] if isinstance(requests, str) else requests,
            "connections": connections,
            "seconds": seconds,
            "warm_seconds": warm_seconds,
        }
        with pinned(cores):
            self._process = subprocess.Popen(
                [sys.executable, str(LOAD), json.dumps(plan)], stdout=subprocess.PIPE, text=True
            )

    @property
    def pid(self) -> int:
        """Of its process."""
        return self._process.pid

    def result(self) -> Run:
        """Wait for its end."""
        output, _ = self._process.communicate()
        run = Run(**json.loads(output))
        if run.failure:
            raise SystemExit(f"An answer was not what was measured: {run.failure}")
        return run


def request(method: str, path: str, body: object = None, *, token: str | None = None) -> str:
    """A request as it goes over the wire."""
    content = "" if body is None else json.dumps(body)
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost"]
    if body is not None:
        lines += ["Content-Type: application/json", f"Content-Length: {len(content)}"]
    if token is not None:
        lines.append(f"Authorization: Bearer {token}")
    return "\r\n".join([*lines, "", content])


@contextmanager
def todo_server(folder: Path, settings: Mapping[str, str], cores: set[int] | None) -> Generator[Server]:
    """`python app.py` with its request log, as a user starts it."""
    with pinned(cores):
        server = Server(folder, settings)
    try:
        yield server
    finally:
        server.stop()


@dataclass(frozen=True)
class Empty:
    """Where the empty endpoint runs."""

    pid: int
    port: int


@contextmanager
def empty_server(port: int, cores: set[int] | None) -> Generator[Empty]:
    """The empty endpoint."""
    with pinned(cores):
        process = subprocess.Popen(
            [sys.executable, str(EMPTY), str(port)], stdout=subprocess.PIPE, env=clean_environment()
        )
    try:
        assert process.stdout is not None
        process.stdout.readline()
        yield Empty(process.pid, port)
    finally:
        process.terminate()
        process.communicate()


def cpu_seconds(pid: int) -> float:
    """What a process has used so far, in its own code and the system's; 0 where that is not told so."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except FileNotFoundError:
        return 0.0
    user, system = int(fields[11]), int(fields[12])  # proc(5): utime, stime
    return (user + system) / os.sysconf("SC_CLK_TCK")


def interval(values: list[float], of: Callable[[list[float]], float]) -> tuple[float, float]:
    """Where the median, or the mean, of such values lies in 95 of 100 resamples (the bootstrap)."""
    found = sorted(of(random.choices(values, k=len(values))) for _ in range(RESAMPLES))
    return found[int(0.025 * RESAMPLES)], found[int(0.975 * RESAMPLES) - 1]


def machine() -> str:
    """What the figures depend on."""
    with tempfile.TemporaryFile(dir=ROOT) as file:
        began, syncs = time.perf_counter(), 0
        while time.perf_counter() - began < 0.5:
            os.pwrite(file.fileno(), b"x" * 4096, 0)
            os.fsync(file.fileno())
            syncs += 1
    return (
        f"{len(CORES) or os.cpu_count()} cores, Python {platform.python_version()}, "
        f"SQLite {sqlite3.sqlite_version}, {platform.system()}, {syncs * 2:,} fsyncs/s"
    )
