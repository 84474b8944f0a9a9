"""The secret wraps keys: a dump without it is worthless, and another one is recognised."""

import os
import shutil
import stat
import subprocess
import sys
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest

from coatcheck.keys.own_secret import read_own
from coatcheck.keys.secret import Secret, WrongSecret
from coatcheck.problems import StartRefused

BOUND = {"purpose": "signing", "key_id": "abc", "algorithm": "EdDSA"}


def test_what_was_wrapped_comes_back() -> None:
    secret = Secret(Secret.new_text())
    assert secret.unwrap(secret.wrap(b"key", **BOUND), **BOUND) == b"key"


def test_the_same_key_is_never_wrapped_alike_and_never_readable() -> None:
    secret = Secret(Secret.new_text())
    wrapped = {secret.wrap(b"a key of some length", **BOUND) for _ in range(50)}
    assert len(wrapped) == 50
    assert all(b"a key" not in value for value in wrapped)


def test_another_secret_does_not_open_it() -> None:
    wrapped = Secret(Secret.new_text()).wrap(b"key", **BOUND)
    with pytest.raises(WrongSecret):
        Secret(Secret.new_text()).unwrap(wrapped, **BOUND)


@pytest.mark.parametrize("name", ["purpose", "key_id", "algorithm"])
def test_a_wrapped_key_cannot_be_used_as_another(name: str) -> None:
    secret = Secret(Secret.new_text())
    wrapped = secret.wrap(b"key", **BOUND)
    with pytest.raises(WrongSecret):
        secret.unwrap(wrapped, **{**BOUND, name: "other"})


@pytest.mark.parametrize("position", [0, 11, 12, -1])
def test_a_changed_wrapping_is_refused(position: int) -> None:
    secret = Secret(Secret.new_text())
    wrapped = bytearray(secret.wrap(b"key", **BOUND))
    wrapped[position] ^= 1
    with pytest.raises(WrongSecret):
        secret.unwrap(bytes(wrapped), **BOUND)


def test_hex_and_base64url_of_the_same_bytes_are_one_secret() -> None:
    raw = bytes(range(32))
    wrapped = Secret(raw.hex()).wrap(b"key", **BOUND)
    base64url = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"
    assert Secret(base64url).unwrap(wrapped, **BOUND) == b"key"
    assert Secret(base64url + "=\n").unwrap(wrapped, **BOUND) == b"key"


@pytest.mark.parametrize(
    "text",
    ["", "short", "change-me", "x" * 31, "00" * 31, "00" * 32, "a" * 43, "abcabcab" * 8, "geheim " * 10, "é" * 43],
)
def test_j09_what_is_not_random_enough_is_refused_without_repeating_it(text: str) -> None:
    with pytest.raises(StartRefused) as refusal:
        Secret(text)
    assert "coatcheck secret new" in refusal.value.sentence
    assert not text or text not in refusal.value.sentence


def test_a_new_secret_is_accepted_and_never_the_same() -> None:
    texts = {Secret.new_text() for _ in range(100)}
    assert len(texts) == 100
    for text in texts:
        Secret(text)


@pytest.mark.parametrize("umask", [0, 0o777])
def test_the_file_is_made_once_and_for_its_owner_only_whatever_the_umask(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        first = Secret.made_once(tmp_path / "secret")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "secret").stat().st_mode) == 0o600
    text = (tmp_path / "secret").read_text()
    again = Secret.made_once(tmp_path / "secret")
    assert (tmp_path / "secret").read_text() == text
    assert again.unwrap(first.wrap(b"key", **BOUND), **BOUND) == b"key"


def _make(path: str) -> str:
    Secret.made_once(Path(path))
    return Path(path).read_text()


def test_processes_that_start_at_once_agree_on_one_secret(tmp_path: Path) -> None:
    for number in range(3):
        path = str(tmp_path / f"secret{number}")
        with get_context("spawn").Pool(4) as pool:
            assert len(set(pool.map(_make, [path] * 8, chunksize=1))) == 1


def test_a_file_that_cannot_be_read_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(StartRefused, match="cannot be read"):
        Secret.read(tmp_path / "nothing")
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    with pytest.raises(StartRefused, match="cannot be read"):
        Secret.read(tmp_path / "binary")


_moved: list[Path] = []


def _move_when_opened(event: str, arguments: tuple[Any, ...]) -> None:
    """Let a change end in the moment in which its file is about to be read."""
    if _moved and event == "open" and arguments[0] == str(_moved[0]):
        new = _moved.pop()
        new.replace(new.with_name("secret"))


def test_a_change_that_ends_while_it_is_looked_at_is_read_in_its_place(tmp_path: Path) -> None:
    """A server that reads its secret again meanwhile, or a start, needs the new one and would have neither."""
    file, new = tmp_path / "secret", tmp_path / "secret.new"
    file.write_text(Secret.new_text())
    new.write_text(Secret.new_text())
    wrapped = Secret.read(new).wrap(b"key", **BOUND)
    sys.addaudithook(_move_when_opened)
    _moved.append(new)
    assert read_own(file).current.unwrap(wrapped, **BOUND) == b"key"
    assert not new.exists()
    new.write_text("not a secret")
    with pytest.raises(StartRefused):
        read_own(file)


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
def test_whoever_adds_everything_to_a_repository_does_not_publish_it(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    Secret.made_once(tmp_path / "data" / "secret")
    (tmp_path / "data" / "coatcheck.db").touch()
    seen = subprocess.run(["git", "-C", tmp_path, "status", "--short"], check=True, capture_output=True, text=True)
    assert seen.stdout == ""


def test_a_folders_own_ignore_file_stays(tmp_path: Path) -> None:
    (tmp_path / ".gitignore").write_text("mine\n")
    Secret.made_once(tmp_path / "secret")
    assert (tmp_path / ".gitignore").read_text() == "mine\n"


@pytest.mark.parametrize("text", ["hunter2", "00" * 32], ids=["too short", "not random"])
def test_a_bad_secret_is_told_by_where_it_came_from_and_not_repeated(tmp_path: Path, text: str) -> None:
    file = tmp_path / "mine"
    file.write_text(text)
    with pytest.raises(StartRefused) as from_file:
        Secret.read(file)
    with pytest.raises(StartRefused) as from_setting:
        Secret(text)
    assert from_file.value.sentence.startswith(f"The secret in {file} is not ")
    assert from_setting.value.sentence.startswith("COATCHECK_SECRET is not ")
    assert text not in from_file.value.sentence + from_setting.value.sentence
