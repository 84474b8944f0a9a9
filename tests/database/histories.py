"""Alembic histories made for one test."""

import importlib
import itertools
import sys
from pathlib import Path
from textwrap import dedent, indent

import pytest

_numbers = itertools.count(1)


class History:
    """A package of version files in a folder of its own, found as an application's is."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.name = f"later{next(_numbers)}"
        self.package = f"{self.name}.migrations"
        self._folder = folder / self.name / "migrations"
        self._folder.mkdir(parents=True)
        for file in (self._folder / "__init__.py", self._folder.parent / "__init__.py"):
            file.touch()
        monkeypatch.syspath_prepend(str(folder))
        self._last: str | None = None

    def add(self, upgrade: str, downgrade: str = "raise NotImplementedError", after: int | None = None) -> "History":
        """One more revision; the texts are the bodies of its two functions.

        after: the number of the revision it stands on, unless on the newest.
        """
        number = len(list(self._folder.glob("0*.py"))) + 1
        revision = f"{self.name}_{number:04}"
        last = self._last if after is None else f"{self.name}_{after:04}"
        (self._folder / f"{number:04}_step.py").write_text(
            f'"""A step."""\nimport sqlalchemy as sa\nfrom alembic import op\n'
            f"revision = {revision!r}\ndown_revision = {last!r}\n\n\n"
            f"def upgrade() -> None:\n{indent(dedent(upgrade).strip(), '    ')}\n\n\n"
            f"def downgrade() -> None:\n{indent(dedent(downgrade).strip(), '    ')}\n"
        )
        self._last = revision
        importlib.invalidate_caches()
        return self

    def write(self, name: str, text: str) -> None:
        """A file as it is, beside the revisions."""
        (self._folder / name).write_text(text)
        importlib.invalidate_caches()

    def forget_last(self) -> None:
        """Take the newest revision back, as whoever mends it does."""
        newest = max(self._folder.glob("0*.py"))
        newest.unlink()
        number = int(newest.name[:4]) - 1
        self._last = f"{self.name}_{number:04}" if number else None

    def forget(self) -> None:
        """Leave no package of this name behind."""
        for name in (self.package, self.name):
            sys.modules.pop(name, None)
