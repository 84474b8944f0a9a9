"""Every file that the manual tells to write is clean under mypy --strict and pyright, both strict."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.pages import blocks, pages
from tests.support.server import ROOT

PAGES = [page for page in pages() if any(block.kind == "python" and block.title for block in blocks(page))]


def write(page: Path, folder: Path) -> Path:
    """The page's files in a folder of their own."""
    place = folder / "_".join(page.relative_to(ROOT).with_suffix("").parts)
    for block in blocks(page):
        if block.title:
            file = place / block.title
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(block.text, encoding="utf-8")
    return place


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("mypy")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_mypy_has_nothing_to_say(page: Path, cache: Path, tmp_path: Path) -> None:
    place = write(page, tmp_path)
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file=", f"--cache-dir={cache}", "."]
    done = subprocess.run(command, cwd=place, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_pyright_has_nothing_to_say(tmp_path: Path) -> None:
    places = [write(page, tmp_path) for page in PAGES]
    environments = [{"root": str(place)} for place in places]
    settings = {"typeCheckingMode": "strict", "executionEnvironments": environments}
    (tmp_path / "pyrightconfig.json").write_text(json.dumps(settings))
    command = [sys.executable, "-m", "pyright", "--pythonpath", sys.executable]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
