"""The manual's pages: their fenced blocks, tables and links."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.support.server import ROOT

FENCE = re.compile(r'^```(\w*)(?: title="([\w./-]+)")?\n(.*?)^```$', re.MULTILINE | re.DOTALL)
LINK = re.compile(r"!?\[[^]]*\]\(([^)\s]+)\)")
CELL = re.compile(r"(?<!\\)\|")


@dataclass(frozen=True)
class Block:
    """A fenced block. line: where its text begins. title: the file it is written to; empty for none."""

    path: Path
    line: int
    kind: str
    title: str
    text: str

    def __str__(self) -> str:
        return f"{self.path.relative_to(ROOT)}:{self.line}"


def pages() -> list[Path]:
    """README.md, CHANGELOG.md and everything in docs/."""
    return [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]


def blocks(page: Path) -> list[Block]:
    """The page's fenced blocks in order."""
    text = page.read_text(encoding="utf-8")
    return [
        Block(page, text.count("\n", 0, found.start(3)) + 1, found[1], found[2] or "", found[3])
        for found in FENCE.finditer(text)
    ]


def links(page: Path) -> list[str]:
    """Where the page's links and pictures point."""
    return LINK.findall(FENCE.sub("", page.read_text(encoding="utf-8")))


def rows(page: Path) -> Iterator[list[str]]:
    """The cells of each table row whose first cell is code."""
    for line in page.read_text(encoding="utf-8").splitlines():
        if line.startswith("| `"):
            yield [cell.strip() for cell in CELL.split(line)[1:-1]]


def plain(text: str) -> str:
    """Prose without line breaks."""
    return " ".join(text.split())
