"""What `coatcheck` offers is exactly `__all__`, and the house stands as it is drawn."""

import ast
import inspect
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import coatcheck
from coatcheck import problems
from coatcheck.problems import Problem

ROOT = Path(__file__).parent.parent
FACE = [
    "Account",
    "BadRequest",
    "Coatcheck",
    "Conflict",
    "CurrentUser",
    "Database",
    "Forbidden",
    "Invalid",
    "NotFound",
    "OptionalUser",
    "Problem",
    "Route",
    "Settings",
    "TooManyRequests",
    "Unauthorized",
    "Unavailable",
    "User",
    "account_id",
    "current_user",
    "offline_docs",
    "optional_user",
    "problem_details",
    "request_log",
    "serve",
]


def test_the_front_door_is_exactly_all() -> None:
    assert coatcheck.__all__ == FACE
    assert sorted(FACE) == FACE
    assert all(hasattr(coatcheck, name) for name in FACE)


def test_every_public_name_is_documented() -> None:
    for name in set(FACE) - {"CurrentUser", "OptionalUser", "account_id"}:
        assert inspect.getdoc(getattr(coatcheck, name)), name


def test_the_todos_come_in_by_the_front_door_only() -> None:
    for file in (*(ROOT / "todos").rglob("*.py"), ROOT / "app.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "coatcheck":
                assert node.module == "coatcheck", file
                assert {alias.name for alias in node.names} <= set(FACE), file


def test_the_wheel_holds_the_library_only(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(tmp_path), str(ROOT)],
        check=True,
        capture_output=True,
    )
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.partition("/")[0] for name in names if ".dist-info" not in name} == {"coatcheck"}
    for needed in (
        "py.typed",
        "migrations/0001_accounts.py",
        "passwords/common.txt.gz",
        "passwords/common.LICENSES.txt",
        "web/templates/swagger.html",
        "web/static/swagger.js",
    ):
        assert f"coatcheck/{needed}" in names


def test_the_docstring_draws_the_tree_of_problems() -> None:
    tree = r"^    (?:[├└]── )?([A-Z]\w+)(?: +(\d+))?"
    drawn: list[tuple[str, str]] = re.findall(tree, problems.__doc__ or "", re.MULTILINE)
    classes = sorted((kind for kind in vars(problems).values() if _is_refusal(kind)), key=lambda kind: kind.status)
    assert drawn == [("Problem", ""), *((kind.__name__, str(kind.status)) for kind in classes)]


def _is_refusal(kind: object) -> bool:
    return isinstance(kind, type) and issubclass(kind, Problem) and kind is not Problem


def test_a_problem_without_a_status_cannot_be_written() -> None:
    with pytest.raises(TypeError, match="Nameless needs a status"):
        type("Nameless", (Problem,), {})


def test_nothing_imported_at_start_is_posix_only() -> None:
    posix_only = {"fcntl", "pwd", "grp", "resource", "termios", "tty", "pty", "posix", "syslog"}
    for file in (*(ROOT / "src").rglob("*.py"), *(ROOT / "todos").rglob("*.py"), ROOT / "app.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            assert posix_only.isdisjoint(names), file


@pytest.mark.skipif(
    not (ROOT.parent / "shared" / "importlinter.ini").exists(), reason="shared/ is not beside the checkout"
)
def test_the_rooms_are_those_of_the_architecture() -> None:
    assert (ROOT / ".importlinter").read_text() == (ROOT.parent / "shared" / "importlinter.ini").read_text()
