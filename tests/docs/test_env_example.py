"""`.env.example` is what the settings say today; each of its lines may be taken as it is."""

import re
from pathlib import Path

import pytest

from coatcheck import Settings
from coatcheck.settings import example
from tests.support.server import ROOT

FILE = (ROOT / ".env.example").read_text(encoding="utf-8")
LINES = re.findall(r"^#(COATCHECK_\w+)=(.*)$", FILE, re.MULTILINE)


def test_it_is_what_make_env_example_writes() -> None:
    assert example() == FILE, "run: make env-example"


def test_it_names_every_setting_once_each_with_a_meaning_and_none_is_set() -> None:
    names = [name.removeprefix("COATCHECK_").lower() for name, _ in LINES]
    assert names == [name for name in Settings.model_fields if name != "directory"]
    assert len(re.findall(r"^# \S.*\.\n#COATCHECK_", FILE, re.MULTILINE)) == len(names)
    assert [line for line in FILE.splitlines() if line and not line.startswith("#")] == []


@pytest.mark.parametrize(("name", "value"), LINES, ids=[name for name, _ in LINES])
def test_a_line_without_its_number_sign_is_the_default(name: str, value: str, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(f"{name}={value}\n")
    assert Settings.read(tmp_path) == Settings(directory=tmp_path)


def test_all_of_them_at_once_are_the_defaults(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(FILE.replace("#COATCHECK_", "COATCHECK_"))
    assert Settings.read(tmp_path) == Settings(directory=tmp_path)
