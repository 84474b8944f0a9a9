"""`production` asks for a secret, an https issuer and hashes that cost something, and answers under its own name."""

import json
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.black_box.conftest import Start
from tests.black_box.problem import problem
from tests.black_box.wire import Wire, ask, head
from tests.support.command import run
from tests.support.person import Person
from tests.support.postgresql import free_port
from tests.support.server import Server, install_application, run_app

SECRET = "Jq0cWm3mQw6nJ3m9dZr1n5cJ0a8bS2tKxUeY4hVgPfM"
SETTINGS = {
    "COATCHECK_ENVIRONMENT": "production",
    "COATCHECK_SECRET": SECRET,
    "COATCHECK_ISSUER": "https://todos.example",
    "COATCHECK_ALLOWED_ORIGINS": "https://app.example, https://other.example:8443",
}


def migrate(folder: Path, settings: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """What the refusal says to run, in the application's folder."""
    return run(folder, "migrate", "--app", "app:app", **settings)


@pytest.fixture(scope="module")
def production(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server as it would run behind a proxy."""
    folder = tmp_path_factory.mktemp("production")
    install_application(folder)
    assert migrate(folder, SETTINGS).returncode == 0
    server = Server(folder, SETTINGS)
    yield server
    server.stop()


@pytest.fixture(scope="module")
def caller(production: Server) -> Iterator[Any]:
    """A client that the proxy passes on: under the issuer's name, with the proxy's headers."""
    headers = {
        "Host": "todos.example",
        "X-Forwarded-For": "192.0.2.1",
        "X-Forwarded-Proto": "https",
        "Forwarded": "for=_x",
    }
    with httpx2.Client(base_url=production.url, headers=headers, timeout=30) as client:
        yield client


HTTPS = "In production COATCHECK_ISSUER must be this service's https address."
CHEAPER = "In production password hashes may not cost less than OWASP's minimum"


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"COATCHECK_SECRET": ""}, "In production set COATCHECK_SECRET or COATCHECK_SECRET_FILE."),
        (
            {"COATCHECK_ISSUER": "http://todos.example"},
            "In production COATCHECK_ISSUER must be this service's https address.",
        ),
        ({"COATCHECK_ISSUER": ""}, "In production COATCHECK_ISSUER must be this service's https address."),
        (
            {"COATCHECK_ARGON2_MEMORY_KIB": "19455"},
            "In production password hashes may not cost less than OWASP's minimum",
        ),
        ({"COATCHECK_ARGON2_TIME_COST": "1"}, "In production password hashes may not cost less than OWASP's minimum"),
    ],
)
def test_it_refuses_to_start_unsafely(changed: dict[str, str], sentence: str, tmp_path: Path) -> None:
    settings = {name: value for name, value in (SETTINGS | changed).items() if value}
    done = run_app(tmp_path / "app", {**settings, "COATCHECK_PORT": str(free_port())})
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith(sentence)
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "app" / "data").exists()


def test_it_refuses_an_older_schema_and_runs_after_the_command_that_it_names(tmp_path: Path, start: Start) -> None:
    folder = tmp_path / "app"
    settings = {**SETTINGS, "COATCHECK_PORT": str(free_port())}
    missing = run_app(folder, settings)
    assert (missing.returncode, missing.stdout) == (1, "")
    assert "There is no database " in missing.stderr
    assert "Make it with: coatcheck migrate" in missing.stderr
    assert not (folder / "data").exists()
    sqlite3.connect(folder / "empty.db").close()
    (folder / "data").mkdir()
    (folder / "empty.db").rename(folder / "data" / "coatcheck.db")
    done = run_app(folder, settings)
    assert (done.returncode, done.stdout) == (1, "")
    assert "is older than this program. Run coatcheck migrate, with --app module:app if " in done.stderr
    assert done.stderr.count("\n") == 1
    assert SECRET not in done.stderr
    migrated = migrate(folder, settings)
    assert (migrated.returncode, migrated.stdout) == (0, "The schema is up to date now.\n")
    server = start(settings)
    assert ask(server, head("GET /ready HTTP/1.1", host="todos.example")).status_code == 200
    assert server.stop() == 0
    assert migrate(folder, settings).stdout == "The schema was up to date already.\n"


def test_the_brief_works_behind_a_proxy(caller: Any) -> None:
    person = Person(caller)
    todo = person.add_todo()
    assert person.get("/todos").json() == [todo]
    assert person.delete("/me").status_code == 204


def test_no_secret_is_made_where_one_is_given(production: Server) -> None:
    assert [path.name for path in (production.folder / "data").iterdir() if "secret" in path.name] == []


@pytest.mark.parametrize(
    "host",
    [
        *(
            "todos.example",
            "TODOS.example",
            "todos.example:443",
            "app.example",
            "other.example:8443",
            "app.example:443",
        ),
    ],
)
def test_its_own_names_are_answered(host: str, production: Server) -> None:
    problem(ask(production, head("GET /me HTTP/1.1", host=host)), 401, "no-credentials")


@pytest.mark.parametrize(
    "host",
    [
        *(
            "127.0.0.1",
            "localhost",
            "evil.example",
            "todos.example.evil.example",
            "xtodos.example",
            "todos.example:80",
        ),
        *(
            "other.example",
            "todos.example:8443",
            "todos.example.",
            "",
            "[",
            "[::1",
            "todos.example/health",
            "x/health?",
        ),
        *("evil.example/health#", "evil.example/ready?", "@todos.example", "\xff", "a" * 60_000),
    ],
)
def test_any_other_name_is_421(host: str, production: Server) -> None:
    for path in ("/me", "/todos", "/todos/1"):
        document = problem(ask(production, head(f"GET {path} HTTP/1.1", host=host)), 421, "misdirected")
        expected = "This server does not answer under this name. Use the address of COATCHECK_ISSUER."
        assert document["detail"] == expected


def test_two_hosts_are_421(production: Server) -> None:
    request = head("GET /me HTTP/1.1", ["Host: todos.example"], "todos.example")
    problem(ask(production, request), 421, "misdirected")


@pytest.mark.parametrize("path", ["/health", "/ready"])
def test_health_answers_a_load_balancer_that_calls_by_address(path: str, production: Server) -> None:
    for host in ("127.0.0.1", f"10.0.0.1:{production.port}", "evil.example", None):
        assert ask(production, head(f"GET {path} HTTP/1.1", ["Connection: close"], host)).status_code in {200, 400}
        assert ask(production, head(f"HEAD {path} HTTP/1.0", [], host)).status_code == 200


def test_the_remembered_token_is_for_local_only(production: Server, sqlite_server: Server) -> None:
    page = head("GET /docs HTTP/1.1", host="todos.example")
    assert 'data-remember-token="false"' in ask(production, page).text
    assert 'data-remember-token="true"' in ask(sqlite_server, head("GET /docs HTTP/1.1")).text


PREFLIGHT = {"Access-Control-Request-Method": "PUT", "Access-Control-Request-Headers": "authorization,content-type"}


@pytest.mark.parametrize("origin", ["https://app.example", "https://other.example:8443"])
def test_a_page_of_an_allowed_origin_may_ask(origin: str, caller: Any) -> None:
    answer = caller.options("/me/password", headers={"Origin": origin, **PREFLIGHT})
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == origin
    assert {"GET", "POST", "PUT", "PATCH", "DELETE"} == set(
        answer.headers["access-control-allow-methods"].split(", ")
    )
    allowed = answer.headers["access-control-allow-headers"].lower().split(", ")
    assert {"authorization", "content-type"} <= set(allowed)
    assert "access-control-allow-credentials" not in answer.headers


@pytest.mark.parametrize("status", [200, 401, 404])
def test_b17_what_a_page_needs_is_exposed_to_it(status: int, caller: Any) -> None:
    path = {200: "/health", 401: "/me", 404: "/nowhere"}[status]
    answer = caller.get(path, headers={"Origin": "https://app.example"})
    assert answer.status_code == status
    assert answer.headers["access-control-allow-origin"] == "https://app.example"
    exposed = set(answer.headers["access-control-expose-headers"].split(", "))
    assert {"Link", "Retry-After", "WWW-Authenticate"} <= exposed
    assert "access-control-allow-credentials" not in answer.headers
    assert "Origin" in answer.headers["vary"]


@pytest.mark.parametrize(
    "origin",
    [
        *(
            "https://evil.example",
            "http://app.example",
            "https://app.example:444",
            "https://app.example.evil.example",
        ),
        *("null", "https://other.example", "https://APP.example", "https://app.example/", ""),
    ],
)
def test_a_page_of_another_origin_may_not(origin: str, caller: Any) -> None:
    answer = caller.options("/todos", headers={"Origin": origin, **PREFLIGHT})
    problem(answer, 400, "origin-not-allowed")
    assert "access-control-allow-origin" not in answer.headers
    simple = caller.get("/health", headers={"Origin": origin})
    assert "access-control-allow-origin" not in simple.headers


def test_a_method_or_header_that_is_not_allowed_is_refused(caller: Any) -> None:
    for change in ({"Access-Control-Request-Method": "TRACE"}, {"Access-Control-Request-Headers": "x-custom"}):
        answer = caller.options("/todos", headers={"Origin": "https://app.example", **PREFLIGHT, **change})
        problem(answer, 400, "origin-not-allowed")


def test_where_no_origin_is_allowed_there_is_no_layer(sqlite_client: Any) -> None:
    answer = sqlite_client.options("/todos", headers={"Origin": "https://app.example", **PREFLIGHT})
    problem(answer, 405, "method-not-allowed")
    answer = sqlite_client.get("/health", headers={"Origin": "https://app.example"})
    assert not [name for name in answer.headers if name.startswith("access-control-") or name == "vary"]


def test_nobody_hides_where_they_log_in_from_by_naming_the_own_address(production: Server, caller: Any) -> None:
    """A thief with the password would else stand in the owner's list of sessions as somebody without an address."""
    person = Person(caller)
    body = json.dumps(person.credentials)
    with Wire(production) as wire:
        own = f"X-Forwarded-For: {wire.own_address()}"
        sent = ["Content-Type: application/json", own, f"Content-Length: {len(body)}"]
        wire.send(head("POST /login HTTP/1.1", sent, "todos.example") + body.encode())
        assert wire.read().status_code == 200
    assert {session["address"] for session in person.get("/sessions").json()} == {"127.0.0.1"}
    assert "has replaced the address" not in production.stderr
