"""`coatcheck passwords calibrate`: what a hash may cost on the machine that serves."""

from pathlib import Path

import pytest

from coatcheck import Settings
from coatcheck.passwords import OWASP_ARGON2ID, Cost
from coatcheck.passwords.calibrate import calibrate
from tests.support.command import run

MEMORY_KIB = 24 * 1_024


def test_it_prints_settings_that_production_takes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done = run(tmp_path, "passwords", "calibrate", "--milliseconds", "60", "--memory-mib", "24")
    assert done.returncode == 0, done.stderr
    for line in done.stdout.splitlines():
        name, _, value = line.partition("=")
        monkeypatch.setenv(name, value)
    assert not Settings.read(tmp_path).password_cost.below(OWASP_ARGON2ID)
    assert "logins a second" in done.stderr


def test_w27_it_takes_memory_first_then_passes_and_stays_below_what_was_asked() -> None:
    tried: list[tuple[Cost, float]] = []
    found = calibrate(1.0, MEMORY_KIB, 2, lambda cost, seconds: tried.append((cost, seconds)))
    assert tried[0][0] == OWASP_ARGON2ID
    assert all(cost.memory_kib <= MEMORY_KIB for cost, _ in tried)
    passes = [cost.iterations for cost, _ in tried]
    assert passes == sorted(passes)
    assert found.cost.memory_kib == MEMORY_KIB
    assert found.cost.iterations >= OWASP_ARGON2ID.iterations
    assert found.busy_seconds <= 1.0
    assert found.memory_mib == 2 * MEMORY_KIB / 1_024


def test_where_nothing_is_fast_enough_it_is_owasps_minimum() -> None:
    assert calibrate(0.000_001, MEMORY_KIB, 1, lambda *_: None).cost == OWASP_ARGON2ID
