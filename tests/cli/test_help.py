"""Each command says what it does, and the version is the package's."""

import tomllib

import pytest

from tests.support.command import invoke
from tests.support.server import ROOT

GROUPS: dict[tuple[str, ...], list[str]] = {
    (): [
        "serve",
        "settings",
        "migrate",
        "adopt-issuer",
        "backup",
        "restore",
        "after-restore",
        "reset",
        "users",
        "secret",
    ],
    ("users",): ["list", "create", "set-password", "disable", "enable", "delete", "import", "export"],
    ("secret",): ["new"],
}
COMMANDS = [(*group, name) for group, names in GROUPS.items() for name in names]


@pytest.mark.parametrize("group", GROUPS, ids=" ".join)
def test_a_group_lists_its_commands(group: tuple[str, ...]) -> None:
    told = invoke(*group, "--help")
    assert told.exit_code == 0
    assert [name for name in GROUPS[group] if f"│ {name} " not in told.stdout] == []


@pytest.mark.parametrize("flag", ["-h", "--help"])
@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_command_says_what_it_does(command: tuple[str, ...], flag: str) -> None:
    told = invoke(*command, flag)
    assert (told.exit_code, told.stderr) == (0, "")
    assert f"Usage: coatcheck {' '.join(command)} " in told.stdout


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_mistake_is_told_with_exit_code_2(command: tuple[str, ...]) -> None:
    refused = invoke(*command, "--nothing")
    assert (refused.exit_code, refused.stdout) == (2, "")


def test_the_version_is_the_packages() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert invoke("--version").stdout == f"coatcheck {version}\n"
