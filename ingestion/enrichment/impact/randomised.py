"""Rung 1: intention to treat, with the time before as covariate.

Belongs here: the comparison of an experiment's arms. Chance made them, so there is no self-selection to be
kept honest about: neither drift nor design floor applies. Does not belong here: rollouts whose order someone
chose.
"""

from __future__ import annotations

import numpy as np

from ingestion.enrichment.impact.contrasts import Estimate
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
        total, count = (found[rows] for found in outcome.totals(week, PRE))
        later, n_later = (found[rows] for found in outcome.totals(week, POST))
        old, n_old = (found[rows] for found in outcome.totals(week, OLD))
        with np.errstate(invalid="ignore", divide="ignore"):
            before, after, level = total / count, later / n_later, old / n_old
            known = (count >= LEAST_KNOWN_WEEKS) & (n_later >= 1)
            if outcome.relative:
                known &= before > 0
                after = np.clip(after / before, 0, LARGEST_MRR_RATIO)
                level = np.clip(level / before, 0, LARGEST_MRR_RATIO)
                last = np.clip(_mean(outcome, week, rows, LAST_WEEK) / before, 0, LARGEST_MRR_RATIO)
                before = np.ones(len(rows))
                further = [np.where(np.isfinite(last), last, before)[known]]
        level = np.where(np.isfinite(level), level, before)
        if not outcome.relative:
            further = [
                np.where(np.isfinite(mean), mean, otherwise)[known]
                for mean, otherwise in (
                    (_mean(outcome, week, rows, LATEST), before),
                    (_mean(outcome, week, rows, OLDEST), level),
                )
            ]
        rows, before, after, level = rows[known], before[known], after[known], level[known]
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
