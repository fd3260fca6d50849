"""Many tests at once, and the words and numbers of a verdict."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from ingestion.enrichment.impact.calibration import pooled_drift
from ingestion.enrichment.impact.verdicts import Cell, benjamini_hochberg, decide


def cell(effect: float, error: float, metric: str = "active", horizon: str = "2025-02-03") -> Cell:
    made = Cell("d", metric, "adopters", horizon=pd.Timestamp(horizon), fewer_is_better=metric == "tickets")
    made.effect, made.std_error, made.degrees = effect, error, 500.0
    made.counterfactual = 1.0
    made.p_value = float(2 * stats.t.sf(abs(effect) / error, 500))
    return made


def test_adjusted_p_values_are_those_of_benjamini_and_hochberg() -> None:
    p_values = np.array([0.03, 0.001, 0.6, 0.02, 0.04])
    expected = stats.false_discovery_control(p_values)
    np.testing.assert_allclose(benjamini_hochberg(p_values), expected)


def test_a_verdict_follows_the_good_direction_of_its_metric() -> None:
    cells = [cell(0.2, 0.02), cell(-0.2, 0.02), cell(0.2, 0.02, "tickets"), cell(-0.2, 0.02, "tickets")]
    decide(cells)
    assert [made.verdict for made in cells] == ["improved", "worsened", "worsened", "improved"]


def test_a_quarter_full_of_nothing_makes_a_claim_harder() -> None:
    alone, crowded = cell(0.05, 0.02), cell(0.05, 0.02)
    decide([alone])
    decide([crowded, *(cell(0.001, 0.02) for _ in range(30))])
    assert alone.verdict == "improved"
    assert crowded.verdict == "no_detectable_effect"


def test_a_quarter_full_of_effects_does_not_make_a_claim_easy() -> None:
    doubtful, clear = cell(0.0422, 0.02), cell(0.0522, 0.02)
    decide([doubtful, clear, *(cell(0.5, 0.02) for _ in range(30))])
    assert 0.025 < doubtful.p_value < 0.05
    assert doubtful.q_value <= 0.10
    assert doubtful.interval[0] > 0
    assert doubtful.verdict == "no_detectable_effect"
    assert clear.verdict == "improved"


def test_arms_need_a_lower_p_as_their_errors_hold_chance_alone() -> None:
    adopters, arms, clear = (cell(effect, 0.02) for effect in (0.0465, 0.0465, 0.0522))
    arms.rung = clear.rung = "randomised"
    decide([adopters, arms, clear])
    assert 0.015 < arms.p_value < 0.025
    assert [made.verdict for made in (adopters, arms, clear)] == [
        "improved",
        "no_detectable_effect",
        "improved",
    ]


def test_an_effect_on_a_themes_tickets_says_so() -> None:
    made = cell(-0.2, 0.02, "tickets")
    made.theme_id = "exports"
    decide([made])
    assert made.reason.startswith("of its theme's tickets: -")


def test_other_quarters_do_not_count() -> None:
    made = cell(0.05, 0.02)
    decide([made, *(cell(0.001, 0.02, horizon="2025-07-07") for _ in range(30))])
    assert made.verdict == "improved"


def test_what_would_have_been_seen_is_said() -> None:
    made = cell(0.001, 0.02)
    decide([made])
    assert made.smallest_detectable == pytest.approx((1.9647 + 0.8424) * 0.02, rel=1e-3)
    assert "5.6 % would have been seen" in made.reason


def test_drift_that_is_not_known_well_is_shrunk() -> None:
    sure = pooled_drift(np.full(20, 0.02), np.full(20, 0.005))
    unsure = pooled_drift(np.full(3, 0.02), np.full(3, 0.05))
    assert sure.mean == pytest.approx(0.02, rel=0.01)
    assert abs(unsure.mean) < 0.008
    assert unsure.variance > sure.variance


def test_one_placebo_that_is_known_far_better_than_the_others_stands_alone() -> None:
    found = pooled_drift(np.array([0.01, 0.5]), np.array([1e-9, 1.0]))
    assert found.mean == pytest.approx(0.01)
    assert np.isfinite(found.variance)


def test_without_placebos_there_is_no_drift() -> None:
    found = pooled_drift(np.array([np.nan, 0.1]), np.array([0.1, np.nan]))
    assert (found.mean, found.variance) == (0.0, 0.0)
