"""The browser adds a page's cookie to whatever it is made to send, by whoever's page. So a cookie lets somebody in
like a token in the header, and changes something only for a page of this very origin."""

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest

from tests.black_box.problem import challenge, problem
from tests.black_box.test_addresses import OPERATIONS
from tests.black_box.test_production import SETTINGS
from tests.black_box.unchanged import nothing_changes
from tests.black_box.wire import ask, head
from tests.support.person import Person
from tests.support.server import Server, clean_environment, install_application

OPEN = {"/register", "/login", "/token/refresh", "/health", "/ready", "/.well-known/jwks.json"}
PROTECTED = [(method.upper(), path) for method, path in OPERATIONS if path not in OPEN]
UNSAFE = [(method, path) for method, path in PROTECTED if method != "GET"]
BODIES = {
    "/todos": {"title": "x"},
    "/todos/{id}": {"title": "x"},
    "/me/password": {"old_password": "x", "new_password": "y" * 9},
}


@dataclass(frozen=True)
class Place:
    """A server with somebody on it, and how a browser on one of its pages speaks to it."""

    server: Server
    person: Person
    host: str
    origin: str
    cookie: str

    def ask(self, method: str, path: str, *headers: str, body: bool = True) -> httpx2.Response:
        """A request as bytes, so that a header may come twice."""
        content = b""
        if body and path in BODIES and method != "DELETE":
            made = httpx2.Request(method, "http://x", json=BODIES[path])
            content = made.content
            headers = (*headers, "Content-Type: application/json", f"Content-Length: {len(content)}")
        line = f"{method} {path.format(id=self._something(path))} HTTP/1.1"
        return ask(self.server, head(line, headers, self.host) + content)

    def _something(self, path: str) -> object:
        """The id of something that is there."""
        if path == "/sessions/{id}":
            self.person.log_in()
            return next(one["id"] for one in self.person.get("/sessions").json() if not one["current"])
        return self.person.add_todo()["id"] if "{id}" in path else 0

    @property
    def own(self) -> str:
        """What a browser says on a page of ours."""
        return "Sec-Fetch-Site: same-origin"

    def sent(self, token: str | None = None) -> str:
        """The cookie as a browser sends it."""
        return f"Cookie: theme=dark; {self.cookie}={self.person.token if token is None else token}"


@pytest.fixture(scope="module")
def production(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("production")
    install_application(folder)
    command = [sys.executable, "-m", "coatcheck", "migrate", "--app", "app:app"]
    subprocess.run(command, cwd=folder, env=clean_environment() | SETTINGS, check=True, capture_output=True)
    server = Server(folder, SETTINGS)
    yield server
    server.stop()


@pytest.fixture(params=["local", "production"])
def place(request: pytest.FixtureRequest) -> Iterator[Place]:
    if request.param == "local":
        server: Server = request.getfixturevalue("sqlite_server")
        name = f"127.0.0.1:{server.port}"
        here = Place(
            server, request.getfixturevalue("sqlite_person"), name, f"http://{name}", f"coatcheck-{server.port}"
        )
        yield here
        return
    server = request.getfixturevalue("production")
    with server.client(headers={"Host": "todos.example"}) as client:
        yield Place(server, Person(client), "todos.example", "https://todos.example", "__Host-coatcheck")


def same(one: httpx2.Response, other: httpx2.Response) -> bool:
    """Whether two refusals differ in nothing but the request's id and the moment."""
    return [_plain(one)] == [_plain(other)]


def _plain(answer: httpx2.Response) -> Any:
    passing = {"date", "x-request-id"}
    headers = [(name, value) for name, value in answer.headers.multi_items() if name not in passing]
    return answer.status_code, headers, {**answer.json(), "instance": ""}


@pytest.mark.parametrize("path", [path for method, path in PROTECTED if method == "GET"])
def test_a_cookie_reads_whoever_linked_here(path: str, place: Place) -> None:
    for said in ((place.own,), ("Sec-Fetch-Site: cross-site",), ("Origin: https://evil.example",), ()):
        assert place.ask("GET", path, place.sent(), *said).status_code == 200


@pytest.mark.parametrize(("method", "path"), UNSAFE)
def test_on_a_page_of_ours_a_cookie_does_what_the_header_does(method: str, path: str, place: Place) -> None:
    if path in {"/me", "/logout"}:  # gone; somebody else tries it by cookie
        one, other = Person(place.person.client), Person(place.person.client)
        by_header = place.ask(method, path, f"Authorization: Bearer {one.token}")
        by_cookie = place.ask(method, path, place.sent(other.token), place.own)
        assert by_cookie.status_code == by_header.status_code == 204
        assert by_cookie.headers["set-cookie"].startswith(f"{place.cookie}=; Max-Age=0; Path=/; HttpOnly")
        return
    by_header = place.ask(method, path, f"Authorization: Bearer {place.person.token}")
    for said in (place.own, f"Origin: {place.origin}"):
        by_cookie = place.ask(method, path, place.sent(), said)
        assert by_cookie.status_code == by_header.status_code
        assert by_cookie.status_code in ({400} if path == "/me/password" else {200, 201, 204})


FOREIGN = [
    [],
    ["Sec-Fetch-Site: cross-site"],
    ["Sec-Fetch-Site: same-site"],
    ["Sec-Fetch-Site: none"],
    ["Sec-Fetch-Site: same-site", "Origin: {own}"],
    ["Sec-Fetch-Site: same-origin", "Sec-Fetch-Site: same-origin"],
    ["Origin: null"],
    ["Origin: https://evil.example"],
    ["Origin: {own}", "Origin: {own}"],
    ["Origin: {own}.evil.example"],
    ["Origin: http://127.0.0.1:1"],
    ["Referer: {own}/"],
]


@pytest.mark.parametrize(("method", "path"), UNSAFE)
def test_from_anywhere_else_a_cookie_changes_nothing(method: str, path: str, place: Place) -> None:
    with nothing_changes(place.person):
        for foreign in FOREIGN:
            said = [line.replace("{own}", place.origin) for line in foreign]
            path_there = path.replace("{id}", "1")
            answer = ask(place.server, head(f"{method} {path_there} HTTP/1.1", [place.sent(), *said], place.host))
            problem(answer, 403, "cross-site-request")
            assert "www-authenticate" not in answer.headers
            assert "set-cookie" not in answer.headers


@pytest.mark.parametrize(("method", "path"), UNSAFE)
def test_from_elsewhere_a_good_and_a_bad_cookie_get_the_same_answer(method: str, path: str, place: Place) -> None:
    good = place.ask(method, path, place.sent(), body=False)
    for token in ("", "forged", place.person.token[:-1] + "_", "a" * 5_000):
        assert same(good, place.ask(method, path, place.sent(token), body=False))


def test_from_elsewhere_it_is_refused_before_the_body_is_read(place: Place) -> None:
    answer = place.ask("POST", "/todos", place.sent(), "Content-Length: 65536", body=False)
    problem(answer, 403, "cross-site-request")


@pytest.mark.parametrize(("method", "path"), PROTECTED)
def test_b18_a_bad_cookie_and_a_bad_header_get_the_same_401(method: str, path: str, place: Place) -> None:
    by_header = place.ask(method, path, "Authorization: Bearer forged")
    problem(by_header, 401, "invalid-token")
    for token in ("", "forged", place.person.token[:-1] + "_", f'"{place.person.token}"', "\xff", "a" * 5_000):
        assert same(by_header, place.ask(method, path, place.sent(token), place.own))


@pytest.mark.parametrize(("method", "path"), PROTECTED)
@pytest.mark.parametrize("header", ["Bearer forged", "Bearer", "bearer  x", "Basic YQ==", "DPoP x", "Bearer\tx", ""])
def test_a_bad_header_never_falls_back_to_the_cookie(header: str, method: str, path: str, place: Place) -> None:
    """Who writes one says who they are, and would else act as whoever is signed in in that browser."""
    alone = place.ask(method, path, f"Authorization: {header}")
    assert alone.status_code == 401
    assert same(alone, place.ask(method, path, f"Authorization: {header}", place.sent(), place.own))


def test_a_good_header_counts_and_the_cookie_does_not_wherever_it_comes_from(place: Place) -> None:
    other = Person(place.person.client)
    answer = place.ask("GET", "/me", f"Authorization: Bearer {other.token}", place.sent())
    assert answer.json()["id"] == other.id
    headers = [f"Authorization: Bearer {other.token}", place.sent(), "Sec-Fetch-Site: cross-site", "Origin: null"]
    assert place.ask("POST", "/todos", *headers).status_code == 201
    assert place.person.get("/todos").json() == []


@pytest.mark.parametrize(("method", "path"), PROTECTED)
def test_two_cookies_are_refused_whichever_comes_first(method: str, path: str, place: Place) -> None:
    other = Person(place.person.client)
    for one, two in (
        (place.person.token, other.token),
        (other.token, place.person.token),
        (other.token, other.token),
    ):
        in_one_line = f"Cookie: {place.cookie}={one}; {place.cookie}={two}"
        for cookies in ([in_one_line], [place.sent(one), place.sent(two)]):
            problem(place.ask(method, path, *cookies, place.own), 400, "two-cookies")


def test_only_the_cookie_of_this_servers_own_name_is_one(place: Place) -> None:
    names = ["__Host-coatcheck", "coatcheck", "__host-coatcheck", "coatcheck-8000", "coatcheck-1", "access_token"]
    names += [f"{place.cookie}-refresh", f"coatcheck-{place.server.port}", f"\xa0{place.cookie}"]
    for name in names:
        if name != place.cookie:
            answer = place.ask("GET", "/me", f"Cookie: {name}={place.person.token}")
            problem(answer, 401, "no-credentials")
            assert challenge(answer) == 'Bearer realm="coatcheck"'


@pytest.mark.parametrize("path", ["/login", "/register"])
def test_what_sets_no_cookie_asks_for_no_page(path: str, place: Place) -> None:
    """`/login` hands the token to whoever asked, and a page of another origin cannot read it."""
    headers = {"Cookie": place.sent().removeprefix("Cookie: "), "Sec-Fetch-Site": "cross-site"}
    answer = place.person.client.post(path, json=place.person.credentials, headers=headers)
    assert answer.status_code == (200 if path == "/login" else 400)
    assert "set-cookie" not in answer.headers


def test_a_session_that_is_over_is_over_in_the_cookie(place: Place) -> None:
    other = place.person.log_in()
    assert place.ask("GET", "/me", place.sent(other)).status_code == 200
    change = {"old_password": place.person.password, "new_password": "correct horse battery"}
    assert place.person.put("/me/password", json=change).status_code == 204
    problem(place.ask("GET", "/me", place.sent(other)), 401, "invalid-token")
    assert place.ask("GET", "/me", place.sent()).status_code == 200
