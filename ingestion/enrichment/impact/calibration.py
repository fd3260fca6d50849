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
# How adopters stand when they adopt is known from no fewer deliveries than these.
LEAST_POOLED = 4


@dataclass(frozen=True)
class Drift:
    """Change that adopters show without any delivery, as a share of the baseline, and its variance."""

    mean: float = 0.0
    variance: float = 0.0


@dataclass(frozen=True)
class Pool:
    """A random-effects mean over deliveries: mean, variance of the mean, variance between deliveries."""

    mean: float
    of_mean: float
    between: float


@dataclass(frozen=True)
class Calibration:
    """One metric's calibration on one rung.

    Arguments:
        drift: what the metric's adopters do without any delivery, from the placebos of all of them.
        rise: how far adopters stand above their old level when they adopt, over all deliveries; None where
            fewer than `LEAST_POOLED` tell it.
    """

    drift: Drift
    rise: Pool | None = None

    @classmethod
    def of(cls, estimates: Sequence[Estimate]) -> Calibration:
        """Pool the placebos of a metric's deliveries."""
        baselines = np.array([found.baseline if found.baseline > 0 else np.nan for found in estimates])

        def pooled(value: str, error: str) -> Drift:
            values = np.array([getattr(found, value) for found in estimates])
            errors = np.array([getattr(found, error) for found in estimates])
            return pooled_drift(values / baselines, errors / baselines)

        rises = np.array([found.rise for found in estimates]) / baselines
        errors = np.array([found.rise_error for found in estimates]) / baselines
        usable = np.isfinite(rises) & np.isfinite(errors) & (errors > 0)
        return cls(
            drift=pooled("placebo", "placebo_error"),
            rise=random_effects(rises, errors) if usable.sum() >= LEAST_POOLED else None,
        )

    def applied(self, found: Estimate) -> Estimate:
        """An estimate net of the drift, with its variance and the design floor in the error.

        The floor is a choice, not an estimate: what people choose for themselves cannot be told from small
        effects however many accounts there are.
        """
        scale = abs(found.baseline)
        gained, variance = self._by_rise(found)
        effect = found.effect + gained - TAKEN_OFF * self.drift.mean * scale
        of_drift = (self.drift.variance + ((1 - TAKEN_OFF) * self.drift.mean) ** 2) * scale**2
        floor = DESIGN_FLOOR * abs(found.after - effect)
        placebo_variance = self.drift.variance * scale**2 + (DESIGN_FLOOR * scale) ** 2
        return replace(
            found,
            effect=effect,
            std_error=float(np.sqrt(variance + of_drift + floor**2)),
            placebo=found.placebo - self.drift.mean * scale,
            placebo_error=float(np.sqrt(found.placebo_error**2 + placebo_variance)),
        )

    def _by_rise(self, found: Estimate) -> tuple[float, float]:
        """What the rise before exposure says about the noise in the effect, and the effect's variance
        given it.

        Adopters that stand higher before than adopters of other deliveries do are partly there by chance, and
        chance does not last: it makes the effect look small by as much. How much of the difference is
        chance is known from its error and from how deliveries differ.
        """
        variance, scale = found.std_error**2, abs(found.baseline)
        if self.rise is None or not (found.rise_error > 0 and np.isfinite(found.rise) and scale > 0):
            return 0.0, variance
        spread = found.rise_error**2 + self.rise.between * scale**2
        slope = found.rise_covariance / spread
        left = variance - found.rise_covariance * slope + slope**2 * self.rise.of_mean * scale**2
        if not 0 < left < variance:
            return 0.0, variance
        return -slope * (found.rise - self.rise.mean * scale), left

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
    pool = random_effects(placebos, errors)
    if pool is None:
        return Drift()
    mean, of_mean = pool.mean, pool.of_mean
    kept = mean**2 / (mean**2 + of_mean)
    return Drift(mean=mean * kept, variance=of_mean * kept)


def random_effects(values: np.ndarray, errors: np.ndarray) -> Pool | None:
    """Mean over deliveries that differ (DerSimonian and Laird); None with fewer than two."""
    usable = np.isfinite(values) & np.isfinite(errors) & (errors > 0)
    value, variance = values[usable], errors[usable] ** 2
    if len(value) < 2:
        return None
    weight = 1 / variance
    fixed = float(weight @ value / weight.sum())
    spread = float(weight @ (value - fixed) ** 2)
    # Zero where one value is known so much better than the others that it is all there is.
    information = float(weight.sum() - (weight @ weight) / weight.sum())
    between = max(0.0, (spread - (len(value) - 1)) / information) if information > 0 else 0.0
    weight = 1 / (variance + between)
    return Pool(mean=float(weight @ value / weight.sum()), of_mean=1 / float(weight.sum()), between=between)
