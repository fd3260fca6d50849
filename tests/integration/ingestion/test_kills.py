"""A run that is killed at any moment loses at most a slice, and doubles nothing."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.ingestion import ledger

pytestmark = pytest.mark.faults

ROOT = Path(__file__).parents[3]
# How often each phase is reached in one run of the ledger, roughly: the kill falls somewhere in it.
REACHED = {"extract": 7, "normalise": 4, "load": 16, "commit": 4, "committed": 4}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[tuple[object, ...]]]:
    folder = tmp_path_factory.mktemp("undisturbed")
    ledger.ingest(folder)
    return ledger.completed_rows(folder)


def _killed_run(folder: Path, phase: str, count: int) -> int:
    script = [sys.executable, "-m", "tests.integration.ingestion.ledger", str(folder), phase, str(count)]
    return subprocess.run(script, cwd=ROOT, capture_output=True, timeout=120).returncode


@pytest.mark.parametrize("phase", ledger.PHASES)
def test_a_clean_run_after_a_kill_ends_with_the_rows_of_an_undisturbed_one(
    phase: str, tmp_path: Path, undisturbed: dict[str, list[tuple[object, ...]]]
) -> None:
    count = random.Random(f"kill in {phase}").randint(1, REACHED[phase])
    assert _killed_run(tmp_path, phase, count) == -signal.SIGKILL
    ledger.ingest(tmp_path)
    assert ledger.completed_rows(tmp_path) == undisturbed
    assert ledger.leftover_count(tmp_path) == 0


def test_rows_of_a_load_that_never_completed_are_invisible_and_then_removed(
    tmp_path: Path, undisturbed: dict[str, list[tuple[object, ...]]]
) -> None:
    assert _killed_run(tmp_path, "commit", 2) == -signal.SIGKILL
    assert ledger.leftover_count(tmp_path) > 0
    first_day = [row for row in undisturbed["connection_state"] if '"day":1' in str(row)]
    assert ledger.completed_rows(tmp_path)["connection_state"] == first_day
    ledger.ingest(tmp_path)
    assert ledger.leftover_count(tmp_path) == 0


def test_kills_in_a_row_still_end_with_the_same_rows(
    tmp_path: Path, undisturbed: dict[str, list[tuple[object, ...]]]
) -> None:
    for phase, count in (("load", 3), ("commit", 1), ("extract", 2)):
        assert _killed_run(tmp_path, phase, count) == -signal.SIGKILL
    ledger.ingest(tmp_path)
    assert ledger.completed_rows(tmp_path) == undisturbed


def test_an_interrupt_leaves_a_warehouse_that_the_next_run_completes(
    tmp_path: Path, undisturbed: dict[str, list[tuple[object, ...]]]
) -> None:
    seen = 0

    def interrupt(phase: str) -> None:
        nonlocal seen
        seen += 1
        if seen == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ledger.ingest(tmp_path, interrupt)
    ledger.ingest(tmp_path)
    assert ledger.completed_rows(tmp_path) == undisturbed
