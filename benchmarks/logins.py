"""What a storm of logins costs: them, and whoever is logged in already.

    python benchmarks/logins.py        (or with all others: make bench)

(a) Logins per second of 200 people at the default cost, against argon2-cffi alone with as many threads. They take
    turns of half a second, and while one is at work the other stands still. A shared machine's speed is another in
    each half second, so twice argon2-cffi alone, measured like this for six seconds each, lies 2 to 3 % apart: many
    rounds are needed, and the interval that they leave is printed. So is what the server computed beside the hashes,
    which hardly depends on that speed.
(b) The wait of 99 of 100 lists of todos while they log in, against a quiet server, in turns.
(c) The server's memory at its highest, against what it was before and what its threads may need.
Exits 1 when a goal is missed.
"""

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, median

sys.path.insert(0, str(Path(__file__).parent.parent))  # so that it starts from any folder

from benchmarks._rig import CORES, Load, Run, interval, machine, request, todo_server
from coatcheck.passwords import OWASP_ARGON2ID
from tests.support.person import Person
from tests.support.server import Server

CLIENTS = 200
READERS = 4
TODOS = 20
WARM_SECONDS = 2.0  # two hundred who come in one moment are read before the first of them is answered
LOGINS_GOAL = 0.9
WAIT_GOAL = 3.0
# Beside the hashes themselves: 200 connections, their requests, and what argon2 leaves in each thread's heap.
BESIDE_HASHES_MIB = 40
# Hashes until its input ends.
ALONE = """
import os, sys, threading
from argon2.low_level import Type, hash_secret_raw
threads, memory, passes = map(int, sys.argv[1:])
over, done = threading.Event(), []
def work():
    while not over.is_set():
        hash_secret_raw(b"secret123", os.urandom(16), passes, memory, 1, 32, Type.ID)
        done.append(1)
workers = [threading.Thread(target=work) for _ in range(threads)]
for worker in workers: worker.start()
print("ready", flush=True)
sys.stdin.read()
over.set()
for worker in workers: worker.join()
print(len(done))
"""
TURN_SECONDS = 0.5


@dataclass(frozen=True)
class Turns:
    """What either has done, and the seconds that it had for it; the server's computing beside its hashes, as a share
    of them."""

    logins: int
    storm_seconds: float
    hashes: int
    alone_seconds: float
    beside: float

    @property
    def share(self) -> float:
        """Logins a second for each hash a second."""
        return self.logins / self.storm_seconds / (self.hashes / self.alone_seconds)


@dataclass(frozen=True)
class Round:
    """Everything once."""

    turns: Turns
    storm: Run
    quiet: Run


def thread_seconds(pid: int) -> dict[bool, float]:
    """Processor time of a process's threads: True is of those that yield to others, the hashing ones."""
    used = {True: 0.0, False: 0.0}
    for thread in Path(f"/proc/{pid}/task").iterdir():
        yields = os.getpriority(os.PRIO_PROCESS, int(thread.name)) > 0
        used[yields] += int((thread / "schedstat").read_text().split()[0]) / 1e9
    return used


def by_turns(server: Server, logins: list[str], seconds: float) -> Turns:
    """A storm of logins, and as many threads of argon2-cffi by itself; either has so many seconds."""
    cost = OWASP_ARGON2ID
    arguments = [str(len(CORES) or 1), str(cost.memory_kib), str(cost.iterations)]
    with subprocess.Popen(
        [sys.executable, "-c", ALONE, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as alone:
        assert alone.stdout is not None
        assert alone.stdin is not None
        alone.stdout.readline()
        alone.send_signal(signal.SIGSTOP)
        load = Load(server.port, logins, CLIENTS, 2 * seconds, None, WARM_SECONDS)
        time.sleep(WARM_SECONDS + 0.5)  # the load has to start, too
        before = thread_seconds(server.process.pid)
        alone_seconds = 0.0
        began = time.perf_counter()
        while time.perf_counter() - began < 2 * (seconds - TURN_SECONDS):
            alone_seconds += turn((load.pid, server.process.pid), (alone.pid,))
            turn((alone.pid,), (load.pid, server.process.pid))
        used = {key: value - before[key] for key, value in thread_seconds(server.process.pid).items()}
        run = load.result()
        alone.send_signal(signal.SIGCONT)
        alone.stdin.close()
        hashes = int(alone.stdout.read())
    # Before the first turn and after the last the storm is by itself.
    return Turns(run.answers, run.seconds - alone_seconds, hashes, alone_seconds, used[False] / used[True])


def turn(still: tuple[int, ...], working: tuple[int, ...]) -> float:
    """These processes stand still while those work; the seconds that it took."""
    for pid in still:
        os.kill(pid, signal.SIGSTOP)
    began = time.perf_counter()
    for pid in working:
        os.kill(pid, signal.SIGCONT)
    time.sleep(TURN_SECONDS)
    return time.perf_counter() - began


def peak_mib(pid: int) -> float:
    """The most memory that a process has held (proc(5): VmHWM)."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1_024
    raise AssertionError("there is no VmHWM")


def people(server: Server) -> list[Person]:
    """Two hundred, each with an account; fifty from one address, which may register no more than 200 at once."""
    found: list[Person] = []
    while len(found) < CLIENTS:
        with server.client() as client:
            found += [Person(client) for _ in range(CLIENTS // 4)]
    return found


def one_round(server: Server, logins: list[str], todos: str, seconds: float) -> Round:
    """Everything once."""
    quiet = Load(server.port, todos, READERS, seconds, None).result()
    turns = by_turns(server, logins, seconds)
    storming = Load(server.port, logins, CLIENTS, seconds + 1, None, WARM_SECONDS)
    storm = Load(server.port, todos, READERS, seconds, None, WARM_SECONDS).result()
    storming.result()
    return Round(turns, storm, quiet)


def report(rounds: list[Round], before: float, peak: float) -> bool:
    """Print what the rounds come to: of logins the mean share, of waits the median; whether every goal is met."""
    turns = [one.turns for one in rounds]
    logins = sum(one.logins for one in turns) / sum(one.storm_seconds for one in turns)
    by_itself = sum(one.hashes for one in turns) / sum(one.alone_seconds for one in turns)
    shares = [one.share for one in turns]
    share, (low, high) = mean(shares), interval(shares, mean)
    beside = mean(one.beside for one in turns)
    quiet, storm = median(one.quiet.p99 for one in rounds), median(one.storm.p99 for one in rounds)
    times = median(one.storm.p99 / one.quiet.p99 for one in rounds)
    may_need = len(CORES) * OWASP_ARGON2ID.memory_kib / 1_024 + BESIDE_HASHES_MIB
    lines = [
        (
            f"(a) logins {logins:.1f}/s : argon2-cffi alone {by_itself:.1f}/s = {share:.3f} "
            f"({low:.3f} to {high:.3f}); computed beside the hashes {beside:.3f} of them",
            f"at least {LOGINS_GOAL}",
            share >= LOGINS_GOAL,
        ),
        (
            f"(b) GET /todos p99 {storm:.1f} ms while {CLIENTS} log in : {quiet:.1f} ms quiet = {times:.2f}",
            f"at most {WAIT_GOAL:g}",
            times <= WAIT_GOAL,
        ),
        (
            f"(c) memory {before:.0f} MiB before, {peak:.0f} MiB at its highest: {peak - before:.0f} more",
            f"at most {may_need:.0f}",
            peak - before <= may_need,
        ),
    ]
    for line, goal, met in lines:
        print(f"{line}; goal {goal}: {'held' if met else 'MISSED'}")
    return all(met for _, _, met in lines)


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=6.0)
    parser.add_argument("--rounds", type=int, default=10)
    given, _ = parser.parse_known_args()
    print(machine())
    with tempfile.TemporaryDirectory() as folder, todo_server(Path(folder), {}, None) as server:
        everybody = people(server)
        with server.client() as client:
            somebody = Person(client)
            for number in range(TODOS):
                somebody.add_todo(f"Learn JWT, part {number}")
        login = [request("POST", "/login", one.credentials) for one in everybody]
        todos = request("GET", "/todos", token=somebody.token)
        Load(server.port, todos, READERS, 1, None).result()
        before = peak_mib(server.process.pid)
        rounds = [one_round(server, login, todos, given.seconds) for _ in range(given.rounds)]
        peak = peak_mib(server.process.pid)
    sys.exit(0 if report(rounds, before, peak) else 1)


if __name__ == "__main__":
    main()
