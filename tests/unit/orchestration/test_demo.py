"""The sandbox company lives one day per completed run, and never skips or repeats one by accident."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from orchestration.demo import Demo, DemoError, DemoState, served_company
from orchestration.settings import Settings

AS_OF = datetime(2026, 10, 5, 6, 0, tzinfo=UTC)
ENDS_AT = AS_OF + timedelta(days=30)


def test_the_first_run_is_at_the_worlds_as_of() -> None:
    assert DemoState().next_now(AS_OF, ENDS_AT) == AS_OF


def test_each_completed_run_moves_the_company_by_one_day() -> None:
    state = DemoState().completed(AS_OF)
    assert state.next_now(AS_OF, ENDS_AT) == AS_OF + timedelta(days=1)
    state = state.completed(AS_OF + timedelta(days=1))
    assert state.next_now(AS_OF, ENDS_AT) == AS_OF + timedelta(days=2)
    assert state.completed_runs == 2


def test_a_run_that_did_not_complete_is_lived_again(tmp_path: Path) -> None:
    company = Demo(tmp_path)
    company.remember(company.state().completed(AS_OF))
    # The next run starts, and is killed before it says that it completed.
    assert company.state().next_now(AS_OF, ENDS_AT) == AS_OF + timedelta(days=1)
    assert Demo(tmp_path).state().next_now(AS_OF, ENDS_AT) == AS_OF + timedelta(days=1)


def test_the_state_survives_as_it_was_written(tmp_path: Path) -> None:
    state = DemoState(seed=3, accounts=40, months=6).completed(AS_OF)
    Demo(tmp_path).remember(state)
    assert Demo(tmp_path).state() == state


def test_the_end_of_the_world_says_how_to_start_over() -> None:
    state = DemoState().completed(ENDS_AT)
    with pytest.raises(DemoError, match="norte demo --fresh"):
        state.next_now(AS_OF, ENDS_AT)


def test_a_company_that_someone_else_serves_is_not_served_over_their_settings(tmp_path: Path) -> None:
    Demo(tmp_path).remember(DemoState().completed(AS_OF))
    with served_company(Settings.load(home=tmp_path, now=AS_OF + timedelta(days=1))) as settings:
        assert settings == {}
    with pytest.raises(DemoError, match="make demo"), served_company(Settings.load(home=tmp_path, now=None)):
        raise AssertionError("there is no world to serve")
