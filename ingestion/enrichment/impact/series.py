"""Rung 4: a release to everybody at once, read from one series.

Belongs here: the interrupted time series and its null taken from the same statistic at dates on which nothing
was released. Does not belong here: any comparison between accounts. With one series the honest interval is
wide: seasons and shocks look like effects, which is why textbook errors (least squares, Newey-West) claim far
too much.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ingestion.enrichment.impact.panel import Outcome, Panel

LEAST_HISTORY_WEEKS = 52
LONGEST_HISTORY_WEEKS = 130
LEAST_FITTED_WEEKS = 26
AFTER_WEEKS = 8
QUIET_WEEKS = 8
WEEKS_OF_YEAR = 52.1775
# Annual season is told apart from trend only with more than this many weeks.
WEEKS_FOR_SEASON = 70


@dataclass(frozen=True)
class SeriesEstimate:
    """Effect on the log of the weekly mean, its error from placebo dates, and what it is relative to."""

    n_accounts: int = 0
    log_effect: float = float("nan")
    error: float = float("nan")
    degrees: float = float("nan")
    baseline: float = float("nan")
    after: float = float("nan")
    problem: str = ""


def weekly_mean(panel: Panel, outcome: Outcome, first: int, last: int) -> tuple[np.ndarray, int]:
    """Mean by week over the accounts that were subscribed when the window began, and their number."""
    cohort = np.flatnonzero(panel.subscribed[first] & (panel.signup <= first))
    values = outcome.values[first : last + 1, cohort]
    if outcome.weights is not None:
        weights = outcome.weights[first : last + 1, cohort]
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.nansum(values, axis=1) / weights.sum(axis=1), len(cohort)
    known = ~np.isnan(values)
    if outcome.relative:
        # Revenue of the cohort: who left counts as nothing.
        return np.where(known, values, 0.0).sum(axis=1), len(cohort)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(known, values, 0.0).sum(axis=1) / known.sum(axis=1), len(cohort)


def interrupted_series(panel: Panel, outcome: Outcome, released: int) -> SeriesEstimate:
    """Level of the eight weeks after a release against season and trend before it.

    Arguments:
        released: week index of the release; its week is left out of the statistic.
    """
    last = released + AFTER_WEEKS
    first = max(0, released - LONGEST_HISTORY_WEEKS)
    series, n_accounts = weekly_mean(panel, outcome, first, last)
    if not np.all(np.isfinite(series)) or (series <= 0).any():
        return SeriesEstimate(
            n_accounts=n_accounts, problem="the weekly mean is zero or unknown in some weeks"
        )
    logs = np.log(series)
    calendar = [panel.inputs.week(first + at).day_of_year for at in range(len(series))]
    at = released - first
    effect = _step(logs, calendar, at)
    placebos = [
        _step(logs[: date + AFTER_WEEKS + 1], calendar[: date + AFTER_WEEKS + 1], date)
        for date in range(LEAST_FITTED_WEEKS, at - AFTER_WEEKS)
    ]
    if len(placebos) < AFTER_WEEKS:
        return SeriesEstimate(
            n_accounts=n_accounts, problem="too few dates before the release to compare with"
        )
    null = float(np.sqrt(np.mean(np.square(placebos))))
    independent = max(len(placebos) / (AFTER_WEEKS + 1), 2.0)
    before = series[at - AFTER_WEEKS : at]
    after = series[at + 1 : at + AFTER_WEEKS + 1]
    scale = float(before.mean()) if outcome.relative else 1.0
    return SeriesEstimate(
        n_accounts=n_accounts,
        log_effect=effect,
        error=null * float(np.sqrt(1 + 1 / independent)),
        degrees=independent,
        baseline=float(before.mean()) / scale,
        after=float(after.mean()) / scale,
    )


def _step(logs: np.ndarray, calendar: list[int], at: int) -> float:
    """Step after `at` given season and trend, by generalised least squares with first-order
    autocorrelation."""
    n = len(logs)
    time = np.arange(n) / WEEKS_OF_YEAR
    day = np.asarray(calendar, dtype=float)
    columns = [np.ones(n), time - time.mean(), ((day >= 355) | (day <= 4)).astype(float)]
    if at >= WEEKS_FOR_SEASON:
        angle = 2 * np.pi * day / 365.25
        columns += [np.sin(angle), np.cos(angle)]
    step, there = np.zeros(n), np.zeros(n)
    step[at + 1 :] = 1.0
    there[at] = 1.0
    design = np.column_stack([*columns, there, step])
    before = design[:at, : len(columns)]
    slopes = np.linalg.pinv(before) @ logs[:at]
    left = logs[:at] - before @ slopes
    rho = float(left[1:] @ left[:-1]) / max(float(left[:-1] @ left[:-1]), 1e-12)
    # Least squares understates it in short series (Kendall's correction).
    rho = float(np.clip(rho + (1 + 3 * rho) / at, 0.0, 0.95))
    lead = np.sqrt(1 - rho**2)
    moved = np.vstack([lead * design[:1], design[1:] - rho * design[:-1]])
    moved_logs = np.concatenate([lead * logs[:1], logs[1:] - rho * logs[:-1]])
    return float((np.linalg.pinv(moved) @ moved_logs)[-1])
