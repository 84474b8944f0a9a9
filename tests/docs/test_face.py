"""What you import: each name of `coatcheck.__all__` is on its page, with the signature that the code has."""

import dataclasses
import inspect
import re
from typing import Any

import pytest

import coatcheck
from coatcheck import Account, Coatcheck, Database, Problem, Settings, User
from tests.docs.pages import plain
from tests.support.server import ROOT

PAGE = (ROOT / "docs" / "face.md").read_text(encoding="utf-8")
ENTRIES: dict[str, str] = dict(re.findall(r"^### (\S+)\n\n(.*?)(?=^##|\Z)", PAGE, re.MULTILINE | re.DOTALL))
# What is no call, or whose call is described elsewhere: Settings has a page of its own.
WITHOUT = {"Account", "CurrentUser", "OptionalUser", "Settings", "User", "account_id"}
METHODS = [
    (kind, *found)
    for kind in (Coatcheck, Database, Settings)
    for found in re.findall(r"^- `(\w+)(\(.*?)`: ", ENTRIES[kind.__name__], re.MULTILINE | re.DOTALL)
]


def signature(thing: Any) -> str:
    """Its signature as the page writes it: without self, without modules."""
    text = str(inspect.signature(thing)).replace("(self, ", "(").replace("(self)", "()")
    text = text.replace("<built-in function time>", "time.time")
    text = re.sub(r"\b(?:[a-z_]\w*\.)+(?=[A-Z])", "", text).replace("'Settings'", "Settings").replace("'", '"')
    return text.removesuffix(" -> None") if inspect.isclass(thing) else text


def test_every_name_has_its_entry_and_nothing_else_has() -> None:
    assert sorted(ENTRIES) == coatcheck.__all__
    assert len(re.findall(r"^### ", PAGE, re.MULTILINE)) == len(ENTRIES)


@pytest.mark.parametrize("name", sorted(set(coatcheck.__all__) - WITHOUT))
def test_an_entry_begins_with_the_signature(name: str) -> None:
    assert ENTRIES[name].splitlines()[0] == f"`{name}{signature(getattr(coatcheck, name))}`"


@pytest.mark.parametrize(("kind", "name", "written"), METHODS, ids=[f"{one[0].__name__}.{one[1]}" for one in METHODS])
def test_a_method_has_the_signature_that_is_written(kind: type, name: str, written: str) -> None:
    assert plain(written) == signature(getattr(kind, name))


def test_the_methods_that_are_promised_are_written() -> None:
    written = {(kind.__name__, name) for kind, name, _ in METHODS}
    assert {name for kind, name in written if kind == "Database"} == {"one", "all", "scan", "execute", "transaction"}
    account_methods = {name for name in vars(Coatcheck) if re.search("_account|_sessions", name) and name[0] != "_"}
    assert {name for kind, name in written if kind == "Coatcheck"} == account_methods


@pytest.mark.parametrize("kind", [Account, User])
def test_every_field_is_named(kind: Any) -> None:
    names = set(re.findall(r"`(\w+)`", ENTRIES[kind.__name__]))
    assert {field.name for field in dataclasses.fields(kind)} - names == set()


def test_an_entry_leads_on_to_a_page_where_the_name_is_used() -> None:
    refusals = PAGE.partition("## Refusals")[2].partition("## For a whole")[0]
    for name, entry in ENTRIES.items():
        text = refusals if f"### {name}\n" in refusals else entry
        assert re.search(r"\]\([\w-]+\.md", text), name


def test_a_refusal_says_its_status() -> None:
    for name, entry in ENTRIES.items():
        thing = getattr(coatcheck, name)
        if inspect.isclass(thing) and issubclass(thing, Problem) and thing is not Problem:
            assert plain(entry.partition("\n\n")[2]).startswith(f"{thing.status}: "), name
