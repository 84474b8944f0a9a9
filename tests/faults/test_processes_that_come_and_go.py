"""A process that opens the SQLite file and leaves again, a command or a second server, must not take the log of
those who stay with it: SQLite deletes it when the last one leaves, and who is the last one its locks tell."""

import json
import signal
from pathlib import Path

from tests.faults.conftest import Start
from tests.support.command import run
from tests.support.person import Person
from tests.support.server import CHEAP, Server

PASSWORD = "correct horse battery"


def register(server: Server, *names: str) -> list[Person]:
    with server.client() as client:
        return [Person(client, name) for name in names]


def command(server: Server, *arguments: str) -> str:
    done = run(server.folder, "users", *arguments, "--app", "app:app", stdin=PASSWORD, **CHEAP)
    assert done.returncode == 0, done.stderr
    return done.stdout


def names(server: Server) -> list[str]:
    return [json.loads(line)["username"] for line in command(server, "list", "--json").splitlines()]


def killed_and_started_again(server: Server) -> None:
    server.process.send_signal(signal.SIGKILL)
    server.stop()
    server.start()


def test_commands_beside_a_server_lose_nothing_and_give_no_id_twice(start: Start) -> None:
    server = start()
    register(server, "s1", "s2")
    command(server, "create", "c1")
    register(server, "s3")
    command(server, "create", "c2")
    (last,) = register(server, "s4")
    everybody = ["s1", "s2", "c1", "s3", "c2", "s4"]
    assert names(server) == everybody
    assert last.id == len(everybody)
    killed_and_started_again(server)
    assert names(server) == everybody
    (next_one,) = register(server, "s5")
    assert next_one.id == len(everybody) + 1


def test_what_a_command_does_holds_for_the_server_at_once(start: Start) -> None:
    server = start()
    command(server, "list")
    with server.client() as client:
        people = [Person(client) for _ in range(3)]
        for person, done in zip(people, ("delete", "disable", "set-password"), strict=True):
            command(server, done, person.username, *(["--yes"] if done == "delete" else []))
            assert person.get("/me").status_code == 401
            assert client.post("/login", json=person.credentials).status_code == 401


def test_a_second_server_that_stops_takes_nothing_with_it(start: Start) -> None:
    first, second = start(), start()
    register(first, "x1")
    register(second, "y1")
    assert second.stop() == 0
    register(first, "x2", "x3")
    killed_and_started_again(first)
    assert names(first) == ["x1", "y1", "x2", "x3"]


def test_no_log_is_deleted_under_a_server(start: Start) -> None:
    server = start()
    for _ in range(2):
        command(server, "list")
    open_files = [
        str(link.readlink()) for link in Path(f"/proc/{server.process.pid}/fd").iterdir() if link.is_symlink()
    ]
    assert [file for file in open_files if "coatcheck.db" in file and "(deleted)" in file] == []
