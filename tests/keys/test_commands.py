"""`coatcheck secret new`."""

from pathlib import Path

from coatcheck.keys import Secret
from tests.support.command import run


def test_a_new_secret_is_printed_alone_and_works(tmp_path: Path) -> None:
    done = run(tmp_path, "secret", "new")
    assert (done.returncode, done.stderr) == (0, "")
    Secret(done.stdout)
    assert done.stdout != run(tmp_path, "secret", "new").stdout
