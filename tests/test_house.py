"""Each number that .ci/house.py holds can be broken, and then it says which one and where."""

import importlib.util
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).parent.parent / ".ci" / "house.py"


def load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("house", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


house = load()

SOUND = {
    "src/coatcheck/__init__.py": "from .coatcheck import Coatcheck\n__all__ = ['Coatcheck']\n",
    "src/coatcheck/coatcheck.py": (
        'from . import problems\nfrom .login import password\n\n\nclass Coatcheck:\n    """It."""\n'
    ),
    "src/coatcheck/problems.py": 'class Problem(Exception):\n    """A refusal."""\n',
    "src/coatcheck/login/__init__.py": '"""Getting in."""\n',
    "src/coatcheck/login/password.py": (
        'from ..problems import Problem\n\n\ndef log_in() -> None:\n    """Open a session."""\n    raise Problem\n'
    ),
    "todos/__init__.py": "",
    "todos/todos.py": 'from coatcheck import Coatcheck\n\n\ndef page() -> None:\n    """A page."""\n',
    "app.py": "import todos.todos\n",
}
WALK = house.Walk(
    "POST /login",
    ("src/coatcheck/login/__init__.py", "src/coatcheck/login/password.py::log_in"),
    files=2,
    domain_lines=2,
)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for path, text in SOUND.items():
        write(tmp_path, path, text)
    return tmp_path


def write(tree: Path, path: str, text: str) -> None:
    (tree / path).parent.mkdir(parents=True, exist_ok=True)
    (tree / path).write_text(text, encoding="utf-8")


def sentences(tree: Path, capsys: pytest.CaptureFixture[str], walk: object = WALK) -> list[str]:
    """What is printed after the table; held against the exit code."""
    capsys.readouterr()
    code = house.main(tree, (walk,))
    printed = [line for line in capsys.readouterr().out.splitlines() if line.endswith(".")]
    assert code == (1 if printed else 0)
    return printed


def arrows(sentence: str) -> list[tuple[str, str]]:
    """(who imports, what) for each step of the named cycle."""
    modules = sentence.removeprefix("Import cycle: ").removesuffix(".").split(" imports ")
    return list(pairwise(modules))


def function(lines: int, name: str = "count") -> str:
    return f'def {name}() -> None:\n    """It."""\n' + "    print()\n" * (lines - 2)


def test_a_sound_tree_passes_with_its_figures(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert house.main(tree, (WALK,)) == 0
    figures = dict(line.split("  ", 1) for line in capsys.readouterr().out.splitlines())
    assert {name: value.strip() for name, value in figures.items()} == {
        "files": "8",
        "lines": "23",
        "median file": "2",
        "longest file": "6  src/coatcheck/coatcheck.py",
        "functions": "2",
        "longest function": "3  src/coatcheck/login/password.py::log_in",
        "functions of <= 40 lines": "100.0%",
        "POST /login": "2 files, 2 lines of domain code",
    }


def test_a_file_may_have_350_lines_and_not_351(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tree, "todos/long.py", "\n" * 350)
    assert sentences(tree, capsys) == []
    write(tree, "todos/long.py", "\n" * 351)
    assert sentences(tree, capsys) == ["todos/long.py has 351 lines; past 350 it is two things."]


def test_the_history_of_the_tables_may_be_long(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tree, "src/coatcheck/migrations/versions/0001_first.py", "def upgrade():\n" + "    pass\n" * 400)
    assert sentences(tree, capsys) == []


def test_the_median_file_may_have_90_lines_and_not_91(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for lines, expected in ((90, []), (91, ["The median file has 91 lines; it holds at 90."])):
        for number in range(20):
            write(tree, f"todos/file_{number}.py", "\n" * lines)
        assert sentences(tree, capsys) == expected


def test_app_py_may_have_40_lines_and_not_41(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tree, "app.py", "\n" * 40)
    assert sentences(tree, capsys) == []
    write(tree, "app.py", "\n" * 41)
    assert sentences(tree, capsys) == ["app.py has 41 lines; it holds at 40, without logic."]


def test_one_function_in_twenty_may_have_more_than_40_lines(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tree, "todos/short.py", "".join(function(40, f"short_{n}") for n in range(7)))
    write(tree, "todos/shorter.py", "".join(function(2, f"short_{n}") for n in range(10)))
    write(tree, "todos/long.py", function(41))
    assert sentences(tree, capsys) == []
    write(tree, "todos/long.py", "@cache\n" + function(40) + "\n" + function(41, "other"))
    assert sentences(tree, capsys) == [
        "90.5% of the functions have at most 40 lines; 95% should. "
        "The long ones: count (todos/long.py, 41), other (todos/long.py, 41)."
    ]


@pytest.mark.parametrize(
    "cycle",
    [
        "from .login import password\n",
        "from coatcheck.login.password import log_in\n",
        "import coatcheck.login.password as p\n",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from .login.password import log_in\n",
        "def f():\n    '''It.'''\n    from .login.password import log_in\n",
    ],
)
def test_an_import_cycle_is_named(cycle: str, tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tree, "src/coatcheck/problems.py", cycle + SOUND["src/coatcheck/problems.py"])
    (sentence,) = [line for line in sentences(tree, capsys) if line.startswith("Import cycle")]
    assert set(arrows(sentence)) == {
        ("coatcheck.problems", "coatcheck.login.password"),
        ("coatcheck.login.password", "coatcheck.problems"),
    }


def test_the_front_door_is_no_way_around_inside(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(
        tree,
        "src/coatcheck/problems.py",
        "from coatcheck import Coatcheck\n" + SOUND["src/coatcheck/problems.py"],
    )
    (sentence,) = sentences(tree, capsys)
    assert set(arrows(sentence)) <= {
        ("coatcheck.problems", "coatcheck"),
        ("coatcheck", "coatcheck.coatcheck"),
        ("coatcheck.coatcheck", "coatcheck.problems"),
        ("coatcheck.coatcheck", "coatcheck.login.password"),
        ("coatcheck.login.password", "coatcheck.problems"),
    }


def test_an_import_of_our_own_inside_a_function_is_named(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lazy = 'def show() -> None:\n    """It."""\n    import json\n    from . import todos\n'
    write(tree, "todos/routes.py", lazy)
    assert sentences(tree, capsys) == ["todos/routes.py:4 imports todos.todos inside show(); import it at the top."]


def test_what_is_public_has_a_docstring(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(
        tree,
        "todos/bare.py",
        "class Bare:\n    def method(self): ...\n    def _inner(self): ...\n    def __init__(self): ...\n"
        "    @override\n    def known(self): ...\n"
        "def bare(): ...\nasync def waits(): ...\ndef _private(): ...\n"
        "class _Private:\n    def method(self): ...\n"
        "@overload\ndef _x(): ...\nif True:\n    def sometimes(): ...\n",
    )
    assert sentences(tree, capsys) == [
        "todos/bare.py:1 Bare is public and has no docstring.",
        "todos/bare.py:2 Bare.method is public and has no docstring.",
        "todos/bare.py:7 bare is public and has no docstring.",
        "todos/bare.py:8 waits is public and has no docstring.",
        "todos/bare.py:15 sometimes is public and has no docstring.",
    ]


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        ("todos/gone.py::page", "todos/gone.py is not there; name in .ci/house.py what is read now."),
        ("todos/todos.py::gone", "todos/todos.py has no gone; name in .ci/house.py what is read now."),
    ],
)
def test_a_walk_names_what_is_there(step: str, expected: str, tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert sentences(tree, capsys, house.Walk("GET /todos", (step,))) == [f"GET /todos: {expected}"]


def test_a_walk_has_a_length(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tree, "src/coatcheck/login/password.py", function(5, "log_in"))
    assert sentences(tree, capsys) == ["POST /login is 4 lines of domain code; it holds at 2."]


def test_a_walk_has_a_number_of_files(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    walk = house.Walk("GET /todos", ("app.py", "todos/__init__.py", "todos/todos.py::page"), files=2)
    assert sentences(tree, capsys, walk) == ["GET /todos is read in 3 files; it holds at 2."]


def test_as_a_command_it_fails_on_a_broken_tree_and_on_an_empty_one(tree: Path, tmp_path: Path) -> None:
    write(tree, "app.py", "\n" * 41)
    for root, sentence in ((tree, "app.py has 41 lines"), (tmp_path / "none", "to measure")):
        done = subprocess.run([sys.executable, SCRIPT, str(root)], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (1, "")
        assert sentence in done.stdout
