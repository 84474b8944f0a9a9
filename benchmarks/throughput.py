"""What an answer costs: lists against an empty endpoint, creates from many against creates from one.

    make bench        (or: python benchmarks/throughput.py --seconds 3 --rounds 5)

Compares ratios within one run, because the machine differs from day to day. What is compared takes
turns (A B A B …), and each figure is the median of its rounds. Exits 1 when a goal is missed.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from sqlalchemy import Column, Integer, MetaData, Table, Text, bindparam, insert, text

from coatcheck import Database

sys.path.insert(0, str(Path(__file__).parent.parent))  # so that it starts from any folder

from benchmarks._rig import (
    ONE_CORE,
    Load,
    Run,
    cpu_seconds,
    empty_server,
    machine,
    measure,
    request,
    todo_server,
)
from tests.support.person import Person
from tests.support.postgresql import Cluster, free_port
from tests.support.server import CHEAP, Server

TODOS = 20
LIST_CONNECTIONS = 16
MANY = 64
LOGINS_AT_ONCE = 32
BUSIEST_LOAD = 0.9

notes = Table("notes", MetaData(), Column("id", Integer, primary_key=True), Column("text", Text))
ADD = insert(notes).values(text=bindparam("text"))
MAKE = text("CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT)")


@dataclass(frozen=True)
class Comparison:
    """Two rates and what their ratio should be at least; goal None: for information."""

    what: str
    upper: float
    lower: float
    goal: float | None

    @property
    def ratio(self) -> float:
        return self.upper / self.lower

    @property
    def verdict(self) -> str:
        if self.goal is None:
            return "for information"
        return f"goal {self.goal:g}: {'held' if self.ratio >= self.goal else 'MISSED'}"


def by_turns(rounds: int, *measured: Callable[[], float]) -> list[float]:
    """The median of each, measured A B A B …; the first round warms up and does not count."""
    for run in measured:
        run()
    results: list[list[float]] = [[] for _ in measured]
    for _ in range(rounds):
        for result, run in zip(results, measured, strict=True):
            result.append(run())
    return [median(result) for result in results]


def rate(pid: int, what: str, load: Callable[[], Run]) -> float:
    """Answers per second. Prints what each has cost the server, which others on the machine change less."""
    before = cpu_seconds(pid)
    run = load()
    each = (cpu_seconds(pid) - before) / run.answers * 1_000_000
    remark = "; the load was busy, this may be too low" if run.core > BUSIEST_LOAD else ""
    print(f"    {what:<11} {run.per_second:>7,.0f} per second, {each:>4.0f} µs of the server's CPU each{remark}")
    return run.per_second


def person(server: Server) -> Person:
    with server.client() as client:
        somebody = Person(client)
        for number in range(TODOS):
            somebody.add_todo(f"Learn JWT, part {number}")
    return somebody


def lists(folder: Path, settings: dict[str, str], seconds: float, rounds: int) -> tuple[float, float]:
    """Authenticated lists of 20 todos, and empty answers, per second, each by a server on one core."""
    with todo_server(folder, settings, ONE_CORE) as server, empty_server(free_port(), ONE_CORE) as empty:
        todos = request("GET", "/todos", token=person(server).token)
        nothing = request("GET", "/")
        ours, theirs = by_turns(
            rounds,
            lambda: rate(server.process.pid, "list", lambda: measure(server.port, todos, LIST_CONNECTIONS, seconds)),
            lambda: rate(empty.pid, "empty", lambda: measure(empty.port, nothing, LIST_CONNECTIONS, seconds)),
        )
    return ours, theirs


def creates(folder: Path, settings: dict[str, str], seconds: float, rounds: int) -> tuple[float, float]:
    """Todos added per second by 64 clients and by one; each is on the disk before its answer."""
    with todo_server(folder, settings, None) as server:
        pid = server.process.pid
        adding = request("POST", "/todos", {"title": "Learn JWT"}, token=person(server).token)
        many, one = by_turns(
            rounds,
            lambda: rate(pid, f"{MANY} clients", lambda: measure(server.port, adding, MANY, seconds, None)),
            lambda: rate(pid, "1 client", lambda: measure(server.port, adding, 1, seconds, None)),
        )
    return many, one


async def without_http(folder: Path, seconds: float, rounds: int) -> tuple[float, float]:
    """Rows per second through `Database`, each committed: by 64 tasks and by one."""
    database = Database(f"sqlite:///{folder / 'notes.db'}")
    await database.open()
    await database.execute(MAKE)

    async def write(until: float) -> int:
        written = 0
        while time.perf_counter() < until:
            await database.execute(ADD, {"text": "Learn JWT"})
            written += 1
        return written

    async def rows_per_second(tasks: int) -> float:
        until = time.perf_counter() + seconds
        return sum(await asyncio.gather(*(write(until) for _ in range(tasks)))) / seconds

    results: list[list[float]] = [[], []]
    for _ in range(rounds):
        for result, tasks in zip(results, (MANY, 1), strict=True):
            result.append(await rows_per_second(tasks))
    await database.close()
    return median(results[0]), median(results[1])


def lists_while_others_log_in(folder: Path, seconds: float) -> tuple[Run, Run, Run]:
    """One client's lists, alone and beside 32 that log in at full hashing cost; and those logins."""
    with todo_server(folder, {}, None) as server:
        somebody = person(server)
        todos = request("GET", "/todos", token=somebody.token)
        alone = measure(server.port, todos, 1, seconds, None)
        logins = Load(server.port, request("POST", "/login", somebody.credentials), LOGINS_AT_ONCE, seconds + 1, None)
        time.sleep(0.5)
        beside = measure(server.port, todos, 1, seconds, None)
        return alone, beside, logins.result()


@contextmanager
def postgresql() -> Generator[dict[str, str]]:
    """The settings of a server on a new PostgreSQL."""
    with tempfile.TemporaryDirectory() as folder:
        cluster = Cluster(Path(folder) / "data")
        try:
            yield {**CHEAP, "COATCHECK_DATABASE_URL": cluster.url(cluster.new_database())}
        finally:
            cluster.stop()


def compare(folder: Path, seconds: float, rounds: int) -> Generator[Comparison]:
    yield Comparison(
        f"list of {TODOS} : empty endpoint, one core, SQLite", *lists(folder / "a", CHEAP, seconds, rounds), 0.5
    )
    yield Comparison(
        f"create, {MANY} clients : 1 client, SQLite", *creates(folder / "b", CHEAP, seconds, rounds), 1.5
    )
    yield Comparison(
        f"Database without HTTP, {MANY} tasks : 1, SQLite", *asyncio.run(without_http(folder, seconds, rounds)), 2
    )
    with postgresql() as settings:
        yield Comparison(
            f"list of {TODOS} : empty endpoint, one core, PostgreSQL",
            *lists(folder / "c", settings, seconds, rounds),
            None,
        )
        yield Comparison(
            f"create, {MANY} clients : 1 client, PostgreSQL", *creates(folder / "c", settings, seconds, rounds), None
        )


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    arguments.add_argument("--seconds", type=float, default=2, help="how long one measurement takes")
    arguments.add_argument("--rounds", type=int, default=5, help="how many of each; the median counts")
    chosen = arguments.parse_args()
    print(machine())
    missed = 0
    with tempfile.TemporaryDirectory(dir=Path(__file__).parent, prefix=".run-") as place:
        folder = Path(place)
        for compared in compare(folder, chosen.seconds, chosen.rounds):
            missed += "MISSED" in compared.verdict
            print(
                f"{compared.what:<52} {compared.upper:>8,.0f} : {compared.lower:>7,.0f} per second"
                f"  = {compared.ratio:5.2f}   {compared.verdict}",
                flush=True,
            )
        alone, beside, logins = lists_while_others_log_in(folder / "d", chosen.seconds)
    print(
        f"a list, alone: median {alone.p50:.1f} ms, p99 {alone.p99:.1f} ms\n"
        f"a list, beside {LOGINS_AT_ONCE} clients that log in ({logins.per_second:.0f} logins/s): "
        f"median {beside.p50:.1f} ms, p99 {beside.p99:.1f} ms, longest {beside.longest:.0f} ms"
    )
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
