"""Rung 1: intention to treat, with the time before as covariate.

Belongs here: the comparison of an experiment's arms, over eight weeks and by week. Chance made them, so there
is no self-selection to be kept honest about: neither drift nor design floor applies. Does not belong here:
rollouts whose order someone chose.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ingestion.enrichment.impact.contrasts import LEAST_CONTROLS, LEAST_TREATED, Estimate
from ingestion.enrichment.impact.frames import Delivery
from ingestion.enrichment.impact.panel import (
    LARGEST_MRR_RATIO,
    LEAST_KNOWN_WEEKS,
    OLD,
    POST,
    PRE,
    Outcome,
    Panel,
    linearised,
)

# Beside the two windows of the other rungs: what is nearest to the release, and what lies longest back.
LATEST, OLDEST = (-4, -1), (-40, -25)
# What an account pays goes by steps and not around a mean: the next weeks are like the last.
LAST_WEEK = (-1, -1)


def compare_arms(panel: Panel, outcome: Outcome, delivery: Delivery) -> Estimate:
    """Difference between the arms over the eight weeks after release, given stratum and the windows before
    (ANCOVA).

    Arguments:
        delivery: an experiment with arms 0 and 1, released at least eight complete weeks ago.
    """
    week = delivery.released
    if week is None or delivery.arm is None or week < 1:
        return Estimate()
    at_start = panel.subscribed[week - 1] & panel.subscribed[week]
    rows = np.flatnonzero((delivery.arm >= 0) & at_start & (panel.signup <= week + PRE[0]))
    strata = panel.strata(week)
    by_unit = delivery.assignment_unit == "segment_region"
    estimate = Estimate(first_stage=1.0)
    weights = np.ones(len(rows))
    further: list[np.ndarray] = []
    if outcome.is_ratio:
        treated = delivery.arm[rows] == 1
        after, before, level, base, mean_after = _ratio_parts(outcome, week, rows, treated, weights)
        estimate.n_answering = int(
            min((outcome.totals(week, window)[1][rows[treated]] > 0).sum() for window in (PRE, POST))
        )
    else:
        later, n_later = (found[rows] for found in outcome.totals(week, POST))
        with np.errstate(invalid="ignore", divide="ignore"):
            after = later / n_later
        past = _past(outcome, week, rows)
        known = past.known & (n_later >= 1)
        rows, past = rows[known], past.of(known)
        after, (before, level, *further) = past.relative(after[known]), past.covariates
        treated = delivery.arm[rows] == 1
        base = float(before[treated].mean()) if treated.any() else float("nan")
        mean_after = float(after[treated].mean()) if treated.any() else float("nan")
    estimate.n_treated, estimate.n_control = int(treated.sum()), int((~treated).sum())
    estimate.baseline, estimate.after = base, mean_after
    codes = np.zeros(len(rows), dtype=np.int64) if by_unit else strata[rows]
    cluster = strata[rows] if by_unit else None
    if not treated.any() or treated.all():
        return estimate
    effect, error, clusters = _difference(after, treated, codes, [before, level, *further], cluster)
    estimate.effect, estimate.std_error = effect, error
    estimate.n_clusters = clusters
    estimate.degrees = float(max(clusters - 2, 1))
    if week + OLD[0] >= 0 and not outcome.relative:
        estimate.placebo, estimate.placebo_error, _ = _difference(before, treated, codes, [level], cluster)
    elif week + OLD[0] >= 0:
        estimate.placebo, estimate.placebo_error, _ = _difference(1 - level, treated, codes, [], cluster)
    return estimate


def arms_course(
    panel: Panel,
    outcome: Outcome,
    delivery: Delivery,
    span: tuple[int, int],
    quantile: Callable[[float], float],
) -> list[tuple[int, float, float, float]]:
    """Difference between the arms and its interval by weeks since the release; for the picture.

    Weeks from the release on are compared as the row's eight are, so that their mean is its effect where
    every week is known. Weeks before are given their own mean over eight weeks only: given more of
    themselves, arms that moved apart before the release would be drawn as if they had not.

    Returns: (weeks since the release, effect, low, high).
    """
    week = delivery.released
    if week is None or delivery.arm is None or week < 1 or outcome.is_ratio:
        return []
    at_start = panel.subscribed[week - 1] & panel.subscribed[week]
    rows = np.flatnonzero((delivery.arm >= 0) & at_start & (panel.signup <= week + PRE[0]))
    past = _past(outcome, week, rows)
    rows, past = rows[past.known], past.of(past.known)
    treated, strata = delivery.arm[rows] == 1, panel.strata(week)[rows]
    by_unit = delivery.assignment_unit == "segment_region"
    codes = np.zeros(len(rows), dtype=np.int64) if by_unit else strata
    course = []
    for lag in range(span[0], span[1] + 1):
        if not 0 <= week + lag < panel.n_weeks:
            continue
        value = past.relative(outcome.values[week + lag, rows])
        there = ~np.isnan(value)
        n_treated, n_control = int((treated & there).sum()), int((~treated & there).sum())
        if n_treated < LEAST_TREATED or n_control < LEAST_CONTROLS:
            continue
        given = past.covariates if lag >= 0 else past.covariates[:1]
        effect, error, clusters = _difference(
            value[there],
            treated[there],
            codes[there],
            [covariate[there] for covariate in given],
            strata[there] if by_unit else None,
        )
        half = quantile(float(max(clusters - 2, 1))) * error
        course.append((lag, effect, effect - half, effect + half))
    return course


@dataclass(frozen=True)
class _Past:
    """What is known of accounts before a release.

    Arguments:
        covariates: the mean of the eight weeks before first, then the other windows; no gaps.
        known: whether enough of those eight weeks is. scale: what the metric is divided by, None if nothing.
    """

    covariates: list[np.ndarray]
    known: np.ndarray
    scale: np.ndarray | None

    def of(self, chosen: np.ndarray) -> _Past:
        """The same of some of the accounts."""
        return _Past(
            [covariate[chosen] for covariate in self.covariates],
            self.known[chosen],
            None if self.scale is None else self.scale[chosen],
        )

    def relative(self, values: np.ndarray) -> np.ndarray:
        """Values in the unit of the result."""
        return values if self.scale is None else np.clip(values / self.scale, 0, LARGEST_MRR_RATIO)


def _past(outcome: Outcome, week: int, rows: np.ndarray) -> _Past:
    """The windows before a release, of accounts whose metric is a mean of weeks."""
    total, count = (found[rows] for found in outcome.totals(week, PRE))
    with np.errstate(invalid="ignore", divide="ignore"):
        before = total / count
    known, old = count >= LEAST_KNOWN_WEEKS, _mean(outcome, week, rows, OLD)
    if outcome.relative:
        known &= before > 0
        with np.errstate(invalid="ignore", divide="ignore"):
            old, last = (
                np.clip(mean / before, 0, LARGEST_MRR_RATIO)
                for mean in (old, _mean(outcome, week, rows, LAST_WEEK))
            )
        ones = np.ones(len(rows))
        return _Past([ones, _filled(old, ones), _filled(last, ones)], known, before)
    level = _filled(old, before)
    latest = _filled(_mean(outcome, week, rows, LATEST), before)
    oldest = _filled(_mean(outcome, week, rows, OLDEST), level)
    return _Past([before, level, latest, oldest], known, None)


def _filled(values: np.ndarray, otherwise: np.ndarray) -> np.ndarray:
    return np.where(np.isfinite(values), values, otherwise)


def _mean(outcome: Outcome, week: int, rows: np.ndarray, window: tuple[int, int]) -> np.ndarray:
    total, count = (found[rows] for found in outcome.totals(week, window))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(total / count)


def _ratio_parts(
    outcome: Outcome, week: int, rows: np.ndarray, treated: np.ndarray, weights: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, float, float]:
    """A ratio of sums, linearised: what each account brings after, before and long before."""
    parts = []
    sum_b, n_b = (found[rows] for found in outcome.totals(week, PRE))
    centre = float(sum_b.sum()) / max(float(n_b.sum()), 1e-12)
    for window in (POST, PRE, OLD):
        total, count = (found[rows] for found in outcome.totals(week, window))
        part = np.zeros(len(rows))
        for group in (treated, ~treated):
            part[group] = linearised(total[group], count[group], weights[group], centre)
        parts.append(part)
    ratios = []
    for window in (PRE, POST):
        total, count = (found[rows[treated]] for found in outcome.totals(week, window))
        ratios.append(float(total.sum()) / float(count.sum()) if count.sum() > 0 else float("nan"))
    return parts[0], parts[1], parts[2], ratios[0], ratios[1]


def _difference(
    after: np.ndarray,
    treated: np.ndarray,
    codes: np.ndarray,
    covariates: list[np.ndarray],
    cluster: np.ndarray | None,
) -> tuple[float, float, int]:
    """Regression of the outcome on the arm, strata and covariates; robust or cluster-robust error."""
    n_codes = int(codes.max(initial=0)) + 1
    count = np.maximum(np.bincount(codes, minlength=n_codes), 1)

    def centred(values: np.ndarray) -> np.ndarray:
        return values - (np.bincount(codes, weights=values, minlength=n_codes) / count)[codes]

    arm = centred(treated.astype(float))
    columns = [arm]
    for covariate in covariates:
        column = centred(covariate)
        if float(column @ column) > 1e-12 * len(column):
            columns.append(column)
    design = np.column_stack(columns)
    gram = np.linalg.pinv(design.T @ design)
    outcome = centred(after)
    slopes = gram @ (design.T @ outcome)
    left = outcome - design @ slopes
    leverage = np.clip(np.einsum("ij,jk,ik->i", design, gram, design) + 1 / count[codes], 0, 0.99)
    if cluster is None:
        influence = (gram[0] @ design.T) * left / np.sqrt(1 - leverage)
        return float(slopes[0]), float(np.sqrt(influence @ influence)), len(after)
    influence = (gram[0] @ design.T) * left
    sums = np.bincount(cluster, weights=influence)
    clusters = len(np.unique(cluster))
    return float(slopes[0]), float(np.sqrt((sums @ sums) * clusters / max(clusters - 2, 1))), clusters
