"""The manual's lists say what the code says, completely and nothing else."""

import ast
import configparser
import pkgutil
import re
import tomllib
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import coatcheck
import todos
from coatcheck import Problem, Settings
from coatcheck.web.problem_document import TYPE_PREFIX, HTTPProblem
from tests.docs.pages import links, pages, plain, rows
from tests.support.server import ROOT

DOCS = ROOT / "docs"
OWN_FIELD = "directory"  # not a setting: which folder the settings are of


def shown(default: Any) -> str:
    """A default as the settings page writes it."""
    if default is None or default == ():
        return "none"
    return f"`{str(default).lower() if isinstance(default, bool) else default}`"


def test_every_setting_is_on_the_settings_page_with_its_default_and_its_meaning() -> None:
    page = {name.strip("`"): (default, meaning) for name, default, meaning in rows(DOCS / "settings.md")}
    fields = {name: field for name, field in Settings.model_fields.items() if name != OWN_FIELD}
    assert set(page) == {f"COATCHECK_{name.upper()}" for name in fields}
    for name, field in fields.items():
        default, meaning = page[f"COATCHECK_{name.upper()}"]
        assert default == shown(field.default), name
        assert field.description is not None
        assert meaning.startswith(field.description), name


def modules(package: Any) -> Iterator[str]:
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        # __main__ runs the command line; Alembic's files run only inside a migration.
        if not re.search(r"__main__|alembic_environment|migrations\.", module.name):
            yield module.name


def problems(kind: type[Problem] = Problem) -> Iterator[type[Problem]]:
    for one in kind.__subclasses__():
        if one.__module__.partition(".")[0] in {"coatcheck", "todos"}:
            yield one
        yield from problems(one)


def test_every_problem_is_on_the_problems_page_and_nothing_else() -> None:
    for name in (*modules(coatcheck), *modules(todos)):
        import_module(name)
    # HTTPProblem has a name only once it has an HTTPException; the page's last paragraph is about it.
    known = [(f"{TYPE_PREFIX}{one.name}", str(one.status)) for one in problems() if one is not HTTPProblem]
    listed = [(cells[0].strip("`"), cells[1]) for cells in rows(DOCS / "problems.md") if cells[0].startswith("`urn:")]
    assert set(known) - set(listed) == set(), "not on the page"
    assert set(listed) - set(known) == set(), "on the page only"
    assert len(listed) == len(known) == len({name for name, _ in known})


def test_every_problem_says_when_it_comes_and_what_to_do() -> None:
    for cells in rows(DOCS / "problems.md"):
        if cells[0].startswith("`urn:"):
            _, _, when, what_to_do = cells
            assert when.endswith(".")
            assert what_to_do.endswith(".")


def required(lines: list[str]) -> set[str]:
    """The packages that requirement lines name."""
    names = (re.match(r"[A-Za-z0-9._-]+", line) for line in lines if not line.startswith(("#", "-")))
    return {name[0] for name in names if name}


def test_every_dependency_has_a_reason() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    known = required(project["project"]["dependencies"])
    for file in ("dev.in", "run.in"):
        known |= required((ROOT / "requirements" / file).read_text().splitlines())
    text = (DOCS / "dependencies.md").read_text(encoding="utf-8")
    listed = re.findall(r"^- `([^`]+)`: \S", text, re.MULTILINE)
    assert known - set(listed) == set(), "not on the page"
    assert sorted(listed) == sorted(known)


def existing_rooms() -> Iterator[tuple[str, str]]:
    """Each room of .importlinter that is there, and its door sign."""
    config = configparser.ConfigParser()
    config.read(ROOT / ".importlinter")
    house = Path(str(coatcheck.__file__)).parent
    for name in re.findall(r"\w+", config["importlinter:contract:rooms"]["layers"]):
        for file in (house / name / "__init__.py", house / f"{name}.py"):
            if file.exists():
                yield name, ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""


def test_every_room_is_on_the_rooms_page_from_top_to_bottom_with_its_door_sign() -> None:
    text = (DOCS / "rooms.md").read_text(encoding="utf-8")
    listed = re.findall(r"^- \*\*`(\w+)`\*\*: (.*?)(?=^- |^$)", text, re.MULTILINE | re.DOTALL)
    assert [name for name, _ in listed] == [name for name, _ in existing_rooms()]
    for (name, paragraph), (_, sign) in zip(listed, existing_rooms(), strict=True):
        first_sentence = re.split(r"(?<=\.)\s", plain(sign))[0]
        assert plain(paragraph).startswith(first_sentence), name


def test_every_file_that_the_rooms_page_names_is_there() -> None:
    text = (DOCS / "rooms.md").read_text(encoding="utf-8")
    for name in re.findall(r"`([\w/]+\.py)`", text):
        if name != "__init__.py":
            assert (ROOT / name).exists() or (ROOT / "src" / "coatcheck" / name).exists(), name


def test_decisions_are_numbered_have_the_same_parts_and_are_in_the_index() -> None:
    decisions = sorted((DOCS / "decisions").glob("*.md"))
    assert [int(page.name[:4]) for page in decisions] == list(range(1, len(decisions) + 1))
    index = (DOCS / "README.md").read_text(encoding="utf-8")
    for page in decisions:
        text = page.read_text(encoding="utf-8")
        title = text.splitlines()[0].removeprefix("# ")
        assert re.findall(r"^## (.+)$", text, re.MULTILINE) == ["Context", "Decision", "Consequences", "Measured"]
        assert f"- [{title}](decisions/{page.name})" in index
        assert len(text.splitlines()) <= 60, page.name


def test_every_link_leads_somewhere() -> None:
    for page in pages():
        for link in links(page):
            if not link.startswith("http"):
                assert (page.parent / link.partition("#")[0]).exists(), f"{page.name}: {link}"


def slug(heading: str) -> str:
    """A heading's anchor, as repository browsers and the site make it."""
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


def test_every_anchor_is_a_heading() -> None:
    for page in pages():
        for link in links(page):
            file, _, anchor = link.partition("#")
            if anchor and not link.startswith("http"):
                text = (page.parent / file if file else page).read_text(encoding="utf-8")
                assert anchor in map(slug, re.findall(r"^#+ (.+)$", text, re.MULTILINE)), f"{page.name}: {link}"


def test_every_page_is_reached_from_readme() -> None:
    reached: set[Path] = set()
    waiting = [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        if page.suffix == ".md" and page not in reached:
            reached.add(page)
            waiting += [(page.parent / link).resolve() for link in links(page) if not link.startswith("http")]
    assert set(pages()) - reached == set()
