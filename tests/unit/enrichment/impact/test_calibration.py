"""What deliveries say about each other: drift, floor, and the rise before adoption."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from ingestion.enrichment.impact.calibration import DESIGN_FLOOR, Calibration
from ingestion.enrichment.impact.contrasts import Estimate


def estimate(rise: float, effect: float = 0.0) -> Estimate:
    """An effect whose noise comes half from the weeks before, as their rise does."""
    return Estimate(
        baseline=1.0,
        after=1.0,
        effect=effect,
        std_error=0.05,
        first_stage=1.0,
        placebo=0.0,
        placebo_error=0.05,
        rise=rise,
        rise_error=0.05,
        rise_covariance=-0.5 * 0.05**2,
    )


def judged(rises: Sequence[float]) -> tuple[Estimate, Estimate]:
    """The first delivery as estimated, and as calibrated beside the others."""
    estimates = [estimate(rise) for rise in rises]
    return estimates[0], Calibration.of(estimates).applied(estimates[0])


def test_who_stood_higher_before_than_others_do_is_moved_up_and_known_better() -> None:
    raw, found = judged([0.14, 0.02, 0.03, 0.01, 0.02, 0.0, 0.04])
    assert found.effect > raw.effect + 0.03
    assert found.std_error < raw.std_error


def test_an_effect_stays_where_the_rise_is_as_others_is() -> None:
    raw, found = judged([0.05] * 8)
    assert found.effect == pytest.approx(raw.effect)
    assert found.std_error < raw.std_error


def test_where_deliveries_really_differ_the_rise_says_little() -> None:
    raw, found = judged([0.5, -0.4, 0.1, 0.6, -0.5, 0.0, 0.3])
    assert found.effect == pytest.approx(raw.effect, abs=0.01)


def test_with_few_deliveries_nothing_is_read_from_the_rise() -> None:
    raw, found = judged([0.14, 0.02, 0.03])
    assert found.effect == raw.effect
    assert found.std_error == pytest.approx(float(np.hypot(raw.std_error, DESIGN_FLOOR)))
