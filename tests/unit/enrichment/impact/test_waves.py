"""Weights of waves: what they balance, what they tell, and what they are not misled by."""

from __future__ import annotations

import numpy as np
import pytest

from ingestion.enrichment.impact.waves import Plan, plan_of, summed, variogram_of

STARTS = np.array([20, 23, 26, 29])
FIRST, LAST = 4, 28
INDEPENDENT = np.array([0.0, 1.0])


def plan(variogram: np.ndarray = INDEPENDENT, sizes: tuple[float, ...] = (10.0, 10.0, 10.0, 10.0)) -> Plan:
    found = plan_of(STARTS, np.array(sizes), FIRST, LAST, variogram)
    assert found is not None
    return found


def told(found: Plan, of_weeks_since: np.ndarray) -> float:
    """What the weights make of an effect of this size by weeks since exposure."""
    weeks = np.arange(FIRST, LAST + 1)
    since = weeks[None, :] - STARTS[:, None]
    effect = np.where(since >= 0, of_weeks_since[np.clip(since, 0, len(of_weeks_since) - 1)], 0.0)
    return float((found.weights * effect).sum())


def test_what_all_waves_of_a_week_and_all_weeks_of_a_wave_share_cancels() -> None:
    found = plan(sizes=(2.0, 10.0, 30.0, 5.0))
    assert found.weights.sum(axis=0) == pytest.approx(np.zeros(LAST - FIRST + 1), abs=1e-9)
    assert found.weights.sum(axis=1) == pytest.approx(np.zeros(4), abs=1e-9)


@pytest.mark.parametrize(
    "of_weeks_since",
    [np.ones(9), np.arange(9.0), np.array([5.0, 0, 0, 0, 0, 0, 0, 1, 1]), np.linspace(2, 0, 9)],
    ids=["steady", "growing", "late", "fading"],
)
def test_an_effect_of_any_course_is_told_as_its_mean_over_eight_weeks(of_weeks_since: np.ndarray) -> None:
    assert told(plan(), of_weeks_since) == pytest.approx(float(of_weeks_since[1:9].mean()))


def test_weeks_that_hang_together_are_weighed_otherwise_than_independent_ones() -> None:
    lags = np.arange(30.0)
    wandering = plan(variogram=lags)
    far = np.abs(wandering.weights[:, :8]).sum() / np.abs(wandering.weights).sum()
    assert far < 0.5 * np.abs(plan().weights[:, :8]).sum() / np.abs(plan().weights).sum()


def test_without_anybody_who_waits_there_are_no_weights() -> None:
    assert plan_of(np.array([20, 21]), np.array([5.0, 5.0]), 4, 20, INDEPENDENT) is None


def test_the_error_of_the_sum_is_its_spread_over_draws() -> None:
    found, rng = plan(), np.random.default_rng(5)
    wave = np.repeat(np.arange(4), 30)
    rows, strata = np.arange(len(wave)), np.tile([0, 1], 60)
    moments, errors = [], []
    for _ in range(300):
        series = rng.normal(size=(LAST - FIRST + 1, len(wave))) + rng.normal(size=len(wave))
        series[rng.random(series.shape) < 0.05] = np.nan
        total = summed(found, series, rows, wave, strata, None)
        assert total is not None
        moments.append(total.moment)
        errors.append(float(total.influence @ total.influence))
    assert np.mean(moments) == pytest.approx(0.0, abs=0.03)
    assert np.sqrt(np.mean(errors)) == pytest.approx(np.std(moments), rel=0.15)


def test_strata_in_which_a_wave_is_missing_are_compared_as_one() -> None:
    wave = np.array([0, 0, 1, 1, 2, 2, 3, 3, 0, 0, 1, 1, 2, 2, 3, 3])
    strata = np.array([0] * 8 + [1, 1, 1, 1, 2, 2, 2, 2])
    series = np.zeros((LAST - FIRST + 1, len(wave)))
    total = summed(plan(), series, np.arange(len(wave)), wave, strata, None)
    assert total is not None
    assert total.share.sum() == pytest.approx(4.0)


def test_the_variogram_of_independent_weeks_is_flat_and_of_a_walk_rises() -> None:
    rng = np.random.default_rng(3)
    steps = rng.normal(size=(40, 400))
    flat = variogram_of(steps, 10)
    walk = variogram_of(np.cumsum(steps, axis=0), 10)
    assert flat[1:] == pytest.approx(np.ones(10), rel=0.1)
    assert walk[10] == pytest.approx(5.0, rel=0.2)
