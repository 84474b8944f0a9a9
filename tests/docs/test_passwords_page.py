"""The numbers on docs/passwords.md are those of the running system."""

from itertools import takewhile
from pathlib import Path

from fastapi.testclient import TestClient

from coatcheck.passwords import OWASP_ARGON2ID, Policy, product_names
from coatcheck.passwords.common import _passwords
from coatcheck.passwords.formats import argon2, bcrypt, django_pbkdf2, werkzeug_pbkdf2, werkzeug_scrypt
from coatcheck.passwords.names import LETTERS_OF_A_NAME
from coatcheck.passwords.policy import MAX_LENGTH
from coatcheck.passwords.pool import (
    MANY_PER_THREAD,
    NICER,
    ONE_NETWORKS_SHARE,
    SHARED_NETWORKS_SHARE,
    STRANGERS_SHARE,
    TOLD_TOGETHER,
    WAITING_PER_THREAD,
    HashingPool,
)
from coatcheck.throttle import limits
from coatcheck.throttle.gate import MOST_WAITING
from tests.docs.pages import plain
from tests.support.app import make_app
from tests.support.clock import Clock
from tests.support.person import Person
from tests.support.server import ROOT

PAGE = ROOT / "docs" / "passwords.md"
TEXT = plain(PAGE.read_text(encoding="utf-8"))
BETWEEN = b"\xff"
WRONG = {"username": "alice", "password": "a guess that is wrong"}


def table(first: str) -> list[list[str]]:
    """The rows of the table whose first row begins so."""
    lines = iter(PAGE.read_text(encoding="utf-8").splitlines())
    found = [next(line for line in lines if line.startswith(f"| {first}"))]
    found += takewhile(lambda line: line.startswith("|"), lines)
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in found]


def waits_on_the_page() -> dict[int, int]:
    """The seconds after each number of wrong passwords in a row; 100 closes it."""
    waits: dict[int, int] = {}
    for failures, wait in table("1 to 4"):
        first, _, last = failures.partition(" to ")
        for number in range(int(first), int(last or first) + 1):
            waits[number] = int(wait.split()[0]) if wait[0].isdigit() else -1 if "until" in wait else 0
    return waits


def test_v6_1_1_the_waits_are_what_a_client_is_told(tmp_path: Path, clock: Clock) -> None:
    told: dict[int, int] = {}
    with TestClient(make_app(tmp_path, clock=clock)) as client:
        Person(client)
        failures = 0
        while -1 not in told.values():
            answer = client.post("/login", json=WRONG)
            if answer.status_code == 401:
                failures += 1
                continue
            told[failures] = -1 if "in a row" in answer.json()["detail"] else int(answer.headers["retry-after"])
            clock.forward(told[failures])
    page = waits_on_the_page()
    assert max(page) == limits.CLOSED_AT
    assert {number: page[number] for number in range(5, 101)} == {
        number: told.get(number) for number in range(5, 101)
    }
    assert {page[number] for number in range(1, 5)} == {0}


def test_v6_1_1_the_budgets_are_those_of_the_code() -> None:
    page = {what: (int(at_once), int(each.split()[0])) for what, at_once, each in table("wrong passwords | 100")}
    assert page == {
        "wrong passwords": (limits.GUESSES.at_once, limits.GUESSES.seconds),
        "registrations": (limits.REGISTRATIONS.at_once, limits.REGISTRATIONS.seconds),
        "refresh tokens that are refused": (limits.REFRESHES.at_once, limits.REFRESHES.seconds),
    }


def test_the_other_numbers_are_those_of_the_code() -> None:
    common = _passwords().count(BETWEEN) - 1
    two = HashingPool(threads=2)
    memory = two.threads * OWASP_ARGON2ID.memory_kib / 1_024
    for sentence in (
        f"A password has {Policy().min_length} to {MAX_LENGTH:,} characters",
        f"one of some {common // 1_000},000 common passwords",
        f"within {limits.KNOWN_SECONDS // limits.DAY_SECONDS} days, {limits.MOST_KNOWN} at most",
        f"{limits.UNFINISHED_AT_ONCE} attempts of one count may be under way in each process",
        f"{limits.UNFINISHED_AT_ONCE} × the number of processes before the first wait, and {limits.CLOSED_AT} in all",
        f"a /48 with {limits.SHARED_TIMES} times as much",
        f"the network has {limits.SHARED_TIMES} times as much",
        f"a nice value {NICER} above",
        f"{memory:.0f} MiB with two processors",
        f"Up to {WAITING_PER_THREAD} wait for each thread",
        f"there are {MANY_PER_THREAD} or more for each thread, results are told {TOLD_TOGETHER} at a time",
        f"Later ones wait for these, {MOST_WAITING} at most",
        f"bcrypt {bcrypt.MAX_COST}; PBKDF2 {django_pbkdf2.MAX_ITERATIONS:,} iterations",
        f"with SHA-512 {werkzeug_pbkdf2.MAX_ITERATIONS['sha512']:,}",
        f"argon2 {argon2.CAPS.memory_kib // 1_024} MiB, {argon2.CAPS.iterations} iterations, "
        f"{argon2.CAPS.lanes} lanes and {argon2.CAPS.work_kib // 1_024} MiB altogether",
        f"scrypt {werkzeug_scrypt.MAX_WORK_BYTES // 2**20} MiB and N of at least {werkzeug_scrypt.MIN_N:,}",
    ):
        assert sentence in TEXT, sentence
    assert {werkzeug_pbkdf2.MAX_ITERATIONS[digest] for digest in ("sha1", "sha256")} == {django_pbkdf2.MAX_ITERATIONS}
    assert (ONE_NETWORKS_SHARE, SHARED_NETWORKS_SHARE, STRANGERS_SHARE) == (1 / 4, 1 / 2, 3 / 4)
    assert LETTERS_OF_A_NAME == 4
    assert "A name of four letters and more" in TEXT
    assert "one network holds at most a quarter (half, if" in TEXT
    assert "and a quarter is kept for networks" in TEXT
    assert "and half of the hashing queue" in TEXT
    assert limits.FORGIVEN_SECONDS == limits.DAY_SECONDS
    assert "A day without a failure begins the waits anew" in TEXT


def test_v6_1_2_the_words_that_are_refused_are_those_on_the_page() -> None:
    names = product_names("The title", "https://accounts.example")
    assert names == ("coatcheck", "The title", "accounts.example")
    assert "`coatcheck`, the title of the application, the host name of `COATCHECK_ISSUER`" in PAGE.read_text()


def test_v6_1_3_v6_3_4_every_route_that_gives_a_token_is_on_the_page(tmp_path: Path) -> None:
    document = make_app(tmp_path).openapi()
    schemas = document["components"]["schemas"]
    with_tokens = {f"'#/components/schemas/{name}'" for name, schema in schemas.items() if "_token'" in str(schema)}
    giving = {
        f"{method.upper()} {path}"
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
        for status, answer in operation["responses"].items()
        if status < "4" and any(named in str(answer) for named in {*with_tokens, "_token'"})
    }
    assert {route.strip("`") for route, _ in table("`POST /login`")} == giving
