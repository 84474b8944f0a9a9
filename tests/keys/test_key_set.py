"""`/.well-known/jwks.json`: what other services check tokens with. J facts: RFC 8725 and its neighbours."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from joserfc import jwt
from joserfc.jwk import KeySet

from coatcheck import Coatcheck, Settings
from coatcheck.keys import Secret
from coatcheck.problems import NotStarted
from tests.support.app import CHEAP, make_app
from tests.support.clock import Clock
from tests.support.person import Person

PATH = "/.well-known/jwks.json"
MEMBERS = {"OKP": {"kty", "crv", "x", "use", "alg", "kid"}, "EC": {"kty", "crv", "x", "y", "use", "alg", "kid"}}
PRIVATE = {"d", "p", "q", "dp", "dq", "qi", "oth", "k"}  # RFC 7518 section 6
ISSUER = "http://127.0.0.1:8000"
DAY = 86_400


# The name that verifiers in the field know; RFC 9864 has another one for it.
pytestmark = pytest.mark.filterwarnings("ignore:EdDSA is deprecated")


async def hosts() -> str:
    return "the host's"


def key_set(client: TestClient) -> list[dict[str, Any]]:
    answer = client.get(PATH)
    assert answer.status_code == 200
    assert list(answer.json()) == ["keys"]
    found: list[dict[str, Any]] = answer.json()["keys"]
    return found


def keyring_of(client: TestClient) -> Any:
    app: Any = client.app
    return app.state.coatcheck.keyring


def call(client: TestClient, function: Any, *arguments: Any) -> Any:
    assert client.portal is not None
    return client.portal.call(function, *arguments)


class AnotherService:
    """It has the key set and nothing else of Coatcheck's, and knows the issuer."""

    def __init__(self, keys: list[dict[str, Any]], clock: Callable[[], float] = time.time) -> None:
        self._keys = KeySet.import_key_set({"keys": keys})
        self._clock = clock

    def subject(self, token: str) -> str:
        found = jwt.decode(token, self._keys, algorithms=["EdDSA", "ES256"])
        assert found.header["typ"] == "at+jwt"
        ours = {"essential": True, "value": ISSUER}
        rules = jwt.JWTClaimsRegistry(int(self._clock()), iss=ours, aud=ours, exp={"essential": True})  # type: ignore[arg-type]
        rules.validate(found.claims)
        return str(found.claims["sub"])


@pytest.mark.parametrize(("algorithm", "kind"), [("EdDSA", "OKP"), ("ES256", "EC")])
def test_another_service_checks_tokens_with_the_key_set_alone(
    algorithm: str, kind: str, tmp_path: Path, database_url: str
) -> None:
    with TestClient(make_app(tmp_path, database_url, signing_algorithm=algorithm)) as client:
        person = Person(client)
        service = AnotherService(key_set(client))
        assert service.subject(person.token) == str(person.id)
        assert person.get("/me").status_code == 200
        changed = person.token[:-6] + ("AAAAAA" if person.token[-6:] != "AAAAAA" else "BBBBBB")
        with pytest.raises(Exception, match="signature"):
            service.subject(changed)
        assert {key["kty"] for key in key_set(client)} == {kind}


@pytest.mark.parametrize("algorithm", ["EdDSA", "ES256"])
def test_j33_it_holds_public_members_only_and_j34_each_key_its_own_kid_alg_and_use(
    algorithm: str, tmp_path: Path
) -> None:
    with TestClient(make_app(tmp_path, signing_algorithm=algorithm)) as client:
        keys = key_set(client)
        assert len(keys) == 2
        for key in keys:
            assert set(key) == MEMBERS[key["kty"]]
            assert not set(key) & PRIVATE
            assert (key["alg"], key["use"]) == (algorithm, "sig")
        assert len({key["kid"] for key in keys}) == len(keys)


def test_the_current_key_comes_first_then_the_next_then_the_retired(local_client: TestClient, clock: Clock) -> None:
    keyring = keyring_of(local_client)
    first, second = [key["kid"] for key in key_set(local_client)]
    clock.forward(300)
    call(local_client, keyring.rotate)
    after = [key["kid"] for key in key_set(local_client)]
    assert (after[0], after[2]) == (second, first)
    call(local_client, keyring.revoke, first)
    assert [key["kid"] for key in key_set(local_client)] == after[:2]


def test_j35_it_may_be_kept_for_as_long_as_a_key_is_published_before_it_signs(local_client: TestClient) -> None:
    answer = local_client.get(PATH)
    assert answer.headers["cache-control"] == "public, max-age=300"
    assert answer.headers["content-type"] == "application/jwk-set+json"
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.fixture
def daily_client(tmp_path: Path, database_url: str, clock: Clock) -> Iterator[TestClient]:
    """The application with a new key each day."""
    with TestClient(make_app(tmp_path, database_url, clock=clock, signing_key_days=1)) as client:
        yield client


def test_j35_whoever_keeps_it_five_minutes_knows_every_key_that_signs(daily_client: TestClient, clock: Clock) -> None:
    """A service that reads the set every five minutes, while the key is changed each day, by a login each minute."""
    person, service, read_at = Person(daily_client), AnotherService(key_set(daily_client), clock), clock.now
    signers: set[str] = set()
    for _ in range(3):
        clock.forward(DAY - 5 * 60)
        service, read_at = AnotherService(key_set(daily_client), clock), clock.now
        for _ in range(10):
            clock.forward(60)
            if clock.now - read_at >= 300:
                service, read_at = AnotherService(key_set(daily_client), clock), clock.now
            token = person.log_in()
            assert service.subject(token) == str(person.id)
            signers.add(token.split(".")[0])
    assert len(signers) == 4


def test_a_client_that_has_it_gets_304_until_it_changes(local_client: TestClient, clock: Clock) -> None:
    tag = local_client.get(PATH).headers["etag"]
    for named in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        for method in ("GET", "HEAD"):
            answer = local_client.request(method, PATH, headers={"If-None-Match": named})
            assert (answer.status_code, answer.content) == (304, b"")
            assert answer.headers["etag"] == tag
            assert answer.headers["cache-control"] == "public, max-age=300"
            assert "content-type" not in answer.headers
    assert local_client.get(PATH, headers={"If-None-Match": '"other"'}).status_code == 200
    clock.forward(300)
    call(local_client, keyring_of(local_client).rotate)
    answer = local_client.get(PATH, headers={"If-None-Match": tag})
    assert (answer.status_code, answer.headers["etag"] != tag) == (200, True)


def test_no_prefix_moves_it(tmp_path: Path) -> None:
    app = FastAPI()
    Coatcheck(app, Settings.read(tmp_path, **CHEAP), prefix="/accounts")
    with TestClient(app) as client:
        assert len(key_set(client)) == 2
        assert client.get(f"/accounts{PATH}").status_code == 404
        assert client.get("/openapi.json").json()["paths"][PATH]["get"]["operationId"] == "get_keys"


def test_a_path_of_the_hosts_there_is_refused_at_start(tmp_path: Path) -> None:
    for early in (True, False):
        app = FastAPI()
        if early:
            app.get(PATH)(hosts)
        Coatcheck(app, Settings.read(tmp_path, **CHEAP))
        if not early:
            app.get(PATH)(hosts)
        with (
            pytest.raises(NotStarted, match=r"GET /\.well-known/jwks\.json is taken.*Rename that\."),
            TestClient(app),
        ):
            pass


def test_in_production_it_answers_under_any_name(tmp_path: Path) -> None:
    settings = Settings.read(
        tmp_path,
        environment="production",
        secret=Secret.new_text(),
        issuer="https://todos.example",
        database_url="sqlite:///test.db",
    )
    app = FastAPI()
    coatcheck = Coatcheck(app, settings)
    coatcheck.migrations.upgrade()
    with TestClient(app, base_url="http://10.0.0.7:8000") as client:
        assert len(key_set(client)) == 2
        assert client.post("/auth/login", json={}).status_code == 421


def test_a_process_that_nobody_logs_in_to_shows_a_revoked_key_no_more(tmp_path: Path, database_url: str) -> None:
    """Another process has revoked it. Whoever checks tokens with the set learns so, without a login here."""
    with (
        TestClient(make_app(tmp_path, database_url)) as client,
        TestClient(make_app(tmp_path, database_url)) as other,
    ):
        before = client.get(PATH)
        stolen, tag = before.json()["keys"][0]["kid"], before.headers["etag"]
        call(other, keyring_of(other).revoke, stolen)
        deadline = time.monotonic() + 1.0  # what is current on PostgreSQL may be younger than that by so much
        while (after := client.get(PATH, headers={"If-None-Match": tag})).status_code == 304:
            assert time.monotonic() < deadline, "it is shown for ever"
        assert stolen not in [key["kid"] for key in after.json()["keys"]]


def test_while_the_database_is_away_it_shows_what_is_known(local_client: TestClient) -> None:
    app: Any = local_client.app
    before = key_set(local_client)
    keyring_of(local_client).told(-1)
    call(local_client, app.state.coatcheck.database.close)
    assert key_set(local_client) == before
    call(local_client, app.state.coatcheck.database.open)
    assert key_set(local_client) == before
