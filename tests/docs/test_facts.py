"""docs/facts.md names every fact, and for each the tests that there are."""

import ast
import re
from functools import cache

from tests.black_box.test_token_attacks import FORGERIES
from tests.docs.pages import plain, rows
from tests.support.server import ROOT

PAGE = ROOT / "docs" / "facts.md"
FACTS = [
    *(f"J{number:02}" for number in range(1, 45)),
    *(f"T{number:02}" for number in range(1, 21)),
    *(f"B{number:02}" for number in range(1, 19)),
    *(f"W{number:02}" for number in range(1, 48)),
    *(f"V6.{part}.{number}" for part, last in enumerate((3, 12, 8), start=1) for number in range(1, last + 1)),
]
OUT_OF_SCOPE = "**Out of scope**: "
NAMED = re.compile(r"(?<![a-z0-9])([jtbw])(\d\d)(?:_to_[jtbw](\d\d))?(?![a-z0-9])")
NAMED_BY_ASVS = re.compile(r"(?<![a-z0-9])v6_(\d)_(\d+)(?![a-z0-9])")


@cache
def by_file() -> dict[str, set[str]]:
    """The names of the tests in each file, also of those in a class."""
    return {
        str(file.relative_to(ROOT)): {
            node.name
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")
        }
        for file in (ROOT / "tests").rglob("*.py")
    }


def named_in(test: str) -> set[str]:
    """The facts in a test's name; `t05_to_t11` are seven, `b64` is none, and `v6_2_4` is V6.2.4."""
    found = {f"V6.{part}.{number}" for part, number in NAMED_BY_ASVS.findall(test)}
    for letter, first, last in NAMED.findall(test):
        found |= {f"{letter.upper()}{number:02}" for number in range(int(first), int(last or first) + 1)}
    return found & set(FACTS)


def page() -> dict[str, tuple[str, list[str]]]:
    """What each fact says, and its tests."""
    return {cells[0].strip("`"): (cells[2], re.findall(r"`([^`]+)`", cells[3])) for cells in rows(PAGE)}


def test_every_fact_is_a_row_once_and_in_order() -> None:
    assert [cells[0].strip("`") for cells in rows(PAGE)] == FACTS


def test_every_fact_has_a_test_or_says_why_it_is_out_of_scope() -> None:
    for fact, (says, tests) in page().items():
        assert says.endswith("."), fact
        assert tests or OUT_OF_SCOPE in says, fact


def test_every_test_that_the_page_names_is_there() -> None:
    for fact, (_, tests) in page().items():
        for test in tests:
            file, _, name = test.partition("::")
            assert name in by_file().get(file, ()), f"{fact}: {test}"
        assert len(set(tests)) == len(tests), fact


def test_every_test_that_names_a_fact_is_in_its_row() -> None:
    known = page()
    missing = [
        f"{fact}: {file}::{name}"
        for file, names in by_file().items()
        for name in names
        for fact in sorted(named_in(name))
        if f"{file}::{name}" not in known.get(fact, ("", []))[1]
    ]
    assert missing == []


def test_every_fact_in_scope_has_a_test_that_names_it() -> None:
    unnamed = [
        fact
        for fact, (says, tests) in page().items()
        if OUT_OF_SCOPE not in says and not any(fact in named_in(test.partition("::")[2]) for test in tests)
    ]
    assert unnamed == []


def test_the_page_counts_the_kinds_of_forgery() -> None:
    assert f": {len(FORGERIES)} kinds of forgery against every protected route" in plain(
        PAGE.read_text(encoding="utf-8")
    )


def test_a_name_is_read_as_it_is_meant() -> None:
    assert named_in("test_j01_j02_j04_the_header") == {"J01", "J02", "J04"}
    assert named_in("test_t05_to_t11_each_claim") == {f"T{number:02}" for number in range(5, 12)}
    assert named_in("test_j22_j24_t05_a_time") == {"J22", "J24", "T05"}
    assert named_in("test_w03_and_v6_2_9_up_to_1024") == {"W03", "V6.2.9"}
    assert named_in("test_11_without_a_token_b64_false_at_jwt_b1") == set()
