"""The OpenAPI document and the server agree: schemathesis makes requests that fit the document and requests that do
not, for every operation, with somebody signed in, and judges each answer by all of its checks."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.specs.openapi.checks import positive_data_acceptance

from tests.black_box.test_addresses import OPERATIONS
from tests.support.person import Person
from tests.support.server import Server

AT_LEAST = 2_000
FITTING, OTHER = schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE
EXAMPLES = {FITTING: 90, OTHER: 110}

# Refused although it fits the document: a name that is taken, an old password that is not the right one, an id that
# is not one's own. And what a name may be is RFC 8265, which no schema can say.
REFUSES_WHAT_FITS = {"/register", "/me/password", "/me"}
# What takes neither parameters nor a body can be asked in one way only.
TAKES_NOTHING = {"get_me", "get_stats", "get_keys", "health", "ready"}


@pytest.fixture(scope="module")
def document(sqlite_server: Server) -> Any:
    """The document as the server gives it, to be tried on that server."""
    schema = schemathesis.openapi.from_url(f"{sqlite_server.url}/openapi.json")
    # A query parameter that is not in the document is ignored, by the contract: `access_token` for one.
    schema.config.generation.update(allow_extra_parameters=False)
    return schema


@pytest.fixture(scope="module")
def tried() -> Iterator[Counter[str]]:
    """How many requests each operation got; the whole file is tried, or one operation."""
    found = Counter[str]()
    yield found
    if len(found) == len(OPERATIONS):
        assert found.total() >= AT_LEAST, found


@pytest.mark.parametrize("mode", [FITTING, OTHER], ids=["what fits", "what does not"])
@pytest.mark.parametrize(("operation", "name"), OPERATIONS.items(), ids=OPERATIONS.values())
def test_every_answer_is_one_that_the_document_names(
    operation: tuple[str, str],
    name: str,
    mode: Any,
    document: Any,
    tried: Counter[str],
    sqlite_server: Server,
    sqlite_person: Person,
) -> None:
    method, path = operation
    if mode is OTHER and name in TAKES_NOTHING:
        return

    @settings(
        max_examples=EXAMPLES[mode],
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    @given(case=document[path][method].as_strategy(generation_mode=mode))
    def answers(case: Any) -> None:
        tried[name] += 1
        # Whoever is deleted or has logged out cannot be asked again.
        token = sqlite_person.token
        if name in {"delete_me", "log_out"}:
            with sqlite_server.client() as client:
                token = Person(client).token
        case.call_and_validate(
            headers={"Authorization": f"Bearer {token}"},
            excluded_checks=[positive_data_acceptance] if path in REFUSES_WHAT_FITS else [],
        )

    answers()
    assert sqlite_person.get("/me").status_code == 200
