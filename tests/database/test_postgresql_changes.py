"""The feed on PostgreSQL: a thread listens, and a heartbeat through the database says how current it is."""

# ruff: noqa: PT012  what is refused is often the end of a transaction's block

import asyncio
import gc
import json
import signal
import sys
import time
from collections.abc import Iterator

import pytest

from coatcheck.database import Database, DatabaseUnavailable, postgresql_heartbeat
from tests.database.address import Address
from tests.database.heard import CHANNEL, Heard, add, becomes, loaded, threads
from tests.database.onlooker import Onlooker, is_ready, start
from tests.database.proxy import Proxy
from tests.database.things import ADD_QUIETLY
from tests.support.postgresql import Cluster

pytestmark = pytest.mark.postgresql

BEATING = (
    "SELECT state_change::text FROM pg_stat_activity "
    "WHERE datname = current_database() AND query LIKE 'SELECT pg_notify($1, $2)%'"
)
CONNECTIONS = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
OTHERS = CONNECTIONS.replace("count(*)", "pg_terminate_backend(pid)")


@pytest.fixture
def address(postgresql_address: Address) -> Address:
    return postgresql_address


@pytest.fixture
def other(address: Address) -> Iterator[Onlooker]:
    """Another process, with plain SQL."""
    with Onlooker(address.plain) as other:
        yield other


async def test_another_channel_is_not_told(database: Database) -> None:
    heard = Heard(database)
    assert await heard.is_current()
    await add(database, "elsewhere", channel="another")
    await add(database, "here")
    assert await heard.hears("here")
    assert heard.names == {"here"}


async def test_a_channel_may_have_any_name(database: Database, address: Address) -> None:
    name = 'Ha "quoted"; one'
    another = address.database()
    await another.open()
    heard = Heard(database, name)
    assert await heard.is_current()
    await add(another, "alice", channel=name)
    assert await heard.hears("alice")
    await another.close()


async def test_plain_sql_of_another_process_can_announce(database: Database, other: Onlooker) -> None:
    heard = Heard(database)
    assert await heard.is_current()
    other.rows(f"NOTIFY {CHANNEL}, 'by hand'")
    assert await heard.hears("by hand")


async def test_an_own_announcement_is_known_without_waiting_for_the_server(database: Database) -> None:
    """Also while nothing can be heard: whoever ended a session here finds it ended here."""
    heard = Heard(database)
    for number in range(5):
        await add(database, f"name{number}")
        assert heard.announced[-1] == f"name{number}"


async def test_an_own_announcement_counts_only_once_committed(database: Database, other: Onlooker) -> None:
    heard = Heard(database)
    with pytest.raises(DatabaseUnavailable):
        async with database.transaction() as tx:
            await tx.execute(ADD_QUIETLY, {"name": "lost"})
            await tx.announce(CHANNEL, "lost")
            assert heard.announced == []
            other.rows(OTHERS)
    assert heard.announced == []


async def test_an_announcement_that_cannot_be_taken_in_harms_no_commit_and_nothing_counts_as_known(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    heard = Heard(database)
    heard.changes._message = lambda text: int(text)  # type: ignore[attr-defined]
    assert await heard.is_current()
    await add(database, "not a number")
    deadline = time.monotonic() + 1
    while await heard.changes.current():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.002)
    assert await heard.is_current()  # with the row, from the log
    assert heard.names == {"not a number"}
    assert "could not be taken in" in caplog.text


async def test_a_blocked_event_loop_neither_delays_news_nor_makes_it_stale(
    database: Database, other: Onlooker
) -> None:
    """A host's handler that computes for seconds is not the feed's affair."""
    heard = Heard(database)
    assert await heard.is_current()
    blocked_at = time.monotonic()
    while time.monotonic() < blocked_at + 1.5:
        time.sleep(0.01)  # noqa: ASYNC251  it is the point
    assert await heard.changes.current()
    other.rows(f"NOTIFY {CHANNEL}, 'meanwhile'")
    deadline = time.monotonic() + 1
    while "meanwhile" not in heard.announced:
        assert time.monotonic() < deadline
        time.sleep(0.001)  # noqa: ASYNC251


async def test_a_look_needs_no_event_loop(database: Database) -> None:
    heard = Heard(database)
    assert await heard.is_current()

    def by_hand() -> bool:
        look = heard.changes.current()
        try:
            look.send(None)
        except StopIteration as answer:
            return bool(answer.value)
        raise AssertionError("it waits for something")

    assert await asyncio.to_thread(by_hand)


async def test_without_questions_it_falls_silent_and_the_next_one_wakes_it(
    database: Database, other: Onlooker, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard = Heard(database)
    assert await heard.is_current()
    monkeypatch.setattr(postgresql_heartbeat, "UNASKED_SECONDS", 0.3)
    monkeypatch.setattr(postgresql_heartbeat, "BEAT_SECONDS", 0.1)
    await asyncio.sleep(0.8)
    silent = other.rows(BEATING)
    await asyncio.sleep(0.5)
    assert len(silent) == 1
    assert other.rows(BEATING) == silent
    other.rows(f"NOTIFY {CHANNEL}, 'while it was silent'")
    monkeypatch.setattr(postgresql_heartbeat, "BEAT_SECONDS", 5)  # it does not wait for the next beat's turn
    assert not await heard.changes.current()
    assert await heard.is_current(loaded(0.5))
    assert heard.names == {"while it was silent"}
    monkeypatch.setattr(postgresql_heartbeat, "UNASKED_SECONDS", 0.0)
    heard.changes._hearing.wake()  # type: ignore[attr-defined]
    await asyncio.sleep(0.1)
    other.rows(BEATING.replace("state_change::text", "pg_terminate_backend(pid)"))  # a pooler tires of an idle one
    monkeypatch.setattr(postgresql_heartbeat, "UNASKED_SECONDS", 10)
    assert not await heard.changes.current()
    assert await heard.is_current(loaded(0.5))


async def test_closing_ends_the_thread_and_its_connections(database: Database, other: Onlooker) -> None:
    before = threads()
    heard = Heard(database)
    assert await heard.is_current()
    assert threads() == before + 1
    assert other.value(CONNECTIONS) == 2
    await heard.changes.close()
    assert threads() == before
    assert await becomes(0, lambda: other.value(CONNECTIONS))


async def test_who_forgets_it_leaves_no_thread_and_no_connection_behind(address: Address, other: Onlooker) -> None:
    """A suite that makes an application for each test would run the server out of connections."""
    before = threads()

    async def forgotten() -> None:
        database = address.database()
        await database.open()
        assert await Heard(database).is_current()

    for _ in range(5):
        await forgotten()
    gc.collect()
    assert await becomes(before, threads)
    assert await becomes(0, lambda: other.value(CONNECTIONS))


@pytest.mark.parametrize("cut", [None, "closed", "black-holed"])
def test_a_program_that_ends_without_closing_ends_without_noise(
    cluster: Cluster, address: Address, cut: str | None
) -> None:
    with Proxy(cluster) as proxy:
        url = proxy.url(address.name)
        watcher = start(sys.executable, "-X", "dev", "-m", "tests.database.watcher", url, url, quiet=False)
        assert is_ready(watcher)
        if cut is not None:
            proxy.cut(cut)  # type: ignore[arg-type]
            time.sleep(1.2)  # it is trying to connect anew
        began = time.monotonic()
        _, said = watcher.communicate("end\n", timeout=10)
        assert (watcher.returncode, said) == (0, "")
        assert time.monotonic() - began < loaded(1.5)


def test_a_forked_child_listens_for_itself_and_leaves_its_parent_alone(address: Address, other: Onlooker) -> None:
    watcher = start(sys.executable, "-m", "tests.database.watcher", address.url, address.url, "fork", quiet=False)
    assert is_ready(watcher)
    assert watcher.stdin is not None
    assert watcher.stdout is not None
    watcher.stdin.write("fork\n")
    watcher.stdin.flush()
    assert watcher.stdout.readline() == "forked\n"
    other.rows("INSERT INTO parents (name) VALUES ('after the fork')")
    other.rows(f"NOTIFY {CHANNEL}, 'after the fork'")
    printed, said = watcher.communicate("go on\n", timeout=20)
    child, parent = (json.loads(line) for line in printed.splitlines())
    assert child["names"] == parent["names"] == ["after the fork"]
    assert child["current"]
    assert (watcher.returncode, said) == (0, "")


async def test_where_nobody_listens_it_is_never_current(address: Address) -> None:
    """A wrong listening address, or a replica's, costs a read each time; it never hides a revocation."""
    elsewhere = address.url.replace(f"/{address.name}", "/postgres")
    for listen_url in ("postgresql://nobody@127.0.0.1:1/nothing", "postgresql://nobody@nowhere.invalid/x", elsewhere):
        database = Database(address.url, listen_url=listen_url)
        await database.open()
        heard = Heard(database)
        assert not await heard.is_current(2.5)
        await add(database, "alice" + listen_url[-1])
        assert not await heard.is_current(0.1)
        began = time.monotonic()
        await database.close()
        assert time.monotonic() - began < loaded(0.5)


@pytest.mark.pgbouncer
async def test_behind_pgbouncer_the_listening_connection_goes_past_it(
    cluster: Cluster, address: Address, pooled_port: int
) -> None:
    pooled = f"postgresql://{cluster.user}@127.0.0.1:{pooled_port}/{address.name}"
    database, another = (Database(pooled, listen_url=address.url, prepare=False) for _ in range(2))
    await database.open()
    await another.open()
    heard = Heard(database)
    assert await heard.is_current()
    for number in range(10):
        await add(another, f"name{number}")
        assert await heard.hears(f"name{number}")
    deadline = time.monotonic() + 3
    while time.monotonic() < deadline:
        assert await heard.changes.current()
        await asyncio.sleep(0.01)
    await database.close()
    await another.close()


@pytest.mark.pgbouncer
async def test_a_listening_connection_through_pgbouncer_never_passes_for_current_wrongly(
    cluster: Cluster, address: Address, pooled_port: int
) -> None:
    """LISTEN succeeds there, and nothing is heard: the other end has changed hands."""
    pooled = f"postgresql://{cluster.user}@127.0.0.1:{pooled_port}/{address.name}"
    database = Database(pooled, listen_url=pooled, prepare=False)
    another = Database(address.url)
    await database.open()
    await another.open()
    heard = Heard(database)
    committed: dict[str, float] = {}
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        name = f"name{len(committed)}"
        await add(another, name)
        committed[name] = time.monotonic()
        asked_at = time.monotonic()
        if await heard.changes.current():
            assert {name for name, at in committed.items() if at < asked_at - 1} <= heard.names
        await asyncio.sleep(0.003)
    await database.close()
    await another.close()


async def test_the_application_that_is_stopped_waits_for_no_name_server(address: Address) -> None:
    """A look-up of a name can hang for many seconds, and the interpreter waits for asyncio's own."""
    program = (
        "import asyncio, socket, sys, time\n"
        "from coatcheck.database import Database\n"
        "from tests.database.heard import Heard\n"
        "socket.getaddrinfo = lambda *_, **__: time.sleep(20)\n"
        "async def main():\n"
        "    database = Database(sys.argv[1], listen_url='postgresql://somebody@somewhere.invalid/x')\n"
        "    await database.open()\n"
        "    heard = Heard(database)\n"
        "    await heard.is_current(0.3)\n"
        "    print('looking', flush=True)\n"
        "    await database.close()\n"
        "asyncio.run(main())\n"
    )
    stuck = start(sys.executable, "-c", program, address.url, quiet=False)
    assert is_ready(stuck)
    began = time.monotonic()
    _, said = stuck.communicate(timeout=30)
    assert (stuck.returncode, said) == (0, "")
    assert time.monotonic() - began < loaded(1.5)


async def test_a_signal_to_the_program_is_not_caught_by_the_feed(address: Address) -> None:
    watcher = start(sys.executable, "-m", "tests.database.watcher", address.url, address.url)
    assert is_ready(watcher)
    watcher.send_signal(signal.SIGTERM)
    watcher.communicate(timeout=5)
    assert watcher.returncode == -signal.SIGTERM
