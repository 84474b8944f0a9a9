"""What RFC 8725 and RFC 9068 say of tokens, seen over HTTP on each engine. docs/facts.md has the whole list."""

import ast
import json
from pathlib import Path
from typing import Any

import httpx2
import pytest
from fastapi.testclient import TestClient
from joserfc import jws
from joserfc.jwk import KeySet

import coatcheck
from coatcheck import Coatcheck
from coatcheck.tokens import Claims, SigningKey, issue
from coatcheck.tokens.base64url import encoded
from coatcheck.tokens.key import REGISTRY
from coatcheck.tokens.stages import STAGES
from tests.black_box.forging import as_json, said_in, signed
from tests.black_box.problem import challenge
from tests.black_box.wire import ask, head
from tests.support.person import Person
from tests.support.server import Server

TOKENS = 100_000
MAKES_A_SIGNATURE = {"sign", "serialize_compact", "serialize_json", "serialize", "hmac"}
BAD = 'Bearer realm="coatcheck", error="invalid_token"'
PUBLIC = {"kty", "crv", "x", "y", "use", "alg", "kid"}
SAID = {"iss", "sub", "aud", "client_id", "iat", "exp", "jti", "sid", "auth_time", "amr", "username"}


@pytest.fixture
def person(local_client: TestClient) -> Person:
    return Person(local_client)


def site(client: TestClient) -> Coatcheck:
    """The Coatcheck of the application behind this client."""
    app: Any = client.app
    found: Coatcheck = app.state.coatcheck
    return found


def call(client: TestClient, function: Any, *arguments: Any) -> Any:
    """Run it in the application's own event loop."""
    assert client.portal is not None
    return client.portal.call(function, *arguments)


def key_of(person: Person, client: TestClient) -> SigningKey:
    """The key that has signed this person's token."""
    kid = said_in(person.token.split(".")[0])["kid"]
    return site(client).keyring.signing[kid]


def refusal(answer: httpx2.Response, name: str) -> dict[str, Any]:
    """The document of a 401, without what differs from one to the next."""
    assert answer.status_code == 401, answer.text
    assert challenge(answer) == (BAD if name == "invalid-token" else 'Bearer realm="coatcheck"')
    document: dict[str, Any] = answer.json()
    assert document["type"] == f"urn:coatcheck:problem:{name}"
    assert document.pop("instance")
    return document


@pytest.mark.parametrize("end", ["deleted", "disabled", "everywhere"])
def test_j13_who_is_gone_or_shut_out_is_refused_though_the_token_is_good(
    person: Person, local_client: TestClient, end: str
) -> None:
    assert person.get("/me").status_code == 200
    if end == "deleted":
        assert person.delete("/me").status_code == 204
    elif end == "disabled":
        assert call(local_client, site(local_client).disable_account, person.id)
    else:
        call(local_client, site(local_client).end_sessions, person.id)
    for path in ("/me", "/todos", "/sessions"):
        refusal(person.get(path), "invalid-token")


def test_j26_of_a_hundred_thousand_tokens_no_two_have_one_id(monkeypatch: pytest.MonkeyPatch) -> None:
    """Signing them would take ten seconds and is not what is asked: the payload comes back as it is."""
    monkeypatch.setattr("joserfc.jws.serialize_compact", lambda header, payload, *_, **__: payload.decode())
    key = SigningKey.from_seed(bytes(range(32)))
    said = Claims(subject=1, username="x", session="s", auth_time=1, amr=("pwd",), expires_at=2, key_id=key.id)
    ids = {json.loads(issue(said, key=key, issuer="i", audience="a", now=1))["jti"] for _ in range(TOKENS)}
    assert len(ids) == TOKENS
    assert {len(one) for one in ids} == {22}  # 128 random bits


@pytest.mark.parametrize("kilobytes", [10, 60, 100, 1_000])
def test_j32_a_header_of_100_kb_is_refused_and_the_server_goes_on(kilobytes: int, sqlite_server: Server) -> None:
    sent = "A" * (kilobytes * 1_000)
    for value in (f"Bearer {sent}", f"Bearer {sent}.{sent}.{sent}", f"{sent} x"):
        assert ask(sqlite_server, head("GET /me HTTP/1.1", [f"Authorization: {value}"])).status_code in {
            400,
            401,
            431,
        }
    with sqlite_server.client() as client:
        assert Person(client).get("/me").status_code == 200


def test_j33_j34_t18_with_the_published_keys_alone_anybody_checks_a_token(
    person: Person, local_client: TestClient
) -> None:
    published = local_client.get("/.well-known/jwks.json").json()["keys"]
    for key in published:
        assert set(key) <= PUBLIC
        assert key["use"] == "sig"
        assert key["alg"] in {"EdDSA", "ES256"}
    assert len({key["kid"] for key in published}) == len(published) >= 2
    found = jws.deserialize_compact(person.token, KeySet.import_key_set({"keys": published}), registry=REGISTRY)
    assert found.payload is not None
    assert json.loads(found.payload)["sub"] == str(person.id)


def test_j40_t17_whatever_is_wrong_the_answer_is_one_and_the_same(person: Person, local_client: TestClient) -> None:
    """One token for each stage, which that stage refuses: the answers do not tell the stages apart."""
    key = key_of(person, local_client)
    header, claims, signature = person.token.split(".")
    said = said_in(claims)

    def claiming(**changes: Any) -> str:
        return signed(as_json(said_in(header)), as_json(said | changes), key)

    def headed(**members: Any) -> str:
        return f"{encoded(as_json(said_in(header) | members))}.{claims}.{signature}"

    wrong = {
        "size": person.token + "A" * 5_000,
        "parts": f"{header}.{claims}",
        "base64url": f"{person.token}=",
        "header": f"{encoded(b'[]')}.{claims}.{signature}",
        "members": headed(crit=["exp"]),
        "type": headed(typ="JWT"),
        "key": headed(kid="x"),
        "algorithm": headed(alg="none"),
        "signature": f"{header}.{encoded(as_json(said | {'sub': '2'}))}.{signature}",
        "claims": claiming(exp="soon"),
        "issuer": claiming(iss="https://else.example"),
        "audience": claiming(aud="https://else.example"),
        "times": claiming(exp=1),
        "subject": claiming(sub="x"),
    }
    assert list(wrong) == [stage.name for stage in STAGES]
    answers = []
    for stage, token in wrong.items():
        outcomes = call(local_client, site(local_client).sessions.explain, token)
        assert [one.stage for one in outcomes if one.result == "refused"] == [stage]
        answers.append(refusal(person.get("/me", token=token), "invalid-token"))
    assert answers == [answers[0]] * len(STAGES)


def test_j40_a_refusal_holds_no_right_signature(person: Person, local_client: TestClient) -> None:
    """A verifier that said which signature it had expected would sign for whoever asks (CVE-2019-7644)."""
    header, claims, signature = person.token.split(".")
    other = as_json(said_in(claims) | {"sub": "2"})
    right = signed(as_json(said_in(header)), other, key_of(person, local_client)).rpartition(".")[2]
    answer = person.get("/me", token=f"{header}.{encoded(other)}.{signature}")
    refusal(answer, "invalid-token")
    assert right not in answer.text + str(answer.headers)


def test_j41_no_code_of_ours_compares_a_signature() -> None:
    """The library does, in constant time: an `==` stops at the first byte that differs."""
    room = Path(str(coatcheck.__file__)).parent / "tokens"
    trees = {file.stem: ast.parse(file.read_text(encoding="utf-8")) for file in room.glob("*.py")}
    # Whoever compares it with the right one must make that first, and only what issues tokens makes any.
    used = [
        (name, getattr(node, "attr", getattr(node, "id", ""))) for name in trees for node in ast.walk(trees[name])
    ]
    assert [one for one in used if one[1] in MAKES_A_SIGNATURE] == [("issue", "serialize_compact")]
    named = [node for node in trees["stages"].body if isinstance(node, ast.FunctionDef)]
    (checking,) = [node for node in named if node.name == "_signature"]
    assert not [node for node in ast.walk(checking) if isinstance(node, ast.Eq | ast.NotEq)]
    assert [node for node in ast.walk(checking) if isinstance(node, ast.Attribute) and node.attr == "verify"]


def test_j43_a_token_in_the_query_or_in_a_form_lets_nobody_in(person: Person) -> None:
    client = person.client
    for name in ("access_token", "token", "Authorization"):
        refusal(client.get("/me", params={name: person.token}), "no-credentials")
        refusal(client.post("/todos", data={name: person.token}), "no-credentials")
        refusal(client.post("/todos", json={"title": "x", name: person.token}), "no-credentials")


def test_j44_keys_change_again_and_again_and_no_token_is_refused(person: Person, local_client: TestClient) -> None:
    keyring = site(local_client).keyring
    tokens, kids = [person.token], set[str]()
    for _ in range(5):
        call(local_client, lambda: keyring.rotate(now=True))
        tokens.append(person.log_in())
        kids.add(said_in(tokens[-1].split(".")[0])["kid"])
        assert [person.get("/me", token=token).status_code for token in tokens] == [200] * len(tokens)
    assert len(kids) == 5


def test_t01_the_type_of_what_a_login_gives_is_at_jwt(person: Person) -> None:
    header = said_in(person.token.split(".")[0])
    assert header == {"alg": "EdDSA", "typ": "at+jwt", "kid": header["kid"]}
    assert next(iter(header)) == "alg"


def test_t19_an_id_token_lets_nobody_in(person: Person, local_client: TestClient) -> None:
    """Even one that our own key has signed: as OpenID Connect writes it, and with all that an access token says."""
    key, said = key_of(person, local_client), said_in(person.token.split(".")[1])
    plain = {name: said[name] for name in ("iss", "sub", "aud", "iat", "exp", "auth_time")} | {"nonce": "n"}
    for kind in ("JWT", "id_token+jwt"):
        header = as_json({"alg": key.algorithm, "typ": kind, "kid": key.id})
        for payload in (plain, said | {"nonce": "n"}):
            refusal(person.get("/me", token=signed(header, as_json(payload), key)), "invalid-token")
    header = as_json({"alg": key.algorithm, "kid": key.id})
    refusal(person.get("/me", token=signed(header, as_json(plain), key)), "invalid-token")


def test_t20_a_token_says_of_a_person_the_name_and_no_more(person: Person) -> None:
    """Whoever holds it reads it: no address, no device, no password, no role."""
    said = said_in(person.token.split(".")[1])
    assert set(said) == SAID
    assert (said["username"], said["sub"]) == (person.username, str(person.id))
