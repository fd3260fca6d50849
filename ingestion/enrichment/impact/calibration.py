"""What the placebo windows say about a metric, over all its deliveries at once.

Belongs here: the pooled drift, its shrinkage and its variance. Does not belong here: the placebos'
estimation.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Drift:
    """Change that adopters show without any delivery, as a share of the baseline, and its variance."""

    mean: float = 0.0
    variance: float = 0.0


def pooled_drift(placebos: np.ndarray, errors: np.ndarray) -> Drift:
    """Random-effects mean of the placebos (DerSimonian and Laird), shrunk to zero by its own uncertainty.

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
    between = max(0.0, (spread - (len(value) - 1)) / float(weight.sum() - (weight @ weight) / weight.sum()))
    weight = 1 / (variance + between)
    mean = float(weight @ value / weight.sum())
    of_mean = 1 / float(weight.sum())
    return Drift(mean=mean * mean**2 / (mean**2 + of_mean), variance=of_mean)
