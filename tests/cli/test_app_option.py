"""--app names an application: what is wrong there is told with its place, and never with its text."""

import json
import sys
from pathlib import Path

import pytest

from coatcheck.cli import Program
from tests.cli.test_serve import first_line, serving
from tests.support.command import run
from tests.support.postgresql import free_port
from tests.support.server import CHEAP

TOP = "from fastapi import FastAPI\nfrom coatcheck import Coatcheck, User\napp = FastAPI()\n"
TO_SEE = 'To see the whole: python -c "import main"'
URL = "postgresql://root:hunter2@db.example/x"
WRAPPED = "from fastapi.middleware.gzip import GZipMiddleware\ninner, app = app, GZipMiddleware(app)\n"
MOUNTED = "inner, app = app, FastAPI(title='Outer')\napp.mount('/inner', inner)\n"


def refusal(folder: Path, app: str = "main:app") -> str:
    done = run(folder, "migrate", "--app", app)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1), done.stderr
    return done.stderr.removesuffix("\n")


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        (f"app.nothing('{URL}')", "AttributeError"),
        (f"{{}}['{URL}']", "KeyError"),
        (f"int('{URL}')", "ValueError"),
        (f"raise RuntimeError('{URL}')", "RuntimeError"),
        (f"raise OSError(28, '{URL}')", "OSError"),
        ("import hunter2", "ModuleNotFoundError"),
        ("from json import hunter2", "ImportError"),
        ("app.get('/')(lambda who: 1)('hunter2', 2)", "TypeError"),
        (f"if '{URL}'", "SyntaxError"),
    ],
)
def test_a_fault_of_the_module_is_told_by_type_and_place(tmp_path: Path, line: str, fault: str) -> None:
    (tmp_path / "main.py").write_text(f"{TOP}{line}\nCoatcheck(app)\n")
    assert refusal(tmp_path) == f"main:app cannot be loaded: {fault} at main.py:4. {TO_SEE}"


def test_the_place_is_the_applications_own_also_where_a_library_raises(tmp_path: Path) -> None:
    forged = "def look(user: User | None = None):\n    return 1\n"
    (tmp_path / "routes.py").write_text(f"{TOP}\n@app.get('/')\n{forged}")
    (tmp_path / "main.py").write_text("from routes import app\n")
    assert refusal(tmp_path) == f"main:app cannot be loaded: TypeError at routes.py:5. {TO_SEE}"


@pytest.mark.parametrize(
    ("app", "why"),
    [
        ("nothing:app", '. Could not import module "nothing".'),
        ("nothing", '. Could not import module "nothing".'),
        ("nothing.at.all:app", ", nor a package nothing."),
        ("main.py:app", '. Could not import module "main.py".'),
        ("main:nothing", '. Attribute "nothing" not found in module "main".'),
        (":app", '. Import string ":app" must be in format "<module>:<attribute>".'),
        ("../main:app", ": a module's name is no path."),
        (".main:app", ": a module's name is no path."),
    ],
)
def test_no_application_is_said_only_where_there_is_none(tmp_path: Path, app: str, why: str) -> None:
    (tmp_path / "main.py").write_text(TOP)
    assert refusal(tmp_path, app) == f"There is no application {app} here{why} Write module:app."


def test_an_application_without_accounts_and_a_function_that_makes_one(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text(f"{TOP}def make():\n    Coatcheck(app)\n    return app\n")
    said = "is no FastAPI application with a Coatcheck(app)."
    assert refusal(tmp_path) == f"main:app {said}"
    factory = "If it makes one, keep that under a name (app = make()) and give that to --app."
    assert refusal(tmp_path, "main:make") == f"main:make {said} {factory}"


@pytest.mark.parametrize(("around", "title"), [(WRAPPED, "Application"), (MOUNTED, "Outer")], ids=["layer", "mount"])
def test_accounts_are_found_in_what_is_wrapped_or_mounted(tmp_path: Path, around: str, title: str) -> None:
    (tmp_path / "main.py").write_text(f"{TOP}Coatcheck(app)\n{around}")
    done = run(tmp_path, "users", "create", "alice", "--app", "main:app", "--json", stdin="secret123\n", **CHEAP)
    assert json.loads(done.stdout)["username"] == "alice", done.stderr
    with serving(tmp_path, "--app", "main:app", "--port", str(free_port())) as process:
        assert first_line(process).startswith(f"{title}: http://127.0.0.1:")


def test_of_two_that_are_mounted_one_must_be_named(tmp_path: Path) -> None:
    second = "other = FastAPI()\nCoatcheck(other)\napp.mount('/other', other)\n"
    (tmp_path / "main.py").write_text(f"{TOP}Coatcheck(app)\n{MOUNTED}{second}")
    assert refusal(tmp_path).startswith("main:app has 2 applications with a Coatcheck(app) in it.")
    assert run(tmp_path, "migrate", "--app", "main:other").returncode == 0


def test_one_that_is_mounted_at_two_paths_is_one(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text(f"{TOP}Coatcheck(app)\n{MOUNTED}app.mount('/again', inner)\n")
    assert run(tmp_path, "migrate", "--app", "main:app").returncode == 0


def test_each_name_is_its_own_application_and_the_same_one_each_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    for name in ("chosen_first", "chosen_second"):
        (tmp_path / f"{name}.py").write_text(f"{TOP}Coatcheck(app)\n")
    program = Program()
    first, second, alone = (program.coatcheck(name) for name in ("chosen_first:app", "chosen_second:app", None))
    assert len({id(first), id(second), id(alone)}) == 3
    assert program.coatcheck("chosen_first:app") is first
    assert program.settings("chosen_first:app") is first.settings
    assert program.coatcheck(None) is alone
