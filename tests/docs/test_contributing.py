"""What CONTRIBUTING.md names is there, and the numbers are those that the gate holds."""

import re

from tests.docs.pages import plain
from tests.support.server import ROOT

PAGE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")


def test_every_path_is_there() -> None:
    paths = re.findall(r"`((?:src|tests|docs|benchmarks|todos|requirements|\.ci)/[\w./-]*)`", PAGE)
    assert len(paths) > 10
    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_every_make_target_is_there() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"(?:^|`)make ([a-z-]+)", PAGE, re.MULTILINE))
    assert {"run", "test", "check"} <= named <= targets


def test_the_sizes_are_those_of_the_gate() -> None:
    gate = (ROOT / ".ci" / "house.py").read_text()
    sizes = [
        re.findall(rf"^{name} = (\d+)$", gate, re.MULTILINE)[0]
        for name in ("MEDIAN_FILE_LINES", "LONGEST_FILE_LINES", "FUNCTION_LINES")
    ]
    assert "Files under {} lines mostly, none over {}; functions under {}.".format(*sizes) in PAGE


def test_style_is_ten_lines() -> None:
    style = PAGE.partition("## Style, in ten lines")[2].partition("\n## ")[0]
    assert re.findall(r"^(\d+)\. ", style, re.MULTILINE) == [str(number) for number in range(1, 11)]
    assert len(plain(style)) < 900
