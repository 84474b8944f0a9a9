"""The list of common passwords, made anew from the lists that it comes from.

    .venv/bin/python .ci/common_passwords.py LIST…

LIST: the files that src/coatcheck/passwords/common.LICENSES.txt names, as their makers publish them: a password
a line, packed (.gz) or not, or a JSON array (.json). The order of the files does not matter; the same files give
the same bytes. Writes src/coatcheck/passwords/common.txt.gz.
"""

import gzip
import json
import sys
from pathlib import Path

from coatcheck.passwords.common import FILE, folded
from coatcheck.passwords.policy import DEFAULT_MIN_LENGTH

# It is on several of the lists. It is also what the README, /docs and many a script register with.
EXAMPLE = "secret123"


def passwords_in(file: Path) -> list[str]:
    data = gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()
    if file.suffix == ".json":
        passwords: list[str] = json.loads(data)
        return passwords
    return data.decode().replace("\r\n", "\n").split("\n")


def main(files: list[Path]) -> None:
    if not files:
        raise SystemExit("Say which lists: .ci/common_passwords.py LIST…")
    found = {folded(password) for file in files for password in passwords_in(file)}
    kept = sorted(password for password in found - {EXAMPLE} if len(password) >= DEFAULT_MIN_LENGTH)
    # No moment in the file: it changes only when the passwords do.
    FILE.write_bytes(gzip.compress("".join(f"{password}\n" for password in kept).encode(), 9, mtime=0))
    print(f"{len(kept)} passwords in {FILE.stat().st_size} bytes.")


if __name__ == "__main__":
    main([Path(name) for name in sys.argv[1:]])
