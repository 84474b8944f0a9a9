"""A Dockerfile's steps without Docker: each stage is built in a folder, at one and the same path."""

import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

STEP_SECONDS = 120
OWNER = "10001"


@dataclass
class Image:
    """What came out. root: where its / is. health: its health check, as a list of arguments."""

    root: Path
    base: str = ""
    folder: str = "/"
    user: str = ""
    environment: dict[str, str] = field(default_factory=dict[str, str])
    health: list[str] = field(default_factory=list[str])
    command: list[str] = field(default_factory=list[str])

    def here(self, text: str) -> str:
        """A text with the image's paths as paths on this machine, and its user as this one."""
        return text.replace("/app", f"{self.root}/app").replace(OWNER, str(os.getuid()))

    def run(self, arguments: list[str], environment: Mapping[str, str]) -> "subprocess.Popen[str]":
        """Start a program in it."""
        return subprocess.Popen(
            list(map(self.here, arguments)),
            cwd=self.here(self.folder),
            env={"PATH": _path(), "HOME": str(self.root), **environment, **self._variables()},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def _variables(self) -> dict[str, str]:
        return {name: self.here(value.replace("$PATH", _path())) for name, value in self.environment.items()}


def instructions(text: str) -> list[tuple[str, str]]:
    """Each instruction and what stands after it."""
    lines = text.replace("\\\n", " ").splitlines()
    return [(line.partition(" ")[0], line.partition(" ")[2].strip()) for line in lines if line.strip()]


def build(text: str, context: Path, root: Path, environment: Mapping[str, str]) -> Image:
    """The last stage of a Dockerfile, its files in `root`.

    context: where COPY takes from. Every stage is made at `root` and moved away when the next begins: a
    virtual environment works only where it was made, in Docker as here.
    """
    stages: dict[str, Path] = {}
    image, name = Image(root), ""
    for instruction, rest in instructions(text):
        if instruction == "FROM":
            if image.base:
                stages[name] = root.rename(root.with_name(f"stage-{name}"))
            base, _, name = rest.partition(" AS ")
            root.mkdir()
            image = Image(root, base)
        else:
            _step(image, instruction, rest, context, stages, environment)
    return image


def _step(
    image: Image,
    instruction: str,
    rest: str,
    context: Path,
    stages: Mapping[str, Path],
    environment: Mapping[str, str],
) -> None:
    match instruction:
        case "WORKDIR":
            image.folder = rest
            Path(image.here(rest)).mkdir(parents=True, exist_ok=True)
        case "COPY":
            _copy(image, shlex.split(rest), context, stages)
        case "RUN":
            process = image.run(["sh", "-c", rest], environment)
            printed, _ = process.communicate(timeout=STEP_SECONDS)
            if process.returncode != 0:
                raise RuntimeError(f"RUN {rest}\n{printed}")
        case "ENV":
            image.environment |= dict(pair.split("=", 1) for pair in shlex.split(rest))
        case "USER":
            image.user = rest
        case "HEALTHCHECK":
            image.health = json.loads(rest.partition("CMD ")[2])
        case "CMD":
            image.command = json.loads(rest)
        case "EXPOSE":
            pass
        case _:
            raise ValueError(f"{instruction} is not known here")


def _copy(image: Image, words: list[str], context: Path, stages: Mapping[str, Path]) -> None:
    source, target = words[-2:]
    to = Path(image.here(image.folder)) / target
    if words[0].startswith("--from="):
        shutil.copytree(stages[words[0].removeprefix("--from=")] / source.lstrip("/"), to, symlinks=True)
    else:
        shutil.copy(context / source, to)


def _path() -> str:
    return f"{Path(sys.executable).parent}:{os.environ['PATH']}"
