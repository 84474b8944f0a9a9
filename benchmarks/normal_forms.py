"""What the normal form of a long password takes, against Python's own.

    python benchmarks/normal_forms.py        (or with all others: make bench)

4,096 characters, the most that is looked at: marks on one letter in two orders, and letters with an accent. The
least of some tries each, in milliseconds. Exits 1 when our longest is more than a fifth of Python's longest.
"""

import sys
import time
import unicodedata
from collections.abc import Callable
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))  # so that it starts from any folder

from benchmarks._rig import machine
from coatcheck.passwords.normal_forms import nfc

LENGTH = 4_096
TRIES = 7
GOAL = 0.2
TEXTS = {
    "marks, out of order": "\u0315" * (LENGTH // 2) + "\u0300" * (LENGTH // 2),
    "signs that are marks": "\u0f73" * LENGTH,
    "letters with accents": "é" * LENGTH,
}


def milliseconds(form: Callable[[str], str], text: str) -> float:
    """The least of some tries: whatever else the machine does only adds to it."""
    took: list[float] = []
    for _ in range(TRIES):
        began = time.perf_counter()
        form(text)
        took.append(1_000 * (time.perf_counter() - began))
    return min(took)


def main() -> None:
    """Measure."""
    print(machine())
    ours = {name: milliseconds(nfc, text) for name, text in TEXTS.items()}
    pythons = {name: milliseconds(partial(unicodedata.normalize, "NFC"), text) for name, text in TEXTS.items()}
    for name in TEXTS:
        print(f"{name:<22} ours {ours[name]:6.2f} ms, Python's {pythons[name]:6.2f} ms")
    share = max(ours.values()) / max(pythons.values())
    print(f"the longest: {share:.3f} of Python's; goal at most {GOAL}: {'held' if share <= GOAL else 'MISSED'}")
    sys.exit(0 if share <= GOAL else 1)


if __name__ == "__main__":
    main()
