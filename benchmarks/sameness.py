"""Does the time of a refused login tell whether the name exists? Known names against unknown ones.

    python benchmarks/sameness.py        (or with all others: make bench)

One connection sends pairs, one of each kind in random order, and each pair gives one difference. Printed: the
median difference, and the interval that holds it in 95 of 100 by the bootstrap. Exits 1 when it leaves the goal:
±1 ms for 500 pairs at the default cost, ±0.05 ms for 20,000 at the cheapest, where nothing else hides in the hash.
The guessing limits are off for these, because they end it after a few; the third measurement has them on: known
and unknown names that are refused with 429.
"""

import argparse
import random
import socket
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).parent.parent))  # so that it starts from any folder

from benchmarks._rig import ONE_CORE, machine, request, todo_server
from tests.support.person import Person
from tests.support.server import CHEAP

RESAMPLES = 1_000
WARM_UP = 20
ACCOUNTS = 50
WRONG = "wrong password"
OFF = {"COATCHECK_THROTTLE": "false"}


@dataclass(frozen=True)
class Measurement:
    """What is measured. goal: milliseconds, in both directions. status: of every answer."""

    title: str
    settings: dict[str, str]
    pairs: int
    goal: float
    status: int


MEASUREMENTS = [
    Measurement("default cost", OFF, 500, 1.0, 401),
    Measurement("cheapest cost", {**CHEAP, **OFF}, 20_000, 0.05, 401),
    Measurement("limits reached", CHEAP, 2_000, 0.05, 429),
]


class Line:
    """One connection, and how long an answer takes on it."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def milliseconds(self, username: str, status: int | None = None) -> float:
        """From the request's first byte to the answer's last."""
        written = request("POST", "/login", {"username": username, "password": WRONG}).encode()
        began = time.perf_counter()
        self._socket.sendall(written)
        answer = self._socket.recv(65_536)
        while not _is_whole(answer):
            answer += self._socket.recv(65_536)
        taken = (time.perf_counter() - began) * 1_000
        if status is not None and int(answer[9:12]) != status:
            raise SystemExit(f"An answer was not what was measured: {answer.decode()}")
        return taken


def _is_whole(answer: bytes) -> bool:
    head, end, body = answer.partition(b"\r\n\r\n")
    if not end:
        return False
    return len(body) == int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])


def differences(line: Line, known: list[str], unknown: list[str], what: Measurement, pairs: int) -> list[float]:
    """Known minus unknown, in milliseconds, a pair each."""
    found = []
    for _ in range(pairs):
        first_known = random.random() < 0.5
        names = [random.choice(known), random.choice(unknown)]
        taken = {name: line.milliseconds(name, what.status) for name in (names if first_known else names[::-1])}
        found.append(taken[names[0]] - taken[names[1]])
    return found


def interval(values: list[float]) -> tuple[float, float]:
    """Where the median lies in 95 of 100 resamples."""
    medians = sorted(median(random.choices(values, k=len(values))) for _ in range(RESAMPLES))
    return medians[int(0.025 * RESAMPLES)], medians[int(0.975 * RESAMPLES) - 1]


def measure(what: Measurement, pairs: int) -> bool:
    """Print it; whether the goal is met."""
    with tempfile.TemporaryDirectory() as folder, todo_server(Path(folder), what.settings, ONE_CORE) as server:
        with server.client() as client:
            known = [Person(client, f"known{number:03}").username for number in range(ACCOUNTS)]
        unknown = [f"other{number:03}" for number in range(ACCOUNTS)]
        line = Line(server.port)
        if what.status == 429:
            for name in known + unknown:
                for _ in range(6):
                    line.milliseconds(name)
        differences(line, known, unknown, what, WARM_UP)
        found = differences(line, known, unknown, what, pairs)
    low, high = interval(found)
    met = -what.goal <= low and high <= what.goal
    print(
        f"{what.title:<15} {pairs:>6,} pairs, {what.status}: median {median(found):+.4f} ms, "
        f"95 % in {low:+.4f} … {high:+.4f} ms; goal ±{what.goal} ms: {'met' if met else 'MISSED'}",
        flush=True,
    )
    return met


def main() -> None:
    """Measure all of them."""
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--pairs", type=int, help="instead of each measurement's own number")
    given, _ = parser.parse_known_args()
    print(machine())
    results = [measure(what, given.pairs or what.pairs) for what in MEASUREMENTS]
    sys.exit(0 if all(results) else 1)


if __name__ == "__main__":
    main()
