"""What to say when the dependencies are not installed: the commands that work there, in that system's spelling."""

from pathlib import Path

import pytest

from tests.support.server import ROOT
from todos.setup import how_to_install

MISSING = ModuleNotFoundError("No module named 'no_such_thing'", name="no_such_thing")


def commands(text: str) -> list[str]:
    first, _, rest = text.partition("\n\n")
    assert first.startswith("This Python has no no_such_thing.")
    return [line.strip() for line in rest.splitlines()]


@pytest.mark.parametrize("windows", [False, True])
def test_where_an_environment_is_it_is_named(windows: bool, tmp_path: Path) -> None:
    python = tmp_path / ".venv" / ("Scripts" if windows else "bin") / ("python.exe" if windows else "python")
    python.parent.mkdir(parents=True)
    python.touch()
    expected = r".venv\Scripts\python.exe app.py" if windows else ".venv/bin/python app.py"
    assert commands(how_to_install(tmp_path, MISSING, windows=windows)) == [expected]


def test_where_none_is_make_makes_one(tmp_path: Path) -> None:
    assert commands(how_to_install(tmp_path, MISSING, windows=False)) == ["make run"]


def test_windows_has_no_make_and_gets_each_step(tmp_path: Path) -> None:
    steps = commands(how_to_install(tmp_path, MISSING, windows=True))
    assert steps[0] == "py -m venv .venv"
    assert steps[-1] == r".venv\Scripts\python.exe app.py"
    assert r"-r requirements\run.txt" in steps[1]
    assert "--require-hashes" in steps[1]
    assert (ROOT / "requirements" / "run.txt").exists()
    for step in steps[1:]:
        assert step.startswith(r".venv\Scripts\python.exe ")


@pytest.mark.parametrize("name", ["coatcheck.not_there", "fastapi.nothing", None])
def test_what_is_missing_inside_an_installed_package_is_our_mistake(name: str | None, tmp_path: Path) -> None:
    mistake = ModuleNotFoundError("x", name=name)
    with pytest.raises(ModuleNotFoundError) as raised:
        how_to_install(tmp_path, mistake)
    assert raised.value is mistake
