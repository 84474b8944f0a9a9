"""A page of another site makes the visitor's own browser call 127.0.0.1 under a name that it controls (DNS
rebinding), or somebody on the network finds the port: `local` answers this machine alone, and says so."""

import socket
from collections.abc import Iterator

import pytest

from tests.black_box.conftest import Start
from tests.black_box.problem import problem
from tests.black_box.wire import ask, head
from tests.support.person import Person
from tests.support.server import CHEAP, Server

SENTENCE = (
    "This server runs for this machine only. To be reached from elsewhere, or through a proxy, "
    "set COATCHECK_ENVIRONMENT=production and what it asks for."
)
OWN_ROUTES = ["/register", "/login", "/me", "/me/password", "/todos", "/todos/stats", "/todos/1", "/health", "/ready"]
METHODS = {"/register": "POST", "/login": "POST", "/me/password": "PUT"}


@pytest.mark.parametrize("path", OWN_ROUTES)
@pytest.mark.parametrize("host", ["evil.example", "evil.example:{port}", "192.0.2.1", "127.0.0.1.evil.example"])
def test_another_name_is_421(host: str, path: str, sqlite_server: Server, sqlite_person: Person) -> None:
    line = f"{METHODS.get(path, 'GET')} {path} HTTP/1.1"
    name = host.format(port=sqlite_server.port)
    answer = ask(sqlite_server, head(line, [f"Authorization: Bearer {sqlite_person.token}"], name))
    assert problem(answer, 421, "not-local")["detail"] == SENTENCE


@pytest.mark.parametrize(
    "host",
    [
        *("localhost.evil.example", "evil.localhost.", "localhost.", "10.0.0.1", "[::]", "[fe80::1]"),
        *(
            "8.8.8.8",
            "[::ffff:8.8.8.8]",
            "2130706433.example",
            "0x7f.1",
            "127.1",
            "localhost,evil.example",
            "127.0.0.1 x",
        ),
    ],
)
def test_a_name_that_only_looks_local_is_421(host: str, sqlite_server: Server) -> None:
    problem(ask(sqlite_server, head("GET /health HTTP/1.1", host=host)), 421, "not-local")


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1", "127.0.0.1:{port}", "localhost", "localhost:{port}", "LOCALHOST", "127.8.9.10", "[::1]"),
        *("[::1]:{port}", "[::ffff:127.0.0.1]", "my-machine", "my_machine:{port}", "testserver", "localhost:"),
    ],
)
def test_a_local_name_is_answered(host: str, sqlite_server: Server) -> None:
    answer = ask(sqlite_server, head("GET /health HTTP/1.1", host=host.format(port=sqlite_server.port)))
    assert answer.status_code == 200


@pytest.mark.parametrize(
    "header",
    [
        *(
            "Forwarded: for=127.0.0.1",
            "X-Forwarded-For: 127.0.0.1",
            "X-Forwarded-Proto: http",
            "x-forwarded-host: localhost",
        ),
        *(
            "X-Forwarded-Port: 8000",
            "X-Forwarded-Prefix: /",
            "X-Forwarded-Anything: 1",
            "X-Forwarded-For:",
            "FORWARDED:",
        ),
    ],
)
def test_what_came_through_a_proxy_is_421(header: str, sqlite_server: Server, sqlite_person: Person) -> None:
    request = head("GET /me HTTP/1.1", [f"Authorization: Bearer {sqlite_person.token}", header])
    assert problem(ask(sqlite_server, request), 421, "not-local")["detail"] == SENTENCE


def test_a_registration_that_is_421_registers_nobody(sqlite_server: Server, sqlite_person: Person) -> None:
    name = f"{sqlite_person.username}x"
    credentials = {"username": name, "password": "secret123"}
    answer = sqlite_person.client.post("/register", json=credentials, headers={"Host": "evil.example"})
    problem(answer, 421, "not-local")
    problem(sqlite_person.client.post("/login", json=credentials), 401, "wrong-credentials")


def test_421_comes_before_the_token_and_the_body_are_looked_at(sqlite_server: Server) -> None:
    request = head("POST /todos HTTP/1.1", ["Content-Length: 65536", "Authorization: Bearer x"], "evil.example")
    problem(ask(sqlite_server, request), 421, "not-local")


def test_the_pages_that_are_not_coatchecks_are_left_alone(sqlite_server: Server) -> None:
    for path in ("/docs", "/openapi.json", "/docs-assets/start/swagger.js"):
        assert ask(sqlite_server, head(f"GET {path} HTTP/1.1", host="evil.example")).status_code == 200


@pytest.fixture(scope="module")
def open_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """`local`, made to listen on every address."""
    settings = {**CHEAP, "COATCHECK_HOST": "0.0.0.0"}  # noqa: S104  that is the attack
    server = Server(tmp_path_factory.mktemp("open"), settings)
    yield server
    server.stop()


def own_address() -> str | None:
    """An address of this machine that is not loopback, if it has one. Nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.77", 9))
        except OSError:
            return None
        address = str(probe.getsockname()[0])
    return None if address.startswith("127.") else address


def test_what_arrives_on_another_address_is_421_under_whatever_name(open_server: Server) -> None:
    """The Host header is the caller's to choose; the address it arrived on is not."""
    address = own_address()
    if address is None:
        pytest.skip("this machine has no address but loopback")
    for host in ("127.0.0.1", "localhost", address, f"localhost:{open_server.port}"):
        answer = ask(open_server, head("GET /health HTTP/1.1", host=host), address)
        assert problem(answer, 421, "not-local")["detail"] == SENTENCE


@pytest.mark.parametrize("address", ["127.0.0.1", "127.0.0.2"])
def test_every_loopback_address_is_this_machine(address: str, open_server: Server) -> None:
    assert ask(open_server, head("GET /health HTTP/1.1", host=address), address).status_code == 200


def test_ipv6_loopback_is_this_machine(start: Start) -> None:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("this machine has no IPv6")
    server = start({**CHEAP, "COATCHECK_HOST": "::1"})
    assert f"http://[::1]:{server.port}/docs" in server.first_line
    for host in (f"[::1]:{server.port}", "localhost"):
        assert ask(server, head("GET /health HTTP/1.1", host=host), "::1").status_code == 200
    problem(ask(server, head("GET /health HTTP/1.1", host="evil.example"), "::1"), 421, "not-local")
    assert server.stop() == 0
