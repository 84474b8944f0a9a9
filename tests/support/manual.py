"""The manual's site, built as `make docs` does."""

import subprocess
import sys
from pathlib import Path

from tests.support.server import ROOT

ZENSICAL = Path(sys.prefix) / "bin" / "zensical"
NOT_INSTALLED = "zensical is not installed; make docs installs it"


def lay_out(build: Path) -> None:
    """The pages and the site's settings, in `build`."""
    subprocess.run([sys.executable, ROOT / ".ci" / "manual.py", build], check=True)


def build_site(build: Path) -> subprocess.CompletedProcess[str]:
    """Build `build`/site."""
    command = [str(ZENSICAL), "build", "--clean", "--strict", "--config-file", str(build / "zensical.toml")]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
