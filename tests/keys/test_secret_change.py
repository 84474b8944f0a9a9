"""The secret is changed: by two settings, or locally in its file. Killed at each step, the data opens again."""

import asyncio
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from filelock import FileLock

from coatcheck import Coatcheck, Settings
from coatcheck.database import Database
from coatcheck.keys import Keyring, Secret, Secrets, statements
from coatcheck.keys.change import Change
from coatcheck.problems import NotStarted
from tests.keys.conftest import Open, only, shown
from tests.keys.test_key_set import call, keyring_of
from tests.keys.test_life import kid
from tests.support.app import make_app
from tests.support.clock import Clock
from tests.support.command import run
from tests.support.person import Person
from tests.support.server import CHEAP, ROOT, clean_environment
from tests.support.sql import run_sql

LOCAL_STEPS = ["writing the new file", "before the commit", "just after the commit", "after the commit"]
BELONGS = "does not belong to the database"


def rotate(folder: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    return run(folder, "secret", "rotate", **CHEAP, **settings)


def killed(folder: Path, step: str, **settings: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.keys.killed", step],
        cwd=folder,
        env=clean_environment() | {"PYTHONPATH": f"{ROOT / 'src'}:{ROOT}", **CHEAP, **settings},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr


def key_ids(folder: Path, **settings: str) -> list[str]:
    """What a start finds; it must be able to open all of it."""
    values: dict[str, Any] = {name.removeprefix("COATCHECK_").lower(): value for name, value in settings.items()}
    coatcheck = Coatcheck(FastAPI(), Settings.read(folder, **values))

    async def look() -> list[str]:
        await coatcheck.open()
        try:
            return list(shown(coatcheck.keyring))
        finally:
            await coatcheck.close()

    return asyncio.run(look())


def wrapped(url: str) -> list[Any]:
    return [bytes(row[0]) for row in run_sql(url, "SELECT wrapped FROM coatcheck_keys ORDER BY id")]


class TestGiven:
    """COATCHECK_SECRET is the new one, COATCHECK_SECRET_PREVIOUS the old one."""

    old, new = Secret.new_text(), Secret.new_text()

    @pytest.fixture
    def settings(self, tmp_path: Path, database_url: str) -> dict[str, str]:
        """Those of the change; the database is made under the old secret alone."""
        place = {"COATCHECK_DATABASE_URL": database_url}
        key_ids(tmp_path, COATCHECK_SECRET=self.old, **place)
        return {"COATCHECK_SECRET": self.new, "COATCHECK_SECRET_PREVIOUS": self.old, **place}

    def alone(self, secret: str, settings: dict[str, str]) -> dict[str, str]:
        return {
            "COATCHECK_DATABASE_URL": settings["COATCHECK_DATABASE_URL"],
            "COATCHECK_SECRET": secret,
        }

    def test_every_key_is_wrapped_under_the_new_one(self, tmp_path: Path, settings: dict[str, str]) -> None:
        before = key_ids(tmp_path, **settings)
        done = rotate(tmp_path, **settings)
        assert (done.returncode, done.stdout) == (
            0,
            "7 keys are wrapped under COATCHECK_SECRET now. Take COATCHECK_SECRET_PREVIOUS away and restart the "
            "servers.\n",
        )
        assert key_ids(tmp_path, **self.alone(self.new, settings)) == before
        assert BELONGS in run(tmp_path, "keys", "list", **CHEAP, **self.alone(self.old, settings)).stderr
        again = rotate(tmp_path, **settings)
        assert again.stdout == (
            "Every key was wrapped under COATCHECK_SECRET already. COATCHECK_SECRET_PREVIOUS can go.\n"
        )
        assert self.old not in done.stdout + done.stderr
        assert self.new not in done.stdout + done.stderr

    def test_without_the_old_one_it_says_what_to_set(self, tmp_path: Path, settings: dict[str, str]) -> None:
        before = wrapped(settings["COATCHECK_DATABASE_URL"])
        done = rotate(tmp_path, **self.alone(self.old, settings))
        assert (done.returncode, done.stdout) == (1, "")
        assert "set COATCHECK_SECRET to that and COATCHECK_SECRET_PREVIOUS to the one of now" in done.stderr
        stranger = rotate(tmp_path, **self.alone(self.new, settings))
        assert (stranger.returncode, BELONGS in stranger.stderr) == (1, True)
        assert wrapped(settings["COATCHECK_DATABASE_URL"]) == before

    def test_two_strangers_do_not_belong_either(self, tmp_path: Path, settings: dict[str, str]) -> None:
        stranger = Secret.new_text()
        done = rotate(tmp_path, **{**settings, "COATCHECK_SECRET_PREVIOUS": stranger})
        assert (done.returncode, BELONGS in done.stderr) == (1, True)
        assert stranger not in done.stderr

    def test_the_old_one_alone_is_refused(self, tmp_path: Path, settings: dict[str, str]) -> None:
        previous = {name: value for name, value in settings.items() if name != "COATCHECK_SECRET"}
        done = rotate(tmp_path, **previous)
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.startswith("COATCHECK_SECRET_PREVIOUS is the old secret. Set the new one too")
        malformed = rotate(tmp_path, **{**settings, "COATCHECK_SECRET_PREVIOUS": "not a secret"})
        assert "\nCOATCHECK_SECRET_PREVIOUS is not base64url or hex" in malformed.stderr
        assert "not a secret" not in malformed.stderr

    @pytest.mark.slow
    @pytest.mark.parametrize("step", ["before the commit", "just after the commit"])
    def test_killed_at_each_step_the_data_opens_and_the_change_is_finished(
        self, step: str, tmp_path: Path, settings: dict[str, str]
    ) -> None:
        before = key_ids(tmp_path, **settings)
        killed(tmp_path, step, **settings)
        assert key_ids(tmp_path, **settings) == before
        # All or nothing: exactly one of the two opens it alone.
        held_by = self.old if step == "before the commit" else self.new
        assert key_ids(tmp_path, **self.alone(held_by, settings)) == before
        assert rotate(tmp_path, **settings).returncode == 0
        assert key_ids(tmp_path, **self.alone(self.new, settings)) == before


class TestOwn:
    """A local program's secret is a file."""

    @pytest.fixture
    def folder(self, tmp_path: Path, database_url: str) -> Path:
        """With a database on each engine, made under the secret in data/secret."""
        self.place = {"COATCHECK_DATABASE_URL": database_url}
        key_ids(tmp_path, **self.place)
        return tmp_path

    def secret(self, folder: Path) -> str:
        return (folder / "data" / "secret").read_text()

    def left(self, folder: Path) -> set[str]:
        """The files of the secret; a lock may stay."""
        return {path.name for path in (folder / "data").glob("secret*")} - {"secret.lock"}

    def test_the_file_holds_a_new_one_and_the_keys_are_the_same(self, folder: Path) -> None:
        before, old = key_ids(folder, **self.place), self.secret(folder)
        rows = wrapped(self.place["COATCHECK_DATABASE_URL"])
        done = rotate(folder, **self.place)
        assert (done.returncode, done.stdout) == (
            0,
            "The secret is a new one, in the same file. Keep a copy of it, apart from the database. Backups from "
            "before, and other databases of this folder, open with the old one only.\n",
        )
        assert self.secret(folder) != old
        assert self.secret(folder).strip() not in done.stdout + done.stderr
        assert (folder / "data" / "secret").stat().st_mode & 0o777 == 0o600
        assert self.left(folder) == {"secret"}
        assert key_ids(folder, **self.place) == before
        assert not set(rows) & set(wrapped(self.place["COATCHECK_DATABASE_URL"]))
        (folder / "data" / "secret").write_text(old)
        assert BELONGS in run(folder, "keys", "list", **CHEAP, **self.place).stderr

    def test_another_database_of_the_folder_is_put_under_the_new_one_with_both_given(self, folder: Path) -> None:
        """As the manual has it: the old one is in the copy that was made first, and nowhere else."""
        other = {"COATCHECK_DATABASE_URL": f"sqlite:///{folder / 'other.db'}"}
        before, old = key_ids(folder, **other), self.secret(folder).strip()
        rotate(folder, **self.place)
        assert BELONGS in rotate(folder, **other).stderr
        both = {"COATCHECK_SECRET_FILE": "data/secret", "COATCHECK_SECRET_PREVIOUS": old}
        assert rotate(folder, **other, **both).returncode == 0
        assert key_ids(folder, **other) == before

    @pytest.mark.slow
    @pytest.mark.parametrize("command", [["secret", "rotate"], ["users", "list"]])
    def test_while_another_program_changes_it_and_does_not_end_who_comes_waits_for_seconds(
        self, command: list[str], folder: Path
    ) -> None:
        before = self.secret(folder)
        with FileLock(folder / "data" / "secret.lock"):
            done = run(folder, *command, **CHEAP, **self.place)
        assert (done.returncode, done.stdout) == (1, "")
        assert "\nAnother program is making or changing the secret in " in f"\n{done.stderr}"
        assert (self.secret(folder), self.left(folder)) == (before, {"secret"})

    @pytest.mark.slow
    @pytest.mark.parametrize("step", [*LOCAL_STEPS, "after the renaming"])
    def test_killed_at_each_step_the_data_opens_and_the_change_is_finished(self, step: str, folder: Path) -> None:
        before, old = key_ids(folder, **self.place), self.secret(folder)
        killed(folder, step, **self.place)
        # A start opens it, and renames the new one if every key is under that.
        assert key_ids(folder, **self.place) == before
        committed = step in {"just after the commit", "after the commit", "after the renaming"}
        assert (self.secret(folder) != old) == committed
        assert "secret.new" not in self.left(folder) or not committed
        assert rotate(folder, **self.place).returncode == 0
        assert self.left(folder) == {"secret"}
        assert key_ids(folder, **self.place) == before

    def test_a_change_that_was_left_after_its_commit_is_finished_not_begun_again(self, folder: Path) -> None:
        killed(folder, "after the commit", **self.place)
        waiting = (folder / "data" / "secret.new").read_text()
        assert rotate(folder, **self.place).returncode == 0
        assert self.secret(folder) == waiting

    def test_a_new_file_that_was_left_before_the_commit_is_taken_up_again(self, folder: Path) -> None:
        killed(folder, "before the commit", **self.place)
        waiting = (folder / "data" / "secret.new").read_text()
        assert (folder / "data" / "secret.new").stat().st_mode & 0o777 == 0o600
        assert rotate(folder, **self.place).returncode == 0
        assert self.secret(folder) == waiting


def test_a_server_that_runs_locally_reads_the_file_again(tmp_path: Path, database_url: str, clock: Clock) -> None:
    """Its secret is changed, then a key is made under the new one, and only then does it read its keys again."""
    with TestClient(make_app(tmp_path, database_url, clock=clock)) as client:
        person = Person(client)
        settings = {"COATCHECK_DATABASE_URL": database_url}
        assert rotate(tmp_path, **settings).returncode == 0
        assert run(tmp_path, "keys", "rotate", "--now", **CHEAP, **settings).returncode == 0
        there, deadline = set(key_ids(tmp_path, **settings)), time.monotonic() + 1.0
        while set(shown(keyring_of(client))) != there:  # the feed brings it, on PostgreSQL within a second
            assert person.get("/me").status_code == 200
            assert time.monotonic() < deadline, "the application has not heard of it"
        assert set(keyring_of(client).signing) == set(shown(keyring_of(client)))


def test_a_server_that_runs_locally_makes_its_next_key_under_the_new_secret(
    tmp_path: Path, database_url: str, clock: Clock
) -> None:
    with TestClient(make_app(tmp_path, database_url, clock=clock)) as client:
        person = Person(client)
        assert rotate(tmp_path, COATCHECK_DATABASE_URL=database_url).returncode == 0
        clock.forward(30 * 86_400)
        assert kid(person.log_in()) != kid(person.token)
    with TestClient(make_app(tmp_path, database_url, clock=clock)) as client:
        assert len(shown(keyring_of(client))) == 3


async def test_a_key_made_while_the_secret_is_being_changed_is_under_the_one_that_wraps_the_others(
    keyring: Keyring, another: Open, secret: Secret
) -> None:
    """A server with both settings, whose own is the new one: before the change it wraps under the old one, after it
    under the new one, and at no time is there a row that one of the two cannot be taken away from."""
    new = Secret(Secret.new_text())
    both = await another(Secrets(new, secret))
    await both.rotate(now=True)
    await another(Secrets(secret))
    await both.wrap_all(new)
    # One that still has the old setting first, and the new one to try.
    late = await another(Secrets(secret, new))
    await late.rotate(now=True)
    assert shown(await another(Secrets(new))) == shown(late)


async def test_a_change_of_the_secret_waits_for_a_key_that_is_being_made(
    database: Database, keyring: Keyring, another: Open, secret: Secret, clock: Clock
) -> None:
    """Else the new row, which the change could not see, would stay under the old secret, and nobody would open it."""
    new = Secret(Secret.new_text())
    both = await another(Secrets(new, secret))
    async with database.transaction() as tx:
        change = await Change.begin(tx, Secrets(secret), datetime.fromtimestamp(clock(), UTC))
        await change.add_signing("EdDSA")
        changing = asyncio.create_task(both.wrap_all(new))
        for _ in range(100):  # on PostgreSQL the other has its turn meanwhile, and more than it needs
            await tx.all(statements.ALL)
        await change.end()
    await changing
    assert len(shown(await another(Secrets(new)))) == 3


async def test_a_server_without_the_new_secret_goes_on_with_the_keys_that_it_has(
    keyring: Keyring, another: Open, secret: Secret, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """Somebody forgot to give it the new one. It signs on, revocations reach it, and it says what is wrong."""
    new = Secret(Secret.new_text())
    changed = await another(Secrets(new, secret))
    await changed.wrap_all(new)
    first, second = shown(keyring)
    await changed.rotate(now=True)
    await changed.revoke(first)
    keyring.told(changed.revision)
    assert (await keyring.current()).id == second == only(changed, "current")
    assert first not in keyring.signing
    assert "Restart it with the secret that wraps the keys now" in caplog.text
    clock.forward(31 * 86_400)
    assert (await keyring.current()).id == second


def test_secret_and_previous_may_stay_for_a_while(tmp_path: Path, database_url: str) -> None:
    old, new = Secret.new_text(), Secret.new_text()
    with TestClient(make_app(tmp_path, database_url, secret=old)) as client:
        person = Person(client)
    with TestClient(make_app(tmp_path, database_url, secret=new, secret_previous=old)) as client:
        person.client = client
        assert person.get("/me").status_code == 200
        call(client, keyring_of(client).rotate_all)
    with TestClient(
        make_app(tmp_path, database_url, secret=old)
    ) as client:  # nothing was changed yet: it may go back
        person.client = client
        assert person.get("/me").status_code == 200
    with pytest.raises(NotStarted, match=BELONGS), TestClient(make_app(tmp_path, database_url, secret=new)):
        pass
