"""`coatcheck keys …` and `coatcheck secret new`, on each engine, beside an application that runs."""

import json
import time
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from coatcheck.keys import Secret
from tests.admin.conftest import folder, site, url
from tests.keys.test_life import kid
from tests.support.app import make_app
from tests.support.command import Terminal, invoke, run, sentence
from tests.support.person import Person
from tests.support.server import CHEAP

__all__ = ["folder", "site", "url"]

NO_SUCH_KEY = "There is no such key. To see which there are: coatcheck keys list"
FOLLOW = "Running servers follow by themselves."


def listed() -> list[dict[str, Any]]:
    done = invoke("keys", "list", "--json")
    assert done.exit_code == 0, done.output
    return [json.loads(line) for line in done.stdout.splitlines()]


def states() -> list[str]:
    return [key["state"] for key in listed()]


def one(state: str) -> str:
    (found,) = [key["id"] for key in listed() if key["state"] == state]
    return str(found)


def said(*arguments: str) -> str:
    done = invoke(*arguments)
    assert done.exit_code == 0, done.output
    return done.stdout


def hear(site: TestClient) -> None:
    """The feed brings it by itself: at once on SQLite, within a second on PostgreSQL."""
    published = {key["id"] for key in listed() if key["state"] in {"current", "next", "retired"}}
    deadline = time.monotonic() + 1.0
    while {key["kid"] for key in site.get("/.well-known/jwks.json").json()["keys"]} != published:
        assert time.monotonic() < deadline, "the application has not heard of it"


def test_a_list_is_a_line_each_or_an_object_each(folder: Path) -> None:
    current, following = listed()
    assert list(current) == [
        "id",
        "algorithm",
        "state",
        "published_at",
        "signs_from",
        "retired_at",
        "revoked_at",
    ]
    assert (current["state"], current["algorithm"], current["signs_from"]) == (
        "current",
        "EdDSA",
        current["published_at"],
    )
    assert (following["state"], following["signs_from"]) == ("next", None)
    header, first, second = said("keys", "list").splitlines()
    assert header.startswith("key id ")
    assert first.split()[:3] == [current["id"], "EdDSA", "current"]
    assert second.split()[:3] == [following["id"], "EdDSA", "next"]
    assert second.split()[-2:] == ["-", "-"]


def test_a_rotation_waits_for_those_who_keep_the_key_set_unless_told_not_to(site: TestClient) -> None:
    person = Person(site)
    refused = sentence(invoke("keys", "rotate"))
    seconds = int(refused.partition("Wait ")[2].partition(" ")[0])
    assert 240 < seconds <= 300
    assert refused.endswith("seconds, or do it at once with: coatcheck keys rotate --now")
    assert states() == ["current", "next"]
    assert said("keys", "rotate", "--now") == (f"The next key signs now, and a new next one is published. {FOLLOW}\n")
    assert states() == ["retired", "current", "next"]
    hear(site)
    assert person.get("/me").status_code == 200
    assert kid(person.log_in()) == one("current")


def test_all_makes_every_key_anew_and_logs_nobody_out(site: TestClient) -> None:
    person, before = Person(site), {key["id"] for key in listed()}
    assert said("keys", "rotate", "--all").startswith("Every key is new.")
    assert states() == ["retired", "retired", "current", "next"]
    assert not before & {one("current"), one("next")}
    hear(site)
    assert person.get("/me").status_code == 200
    assert kid(person.log_in()) == one("current")


def test_a_revoked_keys_tokens_are_refused_by_an_application_that_runs(site: TestClient) -> None:
    person = Person(site)
    key_id = kid(person.token)
    assert said("keys", "revoke", key_id, "--yes") == f"{key_id} is revoked; its tokens are refused. {FOLLOW}\n"
    hear(site)
    assert person.get("/me").status_code == 401
    assert person.get("/me", token=person.log_in()).status_code == 200
    assert states() == ["revoked", "current", "next"]
    assert said("keys", "revoke", key_id, "--yes") == f"{key_id} was revoked already.\n"
    assert sentence(invoke("keys", "retire", key_id)) == (
        f"{key_id} is revoked, and a revoked key signs nothing. Nothing has changed."
    )


def test_retire_says_what_it_does(folder: Path) -> None:
    current, following = one("current"), one("next")
    assert said("keys", "retire", following[:10]) == (
        f"{following} is retired; it has signed nothing, and another next key is published. {FOLLOW}\n"
    )
    assert said("keys", "retire", following) == f"{following} was retired already.\n"
    assert sentence(invoke("keys", "retire", current)).startswith("The next key was published a short time ago")
    assert states() == ["current", "retired", "next"]


def test_to_retire_the_current_key_lets_the_next_one_sign(folder: Path, url: str) -> None:
    with TestClient(make_app(folder, url, clock=lambda: time.time() - 301)):
        pass  # its first start was five minutes ago
    current, following = one("current"), one("next")
    assert said("keys", "retire", current) == (
        f"{current} is retired; the next key signs now, and a new next one is published. {FOLLOW}\n"
    )
    assert one("current") == following


@pytest.mark.parametrize("command", [("retire",), ("revoke", "--yes")], ids=lambda command: command[0])
@pytest.mark.parametrize("key_id", ["nobody", "", "A" * 43, "%", "../../etc/passwd", "é" * 20])
def test_an_unknown_key_is_one_sentence(folder: Path, command: tuple[str, ...], key_id: str) -> None:
    assert sentence(invoke("keys", *command, key_id)) == NO_SUCH_KEY
    assert states() == ["current", "next"]


def test_a_beginning_that_several_keys_have_is_too_short(folder: Path) -> None:
    while True:  # some letter begins two ids sooner or later: there are 64
        first = [key["id"][0] for key in listed()]
        twice = [letter for letter in first if first.count(letter) > 1]
        if twice:
            break
        said("keys", "rotate", "--now")
    assert sentence(invoke("keys", "revoke", twice[0], "--yes")).startswith(
        f"{first.count(twice[0])} keys have an id that begins so. Write more of it."
    )


def test_revoke_asks_and_no_is_the_answer_unless_a_person_says_yes(tmp_path: Path) -> None:
    key_id = json.loads(run(tmp_path, "keys", "list", "--json", **CHEAP).stdout.splitlines()[0])["id"]
    refused = run(tmp_path, "keys", "revoke", key_id, stdin="y\n", **CHEAP)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr.endswith("\nNothing has changed. Without a terminal to ask at, this takes --yes.\n")
    for answer, code, state in (("\n", 1, "current"), ("y\n", 0, "revoked")):
        terminal = Terminal(tmp_path, "keys", "revoke", key_id, **CHEAP)
        terminal.until("[y/N]")
        terminal.type(answer)
        assert terminal.end() == code
        assert "Who has one logs in again." in terminal.seen
        found = run(tmp_path, "keys", "list", "--json", **CHEAP).stdout.splitlines()[0]
        assert json.loads(found)["state"] == state


def test_with_app_it_is_that_applications_keys(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "from fastapi import FastAPI\nfrom coatcheck import Coatcheck, Settings\napp = FastAPI()\n"
        "Coatcheck(app, Settings(database_url='sqlite:///mine.db', signing_algorithm='ES256'))\n"
    )
    done = run(tmp_path, "keys", "list", "--json", "--app", "mine:app", **CHEAP)
    assert [json.loads(line)["algorithm"] for line in done.stdout.splitlines()] == ["ES256", "ES256"]
    assert run(tmp_path, "keys", "rotate", "--now", "--app", "mine:app", **CHEAP).returncode == 0
    assert (tmp_path / "mine.db").exists()
    assert not (tmp_path / "data" / "coatcheck.db").exists()


def test_a_new_secret_is_printed_alone_and_works(tmp_path: Path) -> None:
    done = run(tmp_path, "secret", "new")
    assert (done.returncode, done.stderr) == (0, "")
    Secret(done.stdout)
    assert done.stdout != run(tmp_path, "secret", "new").stdout


def test_a_command_that_only_looks_leaves_the_next_key_of_a_server_with_another_algorithm(tmp_path: Path) -> None:
    es256 = {**CHEAP, "COATCHECK_SIGNING_ALGORITHM": "ES256"}
    before = run(tmp_path, "keys", "list", "--json", **CHEAP).stdout
    assert before.count("EdDSA") == 2
    for command in (["users", "list"], ["keys", "list"], ["secret", "rotate"]):
        assert run(tmp_path, *command, **es256).returncode == 0
    assert run(tmp_path, "keys", "list", "--json", **CHEAP).stdout == before
    with TestClient(make_app(tmp_path, signing_algorithm="ES256")) as client:  # a server does change it
        assert [key["alg"] for key in client.get("/.well-known/jwks.json").json()["keys"]] == [
            "EdDSA",
            "ES256",
            "EdDSA",
        ]
