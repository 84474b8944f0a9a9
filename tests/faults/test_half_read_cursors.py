"""An application reads its own tables in the process of the server and forgets a cursor in the middle. SQLite
then shows that connection the file as it was, for as long as the cursor lives. A thief's token that was ended in
another process must be refused all the same, on the very next request."""

from pathlib import Path

import pytest

from tests.faults.conftest import Connect, Start
from tests.faults.wire import Wire
from tests.support.server import install_application

CREDENTIALS = {"username": "alice", "password": "secret123"}
TRIALS = 100
# On a connection of the application's own, in the middle of a result and of a transaction; and, which only
# somebody who reaches into the rooms can do, on the connection that Coatcheck itself reads with.
ROUTES = """
import sqlite3

held = []


@app.get("/hold")
async def hold() -> int:
    sqlite = coatcheck.database._engine
    for connection in (sqlite3.connect(sqlite.path), sqlite._reader._connection):
        cursor = connection.execute("SELECT id FROM coatcheck_accounts")
        cursor.fetchone()
        held.append((connection, cursor))
    return len(held)


@app.get("/held")
async def count() -> list[int]:
    return [connection.execute("SELECT count(*) FROM coatcheck_revocations").fetchone()[0] for connection, _ in held]


if __name__ == "__main__":
"""


@pytest.fixture
def installation(tmp_path: Path) -> str:
    """The application with two more routes."""
    folder = tmp_path / "installation"
    install_application(folder)
    program = folder / "app.py"
    program.write_text(program.read_text().replace('\nif __name__ == "__main__":\n', ROUTES))
    return folder.name


async def token_of(wire: Wire) -> str:
    answer = await wire.request("POST", "/login", CREDENTIALS)
    assert answer.status == 200, answer.body
    return str(answer.json()["access_token"])


async def test_what_one_process_ends_the_other_refuses_with_cursors_half_read(
    start: Start, connect: Connect, installation: str
) -> None:
    here, there = start(installation), start(installation)
    ours, theirs = connect(here.port), connect(there.port)
    for name in ("alice", "bob", "carol"):
        answer = await ours.request("POST", "/register", {**CREDENTIALS, "username": name})
        assert answer.status == 201
    living = await token_of(ours)
    assert (await theirs.request("GET", "/me", token=living)).status == 200
    assert (await theirs.request("GET", "/hold")).json() == 2
    for _ in range(TRIALS):
        token = await token_of(ours)
        assert (await theirs.request("GET", "/me", token=token)).status == 200
        assert (await ours.request("POST", "/logout", token=token)).status == 204
        assert (await theirs.request("GET", "/me", token=token)).status == 401
        assert (await theirs.request("GET", "/me", token=living)).status == 200
    seen = (await theirs.request("GET", "/held")).json()
    assert seen == [0, 0], "the cursors did not hold still what their connections see, so this has shown nothing"
