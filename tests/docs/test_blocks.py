"""Every command and every program in the manual runs as it is printed, and prints what is printed."""

import shutil
import subprocess
import sys
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path

import pytest

from coatcheck import Settings
from tests.docs.pages import Block, blocks, pages
from tests.docs.session import masked, type_in
from tests.support.postgresql import Cluster, free_port
from tests.support.server import ROOT, Server, clean_environment

OUTPUT = {"json", "text"}  # what the block before it prints
RUN = {"sh", "python", "env"}
OWN_SERVER = ("uvicorn ", "coatcheck serve")  # a page that starts one begins with an empty folder
BESIDE = "--port 8001"  # unless it stands beside app.py's
ALL = [block for page in pages() for block in blocks(page)]
AFTER = dict(pairwise(ALL))


def expected(block: Block) -> str:
    """The output printed after a block, masked; empty where none is."""
    after = AFTER.get(block)
    return masked(after.text) if after is not None and after.path == block.path and after.kind in OUTPUT else ""


def of_kind(kind: str) -> list[Block]:
    return [block for block in ALL if block.kind == kind]


def begins_empty(typed: list[Block]) -> bool:
    """Whether the page writes or serves an application of its own, instead of asking app.py's."""
    commands = [block.text for block in typed if block.kind == "sh"]
    if any(BESIDE in text for text in commands):
        return False
    return any(text.startswith(OWN_SERVER) for text in commands) or any(block.title for block in typed)


def typed_blocks(page: Path) -> list[Block]:
    """What a reader types or writes."""
    return [block for block in blocks(page) if block.kind in {"sh", "env"} or block.title]


def test_every_block_is_run_or_is_the_output_of_the_one_before_it() -> None:
    assert [str(block) for block in ALL if block.kind not in RUN | OUTPUT and not block.title] == []
    runs = {"sh", "python"}
    for before, block in pairwise([None, *ALL]):
        if block is not None and block.kind in OUTPUT:
            assert before is not None, block
            assert (before.path, before.kind in runs) == (block.path, True), block


def test_a_file_is_named_once_in_a_page() -> None:
    titles = [(block.path, block.title) for block in ALL if block.title]
    assert len(titles) == len(set(titles))


@pytest.mark.parametrize("page", sorted({block.path for block in of_kind("sh")}), ids=lambda page: page.name)
def test_what_is_typed_in_a_terminal_answers_as_printed(page: Path, tmp_path: Path) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed; on Debian: apt-get install curl")
    typed = typed_blocks(page)
    with ExitStack() as stack:
        if begins_empty(typed):
            folder = tmp_path / "app"
            folder.mkdir()
            port = own_port = free_port()
        else:
            server = Server(tmp_path / "app", {})
            stack.callback(server.stop)
            folder, port, own_port = server.folder, server.port, free_port()
        printed = type_in(typed, folder, tmp_path / "home", port, own_port)
    assert dict(zip(map(str, typed), printed, strict=True)) == {str(block): expected(block) for block in typed}


@pytest.mark.slow
@pytest.mark.postgresql
def test_the_recipes_answer_the_same_on_postgresql(cluster: Cluster, tmp_path: Path) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed; on Debian: apt-get install curl")
    typed = typed_blocks(ROOT / "docs" / "embed.md")
    folder, database = tmp_path / "app", cluster.new_database()
    folder.mkdir()
    port, url = free_port(), cluster.url(database)
    printed = type_in(typed, folder, tmp_path / "home", port, port, COATCHECK_DATABASE_URL=url)
    assert dict(zip(map(str, typed), printed, strict=True)) == {str(block): expected(block) for block in typed}
    assert cluster.run("SELECT city FROM profiles ORDER BY account_id", database) == [("Lisbon",), ("somewhere",)]
    cluster.drop_database(database)


def test_a_program_runs_and_prints_as_printed(tmp_path: Path) -> None:
    for block in of_kind("python"):
        if block.title:
            continue  # a file: the page's commands use it
        done = subprocess.run(
            [sys.executable, "-c", block.text],
            cwd=tmp_path,
            env=clean_environment(),
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        assert done.returncode == 0, f"{block}:\n{done.stderr}"
        assert masked(done.stdout) == expected(block), block


def test_an_env_file_is_read_as_settings(tmp_path: Path) -> None:
    for block in of_kind("env"):
        (tmp_path / ".env").write_text(block.text)
        settings = Settings.read(tmp_path)
        named = {line.partition("=")[0].removeprefix("COATCHECK_").lower() for line in block.text.splitlines()}
        assert named <= settings.model_fields_set, block


def test_the_picture_is_there_and_small() -> None:
    picture = ROOT / "docs" / "images" / "docs.png"
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert picture.stat().st_size < 150_000
