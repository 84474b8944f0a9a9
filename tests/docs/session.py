"""A reader's terminal and editor: one page's commands typed as printed, in one shell, in order."""

import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.docs.pages import Block
from tests.support.server import ROOT, clean_environment

# What differs each time. Whatever is not named here must be exactly as printed.
CHANGING = (
    (re.compile(r"eyJhbG[\w.-]*…?[\w.-]*"), "<token>"),
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z"), "<time>"),
    (re.compile(r'(?<="revocations":")[a-z ]+(?=")'), "<state>"),
    (re.compile(r"urn:uuid:[0-9a-f-]{36}"), "<request id>"),
    (re.compile(r"^[\w-]{43}$", re.MULTILINE), "<secret>"),
    (
        re.compile(r'(?<="kid": ")[\w-]{43}(?=")|(?<="id": ")[\w-]{43}(?=")|^[\w-]{43}(?=  | is )', re.MULTILINE),
        "<key id>",
    ),
    (re.compile(r"\b\d{4}-\d\d-\d\d \d\d:\d\d(?= |$)", re.MULTILINE), "<minute>"),
    (re.compile(r'(?<="jti": ")[\w-]{22}(?=")|(?<="sid": ")[\w-]{22}(?=")'), "<random id>"),
    (re.compile(r'(?<="iat": )\d{10}|(?<="exp": )\d{10}|(?<="auth_time": )\d{10}'), "<seconds since 1970>"),
    (re.compile(r"(?<=keyid=)[\w-]{22}"), "<key id>"),
    (re.compile(r"(?<=,p=1\$)[\w+/]{22}\$[\w+/]{43}"), "<salt>$<hash>"),
    (re.compile(r"(?<=public key )[0-9a-f]{64}"), "<public key>"),
    (re.compile(r"\b\d+\.\d{3,6} m?s$", re.MULTILINE), "<duration>"),
    (re.compile(r"\bpassed in \d+\.\d\ds$", re.MULTILINE), "passed in <time>"),
)
PRINTED_ADDRESS = "127.0.0.1:8000"
PRINTED_SECOND_ADDRESS = "127.0.0.1:8001"  # of a server that the page starts beside app.py's
IS_INSTALLED = "import sys; from importlib.metadata import distribution; [*map(distribution, sys.argv[1:])]"
# The reader's terminals. make is asked only whether it could, and pip only whether it has: installing is
# what a fresh clone's own check is for. A server is started as in a terminal of its own, on a free port;
# the next one ends it. One that refuses to start prints why.
PREPARE = f"""
make() {{ command make --dry-run --no-print-directory -C '{ROOT}' "$@" >/dev/null; }}
pip() {{ [ "$1" = install ] && python -c '{IS_INSTALLED}' "${{@:2}}"; }}
python3() {{ [ "${{1-}} ${{2-}}" = "-m venv" ] || command python3 "$@"; }}
python() {{
    if grep -qs '^    serve(' "${{1-}}"; then serve env COATCHECK_PORT="$SERVER_PORT" python "$@"
    else command python "$@"; fi
}}
uvicorn() {{ serve command uvicorn "$@" --port "$SERVER_PORT"; }}
.venv/bin/uvicorn() {{ uvicorn "$@"; }}
coatcheck() {{
    if [ "${{1-}}" = serve ]; then serve command coatcheck "$@" --port "$SERVER_PORT"
    else command coatcheck "$@"; fi
}}
serve() {{
    stop
    "$@" >"$HOME/server.log" 2>&1 &
    SERVER=$!
    until (: <>"/dev/tcp/127.0.0.1/$SERVER_PORT") 2>/dev/null; do
        kill -0 "$SERVER" 2>/dev/null || {{ refused; return; }}
        sleep 0.05
    done
}}
refused() {{ SERVER=; cat "$HOME/server.log" >&2; grep ^ERROR "$HOME/server.log"; }}
stop() {{ [ -z "${{SERVER-}}" ] || {{ kill "$SERVER"; wait "$SERVER" || true; SERVER=; }}; }}
trap stop EXIT
"""
PAGE_SECONDS = 240
END = "<<< end of block >>>"


def masked(text: str) -> str:
    """The text with what changes replaced."""
    for pattern, name in CHANGING:
        text = pattern.sub(name, text)
    return text.strip()


def type_in(
    blocks: Sequence[Block], folder: Path, home: Path, port: int, own_port: int, **settings: str
) -> list[str]:
    """What each block printed, masked. An `env` block is written to `.env`, a titled one to its file.

    The server listens on `port`, one that the page starts on `own_port`; the two are one number where
    the page's is the only server. curl is told so by its configuration, which a command as it is
    printed does not see. The folder looks like a clone after `make run`.
    """
    home.mkdir()
    listening = {PRINTED_ADDRESS: port, PRINTED_SECOND_ADDRESS: own_port}
    (home / ".curlrc").write_text(
        "".join(f'connect-to = "{printed}:127.0.0.1:{number}"\n' for printed, number in listening.items())
    )
    (folder / ".venv").symlink_to(sys.prefix)
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", PREPARE + "".join(map(_typed, blocks))],
        cwd=folder,
        env=clean_environment()
        | {
            "HOME": str(home),
            "CURL_HOME": str(home),
            "PATH": f"{Path(sys.prefix) / 'bin'}:{os.environ['PATH']}",
            "SERVER_PORT": str(own_port),
        }
        | settings,
        capture_output=True,
        text=True,
        timeout=PAGE_SECONDS,
        check=False,
    )
    printed = done.stdout.split(f"{END}\n")
    assert done.returncode == 0, f"{blocks[len(printed) - 1]} fails:\n{done.stderr}"
    return [masked(text) for text in printed[:-1]]


def _typed(block: Block) -> str:
    file = ".env" if block.kind == "env" else block.title
    text = f"mkdir -p \"$(dirname '{file}')\"; cat > '{file}' <<'{END}'\n{block.text}{END}" if file else block.text
    return f"{text}\necho '{END}'\n"
