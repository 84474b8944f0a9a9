"""Whoever has seen a token, or the public key, forges one. More than forty kinds of forgery, each against every
protected route and right after the token it was made of was accepted; and all of them again when that token's
session has ended, its key was revoked, or its time is over."""

import json
import urllib.request
from collections.abc import Callable, Iterator
from typing import NamedTuple

import pytest

from tests.black_box.attacked import Answer, Attacker, Operation, Service, running, token_from_elsewhere
from tests.black_box.forged_claims import CLAIM_FORGERIES
from tests.black_box.forged_keys import KEY_FORGERIES
from tests.black_box.forged_shapes import SHAPE_FORGERIES
from tests.black_box.forging import Forgery, Original, Text
from tests.black_box.problem import INSTANCE
from tests.support.asgi import Header

FORGERIES = (*KEY_FORGERIES, *SHAPE_FORGERIES, *CLAIM_FORGERIES)
ME = Operation("GET", "/me")
REFUSED_SECONDS = 0.010
TRIES = 3  # the machine has other work: the best of three counts
LOGGED_PIECE = 12  # characters of a token in a row that would be told from anything else in the log
REFUSAL = {
    "type": "urn:coatcheck:problem:invalid-token",
    "title": "Token not accepted",
    "status": 401,
    "detail": "The access token is not valid, or no longer. Log in again to get a new one.",
}
CHALLENGE = 'Bearer realm="coatcheck", error="invalid_token"'

# In which ways a token is sent.
Transport = Callable[[Text], list[Header]]


def raw(text: Text) -> bytes:
    return text if isinstance(text, bytes) else text.encode("utf-8")


def in_the_header(text: Text) -> list[Header]:
    return [(b"authorization", b"Bearer " + raw(text))]


def in_the_cookie(text: Text) -> list[Header]:
    """As a page of ours sends it; what no cookie holds (`;`, a blank at an end) is sent without."""
    sent = raw(text)
    if b";" in sent or sent.strip(b" \t") != sent:
        sent = sent.translate(None, b"; \t") + b"A"
    return [(b"cookie", b"coatcheck-8000=" + sent), (b"sec-fetch-site", b"same-origin")]


TRANSPORTS: dict[str, Transport] = {"header": in_the_header, "cookie": in_the_cookie}


class Attacked(NamedTuple):
    """A service, a good token of it, every operation that asks for one, and the attacker's own server."""

    service: Service
    original: Original
    operations: list[Operation]
    attacker: Attacker


@pytest.fixture(scope="module")
def attacker() -> Iterator[Attacker]:
    """Where the forgeries say that the key can be fetched; nobody must come."""
    attacker = Attacker()
    urllib.request.urlopen(f"{attacker.url}/jwks.json", timeout=5).close()
    assert len(attacker.came) == 1  # so it is there, and it counts
    yield attacker
    attacker.close()
    assert len(attacker.came) == 1


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A good token of another service."""
    return token_from_elsewhere(tmp_path_factory.mktemp("elsewhere"))


def protected(service: Service) -> list[Operation]:
    """Every operation that the OpenAPI document protects."""
    paths = service.app.openapi()["paths"]
    return [
        Operation(method.upper(), path)
        for path, operations in paths.items()
        for method, operation in operations.items()
        if operation.get("security")
    ]


@pytest.fixture(scope="module", params=["EdDSA", "ES256"])
def attacked(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, attacker: Attacker, elsewhere: str
) -> Iterator[Attacked]:
    """A service with somebody signed in, whose keys sign with this algorithm."""
    with running(tmp_path_factory.mktemp("attacked"), attacker.url, request.param) as service:
        original = service.original(elsewhere)
        assert original.header["alg"] == request.param
        yield Attacked(service, original, protected(service), attacker)


def end_the_session(service: Service, original: Original) -> None:
    assert service.person.post("/logout", token=original.token).status_code == 204


def revoke_the_key(service: Service, original: Original) -> None:
    service.portal.call(service.coatcheck.keyring.revoke, original.key.id)


def let_it_expire(service: Service, original: Original) -> None:
    service.clock.forward(30 * 60)


@pytest.fixture(scope="module", params=[end_the_session, revoke_the_key, let_it_expire], ids=lambda end: end.__name__)
def over(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, attacker: Attacker, elsewhere: str
) -> Iterator[Attacked]:
    """The same, when the token was used a moment ago and is good no more."""
    with running(tmp_path_factory.mktemp("over"), attacker.url) as service:
        original = service.original(elsewhere)
        for send in TRANSPORTS.values():
            assert service.ask(ME, *send(original.token)).status == 200
        request.param(service, original)
        yield Attacked(service, original, protected(service), attacker)


def must_refuse(service: Service, operation: Operation, headers: list[Header], text: Text) -> None:
    """The one refusal that every bad token gets; quickly, and the log does not repeat what was sent."""
    service.lines.texts.clear()
    answer = service.ask(operation, *headers)
    for _ in range(TRIES - 1):
        if answer.seconds >= REFUSED_SECONDS:
            service.lines.texts.clear()
            answer = service.ask(operation, *headers)
    where = (operation, raw(text)[:300])
    assert (answer.status, answer.headers.get("www-authenticate")) == (401, CHALLENGE), where
    assert uniform(answer) == REFUSAL, where
    assert answer.seconds < REFUSED_SECONDS, where
    (line,) = service.lines.texts
    assert json.loads(line)["status"] == 401
    shown = raw(text).decode("latin-1")
    pieces = {shown[at : at + LOGGED_PIECE] for at in range(0, min(len(shown), 2_000) - LOGGED_PIECE, LOGGED_PIECE)}
    assert not any(piece in line for piece in pieces), where


def uniform(answer: Answer) -> dict[str, object]:
    """The document without what differs from refusal to refusal."""
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["cache-control"] == "no-store"
    document: dict[str, object] = json.loads(answer.body)
    instance = document.pop("instance")
    assert isinstance(instance, str)
    assert INSTANCE.fullmatch(instance)
    assert instance.removeprefix("urn:uuid:") == answer.headers["x-request-id"]
    return document


def test_there_are_more_than_forty_kinds_and_every_protected_route_is_attacked(attacked: Attacked) -> None:
    assert len({forgery.__name__ for forgery in FORGERIES}) == len(FORGERIES) > 40
    assert {forgery.__name__: len(list(forgery(attacked.original))) for forgery in FORGERIES}
    assert len(attacked.operations) >= 14


@pytest.mark.parametrize("send", TRANSPORTS.values(), ids=TRANSPORTS)
@pytest.mark.parametrize("forge", FORGERIES, ids=lambda forge: forge.__name__)
def test_a_forgery_is_refused_everywhere_right_after_the_original_was_accepted(
    forge: Forgery, send: Transport, attacked: Attacked
) -> None:
    service, original, operations, attacker = attacked
    forged = list(forge(original))
    assert forged
    assert original.token not in forged
    for operation in operations:
        for text in forged:
            assert service.ask(ME, *send(original.token)).status == 200
            must_refuse(service, operation, send(text), text)
    assert len(attacker.came) == 1, "somebody asked the attacker for a key"


@pytest.mark.parametrize("send", TRANSPORTS.values(), ids=TRANSPORTS)
@pytest.mark.parametrize("forge", FORGERIES, ids=lambda forge: forge.__name__)
def test_a_forgery_is_refused_when_the_original_is_over(forge: Forgery, send: Transport, over: Attacked) -> None:
    service, original, operations, attacker = over
    for operation in operations:
        for text in forge(original):
            must_refuse(service, operation, send(text), text)
    assert len(attacker.came) == 1, "somebody asked the attacker for a key"


@pytest.mark.parametrize("send", TRANSPORTS.values(), ids=TRANSPORTS)
def test_j42_the_original_itself_is_refused_everywhere_when_it_is_over(send: Transport, over: Attacked) -> None:
    service, original, operations, _ = over
    for operation in operations:
        must_refuse(service, operation, send(original.token), original.token)


def test_a_scheme_in_lower_case_carries_the_original_and_no_forgery(attacked: Attacked) -> None:
    service, original, _, _ = attacked
    for scheme in (b"bearer ", b"BEARER "):
        assert service.ask(ME, (b"authorization", scheme + original.token.encode())).status == 200
        for text in (original.token + "A", f"{original.token}."):
            must_refuse(service, ME, [(b"authorization", scheme + text.encode())], text)
