"""The command line: in this process, or as a program of its own."""

import os
import pty
import select
import subprocess
import sys
from pathlib import Path

from typer.testing import CliRunner, Result

from coatcheck.cli import cli
from tests.support.server import clean_environment

SECONDS = 30
PATIENCE_SECONDS = 5
# The terminal becomes this session's, so that Ctrl+C is a signal and a password is asked for there. A test
# run in the background ignores that signal, and what it starts would too.
IN_A_TERMINAL = (
    "import fcntl, os, signal, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); "
    "signal.signal(signal.SIGINT, signal.SIG_DFL); "
    "os.execv(sys.executable, [sys.executable, '-m', 'coatcheck', *sys.argv[1:]])"
)

# The command line. Ctrl+C is a signal here also where the tests run in the background, which ignores it.
INTERRUPTIBLE = (
    sys.executable,
    "-c",
    "import runpy, signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
    "runpy.run_module('coatcheck', run_name='__main__')",
)


def invoke(*arguments: str, stdin: str | bytes = "") -> Result:
    """Run a command in this process; `--app` would stay imported, so it is for `run` alone."""
    return CliRunner().invoke(cli, [*arguments], input=stdin, prog_name="coatcheck")


def sentence(result: Result) -> str:
    """What a refusal says: exit code 1, nothing on standard output, no trace."""
    assert (result.exit_code, result.stdout) == (1, ""), result.output
    lines = [line for line in result.stderr.splitlines() if not line.startswith("Database: ")]
    assert len(lines) == 1, result.stderr
    return lines[0]


def run(folder: Path, *arguments: str, stdin: str = "", **settings: str) -> subprocess.CompletedProcess[str]:
    """Run a command as a program."""
    return subprocess.run(
        [sys.executable, "-m", "coatcheck", *arguments],
        cwd=folder,
        env=clean_environment() | settings,
        input=stdin,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def run_without_stdin(folder: Path, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run a command as a program whose standard input is closed, as `<&-` in a shell does."""
    command = [sys.executable, "-m", "coatcheck", *arguments]
    return subprocess.run(
        [sys.executable, "-c", f"import os; os.close(0); os.execv({sys.executable!r}, {command!r})"],
        cwd=folder,
        env=clean_environment() | settings,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


class Terminal:
    """A command as a person sees it, in a terminal."""

    def __init__(self, folder: Path, *arguments: str, **settings: str) -> None:
        self.seen = ""
        self._screen, keys = pty.openpty()
        self._program = subprocess.Popen(
            [sys.executable, "-c", IN_A_TERMINAL, *arguments],
            cwd=folder,
            env=clean_environment() | settings | {"TERM": "dumb"},
            stdin=keys,
            stdout=keys,
            stderr=keys,
            start_new_session=True,
        )
        os.close(keys)

    def until(self, text: str) -> None:
        """Read until the text is on the screen, after what was read before."""
        new = ""
        while text not in new:
            new += self._read()
        self.seen += new

    def type(self, *lines: str) -> None:
        """Type lines, as keys."""
        for line in lines:
            os.write(self._screen, line.encode())

    def leave(self, key: str) -> int:
        """Press a key that leaves a question; the exit code.

        It is pressed again when nothing happens, as a person does: Python misses a signal that comes after it
        has written a question and before it reads.
        """
        self.type(key)
        try:
            while True:
                if self._waits(PATIENCE_SECONDS):
                    self.type(key)
                self.seen += self._read()
        except EOFError:
            return self.end()

    def end(self) -> int:
        """Read to the end; the exit code."""
        try:
            while True:
                self.seen += self._read()
        except EOFError:
            pass
        os.close(self._screen)
        return self._program.wait(SECONDS)

    def _read(self) -> str:
        assert not self._waits(SECONDS), f"nothing more came after:\n{self.seen}"
        try:
            part = os.read(self._screen, 4096)
        except OSError:  # Linux says so when the other side is closed
            part = b""
        if not part:
            raise EOFError(self.seen)
        return part.decode()

    def _waits(self, seconds: float) -> bool:
        ready, _, _ = select.select([self._screen], [], [], seconds)
        return not ready
