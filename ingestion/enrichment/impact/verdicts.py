"""From estimates to verdicts: gates, many tests at once, and words.

Belongs here: what is enough for a verdict, Benjamini-Hochberg by quarter, the smallest effect that would have
been seen, and the sentences. Does not belong here: any estimate.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from ingestion.enrichment.impact.panel import FEWER_IS_BETTER

FALSE_DISCOVERY_RATE = 0.10
# Benjamini-Hochberg bounds the false among the claims: where many of a quarter's effects are real it lets
# nearly one in twenty of the others pass. This bounds them whatever the share of real effects.
LARGEST_P = 0.025
# Of arms without an effect as many pass as the bound lets; on the other rungs, whose errors hold half the
# drift and the design floor beside chance, fewer than half as many.
LARGEST_P_OF_ARMS = 0.015
CONFIDENCE = 0.95
POWER = 0.80
LEAST_PLACEBO_P = 0.01
LEAST_CLUSTERS = 8


@dataclass
class Cell:
    """One delivery and metric on its way to a row; amounts are in the metric's unit.

    `reason` is empty as long as nothing speaks against a verdict. `theme_id` is the theme whose tickets were
    counted, None where all were.
    """

    delivery_id: str
    metric: str
    rung: str
    horizon: pd.Timestamp | None = None
    verdict: str = ""
    reason: str = ""
    n_treated: int = 0
    n_control: int = 0
    n_clusters: int = 0
    baseline: float = float("nan")
    counterfactual: float = float("nan")
    effect: float = float("nan")
    std_error: float = float("nan")
    degrees: float = float("nan")
    p_value: float = float("nan")
    q_value: float = float("nan")
    pretrend: float = float("nan")
    pretrend_p: float = float("nan")
    first_stage: float = float("nan")
    overlaps: Sequence[str] = ()
    fewer_is_better: bool = False
    theme_id: str | None = None

    @property
    def measured(self) -> bool:
        """Whether the cell has passed every gate and carries an estimate."""
        return not self.verdict and not self.reason

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval."""
        half = t_quantile(self.degrees, (1 + CONFIDENCE) / 2) * self.std_error
        return self.effect - half, self.effect + half

    @property
    def smallest_detectable(self) -> float:
        """The effect that would have been seen with 80 % power."""
        quantiles = t_quantile(self.degrees, (1 + CONFIDENCE) / 2) + t_quantile(self.degrees, POWER)
        return quantiles * self.std_error

    def relative(self, amount: float) -> float:
        """An amount as a share of the counterfactual."""
        return amount / self.counterfactual if self.counterfactual > 0 else float("nan")

    def refuse(self, reason: str, verdict: str = "not_measurable") -> None:
        """Give no verdict, and take back every number that could be read as one."""
        self.verdict, self.reason = verdict, reason
        for name in ("counterfactual", "effect", "std_error", "p_value", "q_value", "degrees"):
            setattr(self, name, float("nan"))


def t_quantile(degrees: float, probability: float) -> float:
    """Quantile of Student's t."""
    return float(stats.t.ppf(probability, max(degrees, 1.0)))


def two_sided_p(effect: float, error: float, degrees: float) -> float:
    """Probability of an effect at least so large in either direction if there is none."""
    if not error > 0:
        return float("nan")
    return float(2 * stats.t.sf(abs(effect) / error, max(degrees, 1.0)))


def benjamini_hochberg(p_values: np.ndarray) -> np.ndarray:
    """Adjusted p-values (q), in the order of the input."""
    n = len(p_values)
    order = np.argsort(p_values, kind="stable")
    scaled = p_values[order] * n / np.arange(1, n + 1)
    q_values = np.empty(n)
    q_values[order] = np.minimum(np.minimum.accumulate(scaled[::-1])[::-1], 1.0)
    return q_values


def quarter_of(horizon: pd.Timestamp) -> tuple[int, int]:
    """Year and quarter in which a horizon falls."""
    return horizon.year, (horizon.month - 1) // 3 + 1


def decide(cells: Sequence[Cell], settled: Sequence[tuple[tuple[int, int], float]] = ()) -> None:
    """Give the measured cells their q-values and verdicts.

    Arguments:
        settled: (quarter, p) of verdicts that are frozen already; they belong to their quarter's family.
    """
    quarters: dict[tuple[int, int], list[Cell]] = {}
    for cell in cells:
        if cell.measured and cell.horizon is not None:
            quarters.setdefault(quarter_of(cell.horizon), []).append(cell)
    for quarter, family in quarters.items():
        others = [p for of, p in settled if of == quarter and np.isfinite(p)]
        q_values = benjamini_hochberg(np.array([*(cell.p_value for cell in family), *others]))
        for cell, q_value in zip(family, q_values, strict=False):
            cell.q_value = float(q_value)
            _judge(cell)


def _judge(cell: Cell) -> None:
    low, high = cell.interval
    of_theme = "" if cell.theme_id is None else "of its theme's tickets: "
    interval = f"95 % interval {_share(cell, low)} to {_share(cell, high)}"
    sizes = f"{of_theme}{_share(cell, cell.effect)} ({interval})"
    largest_p = LARGEST_P_OF_ARMS if cell.rung == "randomised" else LARGEST_P
    if cell.q_value <= FALSE_DISCOVERY_RATE and cell.p_value <= largest_p and (low > 0 or high < 0):
        up = cell.effect > 0
        cell.verdict = "improved" if up != cell.fewer_is_better else "worsened"
        cell.reason = sizes
    else:
        cell.verdict = "no_detectable_effect"
        smallest = _share(cell, cell.smallest_detectable).lstrip("+")
        cell.reason = f"{sizes}; an effect of {smallest} would have been seen four times in five"


def _share(cell: Cell, amount: float) -> str:
    if cell.metric == "csat":
        return f"{amount:+.2f} points"
    relative = cell.relative(amount)
    return f"{amount:+.4g}" if np.isnan(relative) else f"{100 * relative:+.1f} %"


def fewer_is_better(metric: str) -> bool:
    """Whether a fall of the metric is an improvement."""
    return metric in FEWER_IS_BETTER
