"""What a client calls itself is read in a time that it cannot choose: a hundred of them are read for one list."""

import itertools
import time

import pytest

from coatcheck.sessions.device import in_words
from coatcheck.sessions.sessions import MOST_SHOWN

MOST_SECONDS = 1.5  # for a whole list; measured: 0.2, busy 0.5; it was 4.4
PARTS = [";", "; ", " ", "a ", "1.", "(", "/", "A", "; Android 1.", "HbbTV/1.1.1 (;;;", "Sony", "search", "Build/;"]
BEGINNINGS = ["", "Mozilla/5.0 (", "Mozilla/5.0 (Linux; Android 10; ", "Dalvik/1 (Linux; U; Android 4; "]
_numbers = itertools.count(100)


def seconds(text: str) -> float:
    """Of computing; of something that was not read before."""
    changed = text[:200] + str(next(_numbers)) + text[203:]
    began = time.thread_time()
    in_words(changed)
    return time.thread_time() - began


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("beginning", BEGINNINGS)
def test_no_user_agent_takes_long(beginning: str, part: str) -> None:
    in_words("curl/8")  # the patterns are read with the first one
    text = (beginning + part * 512)[:512]
    assert min(seconds(text) for _ in range(3)) * MOST_SHOWN < MOST_SECONDS


def test_what_follows_a_long_way_behind_changes_nothing() -> None:
    usual = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
    assert in_words(usual + " " + "x" * 400) == "Firefox on Linux"
