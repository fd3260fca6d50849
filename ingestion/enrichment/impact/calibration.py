"""What the placebo windows say about a metric, over all its deliveries at once, and what follows from it.

Belongs here: the pooled drift, its shrinkage and variance, and the design floor. Does not belong here: how
the placebos are estimated (`contrasts.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ingestion.enrichment.impact.contrasts import Estimate

DESIGN_FLOOR = 0.01
# A placebo that rises may be growth that goes on or a long spike that falls back: before the release both
# look the same. Half of it is taken off, and the other half stands in the error.
TAKEN_OFF = 0.5


@dataclass(frozen=True)
class Drift:
    """Change that adopters show without any delivery, as a share of the baseline, and its variance."""

    mean: float = 0.0
    variance: float = 0.0


@dataclass(frozen=True)
class Calibration:
    """One metric's calibration on one rung.

    Arguments:
        drift: what the metric's adopters do without any delivery, from the placebos of all of them.
    """

    drift: Drift

    @classmethod
    def of(cls, estimates: Sequence[Estimate]) -> Calibration:
        """Pool the placebos of a metric's deliveries."""
        baselines = np.array([found.baseline if found.baseline > 0 else np.nan for found in estimates])

        def pooled(value: str, error: str) -> Drift:
            values = np.array([getattr(found, value) for found in estimates])
            errors = np.array([getattr(found, error) for found in estimates])
            return pooled_drift(values / baselines, errors / baselines)

        return cls(drift=pooled("placebo", "placebo_error"))

    def applied(self, found: Estimate) -> Estimate:
        """An estimate net of the drift, with its variance and the design floor in the error.

        The floor is a choice, not an estimate: what people choose for themselves cannot be told from small
        effects however many accounts there are.
        """
        scale = abs(found.baseline)
        effect = found.effect - TAKEN_OFF * self.drift.mean * scale
        of_drift = (self.drift.variance + ((1 - TAKEN_OFF) * self.drift.mean) ** 2) * scale**2
        floor = DESIGN_FLOOR * abs(found.after - effect)
        placebo_variance = self.drift.variance * scale**2 + (DESIGN_FLOOR * scale) ** 2
        return replace(
            found,
            effect=effect,
            std_error=float(np.sqrt(found.std_error**2 + of_drift + floor**2)),
            placebo=found.placebo - self.drift.mean * scale,
            placebo_error=float(np.sqrt(found.placebo_error**2 + placebo_variance)),
        )

    def doubt(self, found: Estimate) -> float:
        """Standard error of what self-selection may add or hide in any one week, in the metric's unit."""
        share = self.drift.variance + self.drift.mean**2 + DESIGN_FLOOR**2
        return float(np.sqrt(share)) * abs(found.baseline)


def pooled_drift(placebos: np.ndarray, errors: np.ndarray) -> Drift:
    """Random-effects mean of the placebos (DerSimonian and Laird), shrunk to zero by its own uncertainty.

    The variance is what remains after that: shrinking to zero says that a drift is not expected, and where
    few placebos tell little, the little they tell must not widen every interval of the rung.

    Arguments:
        placebos: placebo effects as shares of the baseline, one per delivery.
        errors: their standard errors, same unit.
    """
    usable = np.isfinite(placebos) & np.isfinite(errors) & (errors > 0)
    value, variance = placebos[usable], errors[usable] ** 2
    if len(value) < 2:
        return Drift()
    weight = 1 / variance
    fixed = float(weight @ value / weight.sum())
    spread = float(weight @ (value - fixed) ** 2)
    # Zero where one placebo is known so much better than the others that it is all there is.
    information = float(weight.sum() - (weight @ weight) / weight.sum())
    between = max(0.0, (spread - (len(value) - 1)) / information) if information > 0 else 0.0
    weight = 1 / (variance + between)
    mean = float(weight @ value / weight.sum())
    of_mean = 1 / float(weight.sum())
    kept = mean**2 / (mean**2 + of_mean)
    return Drift(mean=mean * kept, variance=of_mean * kept)
