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
    request,
    todo_server,
)
from tests.support.person import Person
from tests.support.postgresql import Cluster, free_port
from tests.support.server import CHEAP, Server

TODOS = 20
LIST_CONNECTIONS = 16  # enough to keep the empty endpoint busy: the two lines of (a) agree on a quiet machine
MANY = 64
LOGINS_AT_ONCE = 32
BUSIEST_LOAD = 0.9

notes = Table("notes", MetaData(), Column("id", Integer, primary_key=True), Column("text", Text))
ADD = insert(notes).values(text=bindparam("text"))
MAKE = text("CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT)")


@dataclass(frozen=True)
class Plan:
    """How long one measurement takes, and how many there are of each."""

    seconds: float
    rounds: int


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


Comparisons = Generator[Comparison]
Settings = dict[str, str]


@dataclass(frozen=True)
class Rate:
    """Answers per second, and per second of the server's CPU: what a whole core would give, if the load
    and whoever else is on the machine let it. 0 where the system does not tell."""

    wall: float
    cpu: float


def by_turns(rounds: int, *measured: Callable[[], Rate]) -> list[Rate]:
    """The median of each, measured A B A B …; the first round warms up and does not count."""
    for run in measured:
        run()
    results: list[list[Rate]] = [[] for _ in measured]
    for _ in range(rounds):
        for result, run in zip(results, measured, strict=True):
            result.append(run())
    return [Rate(median(rate.wall for rate in result), median(rate.cpu for rate in result)) for result in results]


def rate(pid: int, load: Callable[[], Run]) -> Rate:
    """What a server answers under a load."""
    before = cpu_seconds(pid)
    run = load()
    if run.core > BUSIEST_LOAD:
        print(f"    (the load was busy {run.core:.0%} of the time: the next figure may be too low)")
    took = cpu_seconds(pid) - before
    return Rate(run.per_second, run.answers / took if took else 0.0)


def person(server: Server) -> Person:
    with server.client() as client:
        somebody = Person(client)
        for number in range(TODOS):
            somebody.add_todo(f"Learn JWT, part {number}")
    return somebody


def lists(folder: Path, settings: Settings, plan: Plan) -> tuple[Rate, Rate]:
    """Authenticated lists of 20 todos, and empty answers, per second, each by a server on one core."""
    with todo_server(folder, settings, ONE_CORE) as server, empty_server(free_port(), ONE_CORE) as empty:
        todos = request("GET", "/todos", token=person(server).token)
        nothing = request("GET", "/")
        ours, theirs = by_turns(
            plan.rounds,
            lambda: rate(
                server.process.pid, lambda: Load(server.port, todos, LIST_CONNECTIONS, plan.seconds).result()
            ),
            lambda: rate(empty.pid, lambda: Load(empty.port, nothing, LIST_CONNECTIONS, plan.seconds).result()),
        )
    return ours, theirs


def creates(folder: Path, settings: Settings, plan: Plan) -> tuple[Rate, Rate]:
    """Todos added per second by 64 clients and by one; each is on the disk before its answer."""
    with todo_server(folder, settings, None) as server:
        pid = server.process.pid
        adding = request("POST", "/todos", {"title": "Learn JWT"}, token=person(server).token)
        many, one = by_turns(
            plan.rounds,
            lambda: rate(pid, lambda: Load(server.port, adding, MANY, plan.seconds, None).result()),
            lambda: rate(pid, lambda: Load(server.port, adding, 1, plan.seconds, None).result()),
        )
    return many, one


async def without_http(folder: Path, plan: Plan) -> tuple[float, float]:
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
        until = time.perf_counter() + plan.seconds
        return sum(await asyncio.gather(*(write(until) for _ in range(tasks)))) / plan.seconds

    results: list[list[float]] = [[], []]
    for _ in range(plan.rounds):
        for result, tasks in zip(results, (MANY, 1), strict=True):
            result.append(await rows_per_second(tasks))
    await database.close()
    return median(results[0]), median(results[1])


def lists_while_others_log_in(folder: Path, seconds: float) -> tuple[Run, Run, Run]:
    """One client's lists, alone and beside 32 that log in at full hashing cost; and those logins."""
    with todo_server(folder, {}, None) as server:
        somebody = person(server)
        todos = request("GET", "/todos", token=somebody.token)
        alone = Load(server.port, todos, 1, seconds, None).result()
        logins = Load(server.port, request("POST", "/login", somebody.credentials), LOGINS_AT_ONCE, seconds + 1, None)
        time.sleep(0.5)
        beside = Load(server.port, todos, 1, seconds, None).result()
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


def compare_lists(folder: Path, settings: Settings, plan: Plan, engine: str, goal: float | None) -> Comparisons:
    ours, empty = lists(folder, settings, plan)
    what = f"list of {TODOS} : empty endpoint, one core, {engine}"
    yield Comparison(what, ours.wall, empty.wall, goal)
    if ours.cpu and empty.cpu:
        yield Comparison("  the same per second of the server's CPU", ours.cpu, empty.cpu, goal)


def compare_creates(folder: Path, settings: Settings, plan: Plan, engine: str, goal: float | None) -> Comparisons:
    many, one = creates(folder, settings, plan)
    yield Comparison(f"create, {MANY} clients : 1 client, {engine}", many.wall, one.wall, goal)


def compare(folder: Path, plan: Plan) -> Comparisons:
    yield from compare_lists(folder / "a", CHEAP, plan, "SQLite", 0.5)
    yield from compare_creates(folder / "b", CHEAP, plan, "SQLite", 1.5)
    many, one = asyncio.run(without_http(folder, plan))
    yield Comparison(f"Database without HTTP, {MANY} tasks : 1, SQLite", many, one, 2)
    with postgresql() as settings:
        yield from compare_lists(folder / "c", settings, plan, "PostgreSQL", None)
        yield from compare_creates(folder / "c", settings, plan, "PostgreSQL", None)


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    arguments.add_argument("--seconds", type=float, default=2, help="how long one measurement takes")
    arguments.add_argument("--rounds", type=int, default=5, help="how many of each; the median counts")
    chosen = arguments.parse_args()
    print(machine())
    missed = 0
    with tempfile.TemporaryDirectory(dir=Path(__file__).parent, prefix=".run-") as place:
        folder = Path(place)
        for compared in compare(folder, Plan(chosen.seconds, chosen.rounds)):
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
