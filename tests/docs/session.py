"""A reader's terminal and editor: one page's commands typed as printed, in one shell, in order."""

import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.docs.pages import Block
from tests.support.server import ROOT, Server, clean_environment

# What differs each time. Whatever is not named here must be exactly as printed.
CHANGING = (
    (re.compile(r"eyJhbG[\w.-]*…?[\w.-]*"), "<token>"),
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z"), "<time>"),
    (re.compile(r"urn:uuid:[0-9a-f-]{36}"), "<request id>"),
    (re.compile(r"^[\w-]{43}$", re.MULTILINE), "<secret>"),
)
PRINTED_ADDRESS = "127.0.0.1:8000"
# make is asked only whether it could: installing is what a fresh clone's own check is for.
PREPARE = f"make() {{ command make --dry-run --no-print-directory -C '{ROOT}' \"$@\" >/dev/null; }}\n"
END = "<<< end of block >>>"


def masked(text: str) -> str:
    """The text with what changes replaced."""
    for pattern, name in CHANGING:
        text = pattern.sub(name, text)
    return text.strip()


def type_in(blocks: Sequence[Block], server: Server, home: Path) -> list[str]:
    """What each block printed, masked; an `env` block is written to `.env`.

    The server listens on a port of its own; curl is told so by its configuration, which a command
    as it is printed does not see. The folder looks like a clone after `make run`.
    """
    home.mkdir()
    (home / ".curlrc").write_text(f'connect-to = "{PRINTED_ADDRESS}:127.0.0.1:{server.port}"\n')
    (server.folder / ".venv").symlink_to(sys.prefix)
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", PREPARE + "".join(map(_typed, blocks))],
        cwd=server.folder,
        env=clean_environment() | {"HOME": str(home), "CURL_HOME": str(home)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    printed = done.stdout.split(f"{END}\n")
    assert done.returncode == 0, f"{blocks[len(printed) - 1]} fails:\n{done.stderr}"
    return [masked(text) for text in printed[:-1]]


def _typed(block: Block) -> str:
    text = f"cat > .env <<'{END}'\n{block.text}{END}" if block.kind == "env" else block.text
    return f"{text}\necho '{END}'\n"
