"""Does the time of a refused login tell whether the name exists? Known names against unknown ones.

    python benchmarks/sameness.py        (or with all others: make bench)

A connection sends pairs, one of each kind in random order, and each pair gives one difference. Printed: the
median difference, and the interval that holds it in 95 of 100 by the bootstrap. Exits 1 when it leaves the goal:
±1 ms for 500 pairs at the default cost, ±0.05 ms for 20,000 at the cheapest, where nothing else hides in the hash.
The guessing limits are off for these, because they end it after a few; the others have them on: known and unknown
names that are refused with 429, and names that fail for the first time, which is written down, on both databases.
"""

import argparse
import random
import socket
import sys
import tempfile
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).parent.parent))  # so that it starts from any folder

from benchmarks._rig import ONE_CORE, interval, machine, request, todo_server
from coatcheck.throttle.limits import WAITS_FROM
from tests.support.person import Person
from tests.support.postgresql import Cluster
from tests.support.server import CHEAP, Server, new_origin

WARM_UP = 20
ACCOUNTS = 50
PAIRS_A_LINE = 20  # an address may guess wrong a hundred times
WRONG = "wrong password"
OFF = {"COATCHECK_THROTTLE": "false"}


@dataclass(frozen=True)
class Measurement:
    """What is measured. goal: milliseconds, in both directions. status: of every answer.

    once: each name is tried no more than that.
    """

    title: str
    settings: dict[str, str]
    pairs: int
    goal: float
    status: int
    once: bool = False
    postgresql: bool = False


MEASUREMENTS = [
    Measurement("default cost", OFF, 500, 1.0, 401),
    Measurement("cheapest cost", {**CHEAP, **OFF}, 20_000, 0.05, 401),
    Measurement("limits reached", CHEAP, 2_000, 0.05, 429),
    # For an account it is written down with its id. A name has one first failure, so nobody else gets a median.
    Measurement("first failure", CHEAP, 2_000, 0.1, 401, once=True),
    Measurement("on PostgreSQL", CHEAP, 2_000, 0.1, 401, once=True, postgresql=True),
]


class Line:
    """One connection, and how long an answer takes on it."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), source_address=(new_origin(), 0))
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


def differences(
    server: Server, known: Iterator[str], unknown: Iterator[str], what: Measurement, pairs: int
) -> list[float]:
    """Known minus unknown, in milliseconds, a pair each."""
    found: list[float] = []
    line = Line(server.port)
    while len(found) < pairs:
        if what.once:
            line = Line(server.port)
        for _ in range(PAIRS_A_LINE):
            names = [next(known), next(unknown)]
            order = names if random.random() < 0.5 else names[::-1]
            taken = {name: line.milliseconds(name, what.status) for name in order}
            found.append(taken[names[0]] - taken[names[1]])
    return found


@contextmanager
def server_for(what: Measurement) -> Generator[Server]:
    """The todo API on the database that is asked for."""
    with tempfile.TemporaryDirectory() as folder:
        cluster = Cluster(Path(folder) / "cluster") if what.postgresql else None
        url = {"COATCHECK_DATABASE_URL": cluster.url(cluster.new_database())} if cluster else {}
        try:
            with todo_server(Path(folder) / "server", {**what.settings, **url}, ONE_CORE) as server:
                yield server
        finally:
            if cluster is not None:
                cluster.stop()


def names_for(server: Server, what: Measurement, pairs: int) -> tuple[list[str], list[str]]:
    """Names that have an account, and as many that nobody has."""
    count = pairs + WARM_UP + PAIRS_A_LINE if what.once else ACCOUNTS
    known: list[str] = []
    while len(known) < count:
        with server.client() as client:  # from an address of its own
            known += [Person(client, f"known{len(known) + one:05}").username for one in range(ACCOUNTS)]
    return known, [f"other{number:05}" for number in range(len(known))]


def exhaust(server: Server, names: list[str]) -> None:
    """Guess at each name until the next guess has to wait."""
    for first in range(0, len(names), PAIRS_A_LINE):
        line = Line(server.port)
        for name in names[first : first + PAIRS_A_LINE] * WAITS_FROM:
            line.milliseconds(name, 401)


def choices(names: list[str], *, once: bool) -> Iterator[str]:
    """Each of them once, or one at random, again and again."""
    if once:
        yield from names
    while not once:
        yield random.choice(names)


def measure(what: Measurement, pairs: int) -> bool:
    """Print it; whether the goal is met."""
    with server_for(what) as server:
        known, unknown = names_for(server, what, pairs)
        if what.status == 429:
            exhaust(server, known + unknown)
        of_known, of_unknown = choices(known, once=what.once), choices(unknown, once=what.once)
        differences(server, of_known, of_unknown, what, WARM_UP)
        found = differences(server, of_known, of_unknown, what, pairs)
    low, high = interval(found, median)
    met = -what.goal <= low and high <= what.goal
    print(
        f"{what.title:<15} {len(found):>6,} pairs, {what.status}: median {median(found):+.4f} ms, "
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
