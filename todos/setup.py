"""What to say when the dependencies are not installed. Standard library only."""

import os
from importlib.util import find_spec
from pathlib import Path, PurePosixPath, PureWindowsPath

WINDOWS = os.name == "nt"


def how_to_install(folder: Path, missing: ModuleNotFoundError, *, windows: bool = WINDOWS) -> str:
    """The commands that work in this folder, in this system's spelling.

    Raises what was missing when its package is installed: then it is a mistake of ours.
    """
    if missing.name is None or find_spec(missing.name.partition(".")[0]) is not None:
        raise missing
    python = PureWindowsPath(".venv/Scripts/python.exe") if windows else PurePosixPath(".venv/bin/python")
    if folder.joinpath(*python.parts).exists():
        return f"This Python has no {missing.name}. Run it with the one that has everything:\n\n    {python} app.py"
    if not windows:
        return f"This Python has no {missing.name}. Install what is needed and start with:\n\n    make run"
    steps = (
        "py -m venv .venv",
        f"{python} -m pip install --require-hashes --only-binary :all: -r requirements\\run.txt",
        f"{python} -m pip install --no-build-isolation --no-deps -e .",
        f"{python} app.py",
    )
    return "\n    ".join((f"This Python has no {missing.name}. Install what is needed with:\n", *steps))
