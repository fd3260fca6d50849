"""Rung 2: one equation from all waves and all weeks in which somebody still waits.

Belongs here: how each wave's weeks are weighed, and what an account brings to the sum. Does not belong
here: the system in which deliveries are solved together (`contrasts.py`).

Somebody set the dates, so that no spike in which people adopt has to cancel, and weeks need not lie
symmetrically around the exposure. The weights are those of generalised least squares on the waves' weekly
means: an effect of its own for every week since exposure (so that one that grows is not taken for none),
means by week and wave, and errors as correlated over time as the metric was before the first wave. The
effect is the mean of the weeks 1 to 8. Waves that are long exposed serve nobody as control unless their
own later weeks are accounted for.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ingestion.enrichment.impact.panel import LARGEST_MRR_RATIO, LEAST_KNOWN_WEEKS, POST, PRE, Outcome

WEEKS_BEFORE = 16
# Weeks before the first wave from which the correlation over time is read.
WEEKS_OF_CORRELATION = 40
# Eigenvalues of the errors' covariance below this share of their mean are raised to it.
LEAST_EIGENVALUE_SHARE = 0.05
LEAST_OF_WAVE_IN_STRATUM = 2


@dataclass(frozen=True)
class Plan:
    """Which weeks of which wave count how much.

    Arguments:
        first: the first week. starts: date of each wave, ascending. weights: (waves, weeks) of the waves'
        means; each row and each column sums to zero. identified: of the eight weeks after exposure, those
        in which somebody waits. expected: variance of each wave's share of the sum with one unit in it.
    """

    first: int
    starts: np.ndarray
    weights: np.ndarray
    identified: int
    expected: np.ndarray

    @property
    def last(self) -> int:
        return self.first + self.weights.shape[1] - 1

    def moved(self, weeks: int) -> Plan:
        """The same weights some weeks earlier."""
        return Plan(self.first - weeks, self.starts - weeks, self.weights, self.identified, self.expected)

    def exposed(self) -> np.ndarray:
        """(waves, weeks): what exposure from a week on counts; the week of exposure counts half."""
        later = np.cumsum(self.weights[:, ::-1], axis=1)[:, ::-1]
        return later - 0.5 * self.weights


@dataclass(frozen=True)
class Sum:
    """The weighted sum over accounts.

    Arguments:
        rows: accounts. wave: position of each one's wave. share: what its deviation counts in its wave's
        mean. moment: the sum. influence: each account's contribution to the sum's error.
    """

    rows: np.ndarray
    wave: np.ndarray
    share: np.ndarray
    moment: float
    influence: np.ndarray


def plan_of(
    starts: np.ndarray, sizes: np.ndarray, first: int, last: int, variogram: np.ndarray
) -> Plan | None:
    """Weights of least variance for the mean effect of the weeks 1 to 8; None where nobody waits.

    Arguments:
        starts: date of each wave, ascending; the last may lie after the window.
        sizes: units in each wave.
        first, last: weeks of the window.
        variogram: half the mean square of the difference between weeks of one unit, by lag.
    """
    weeks = np.arange(first, last + 1)
    lags = np.abs(weeks[:, None] - weeks[None, :])
    inverse = _inverse_errors(-variogram[np.minimum(lags, len(variogram) - 1)])
    since = weeks[None, :] - starts[:, None]
    n_lags = int(since.max()) + 1
    identified = min(POST[1], last - int(starts[0]))
    if n_lags < 2 or identified < 1:
        return None
    events = (since[:, :, None] == np.arange(n_lags)).astype(float)
    events -= np.average(events, axis=0, weights=sizes)
    weighed = np.einsum("st,wtk->wsk", inverse, events)
    information = np.einsum("w,wtk,wtl->kl", sizes, events, weighed)
    target = np.zeros(n_lags)
    target[1 : identified + 1] = 1 / identified
    solution = np.linalg.pinv(information, rcond=1e-9, hermitian=True) @ target
    if not np.allclose(information @ solution, target, atol=1e-6):
        return None
    weights = sizes[:, None] * (weighed @ solution)
    covariance = np.linalg.pinv(inverse, hermitian=True)
    return Plan(
        first=first,
        starts=starts,
        weights=weights,
        identified=identified,
        expected=np.einsum("ws,st,wt->w", weights, covariance, weights),
    )


def _inverse_errors(covariance: np.ndarray) -> np.ndarray:
    """Inverse on what is left when each unit's own level is taken away."""
    n = len(covariance)
    levels_off = np.eye(n) - 1 / n
    values, vectors = np.linalg.eigh(levels_off @ covariance @ levels_off)
    inside = levels_off @ vectors
    values = np.maximum(values, LEAST_EIGENVALUE_SHARE * max(float(values.sum()) / n, 1e-300))
    inverse = (inside / values) @ inside.T
    return np.asarray((inverse + inverse.T) / 2)


def variogram_of(values: np.ndarray, longest: int) -> np.ndarray:
    """Half the mean square of the differences between weeks, by lag from 0.

    Arguments:
        values: (weeks, units), NaN where unknown, already net of what all units of a week have in common.
        longest: lags beyond those known count as the longest known.
    """
    found = [0.0]
    for lag in range(1, min(longest, len(values) - 1) + 1):
        difference = values[lag:] - values[:-lag]
        known = ~np.isnan(difference)
        if not known.any():
            break
        found.append(0.5 * float(np.square(difference[known]).mean()))
    return np.array(found)


def series_of(outcome: Outcome, rows: np.ndarray, first: int, last: int, at: int) -> np.ndarray:
    """Each account's weeks as deviations from its own level before `at`, (weeks, accounts); NaN where
    unknown.

    A ratio of sums has no level of an account: there it is the deviation of the sum from the common ratio,
    over the mean number of answers of an account in that week.
    """
    if outcome.weights is not None:
        total, count = outcome.totals(at, (first - at, -1))
        centre = float(total[rows].sum()) / max(float(count[rows].sum()), 1e-12)
        answers = outcome.weights[first : last + 1, rows].astype(float)
        sums = np.nan_to_num(outcome.values[first : last + 1, rows])
        mean = answers.mean(axis=1, keepdims=True)
        return np.where(mean > 0, (sums - centre * answers) / np.where(mean > 0, mean, 1.0), 0.0)
    values = outcome.values[first : last + 1, rows]
    total, count = (found[rows] for found in outcome.totals(at, PRE))
    with np.errstate(invalid="ignore", divide="ignore"):
        level = total / count
        if outcome.relative:
            return np.clip(values / level, 0, LARGEST_MRR_RATIO) - 1
        return values - level


def usable_rows(outcome: Outcome, possible: np.ndarray, at: int) -> np.ndarray:
    """Accounts whose level before `at` is known."""
    if outcome.is_ratio:
        return np.flatnonzero(possible)
    total, count = outcome.totals(at, PRE)
    known = possible & (count >= LEAST_KNOWN_WEEKS)
    if outcome.relative:
        known &= total > 0
    return np.flatnonzero(known)


def summed(
    plan: Plan,
    series: np.ndarray,
    rows: np.ndarray,
    wave: np.ndarray,
    strata: np.ndarray,
    cluster: np.ndarray | None,
) -> Sum | None:
    """The plan's weighted sum, stratum by stratum.

    Arguments:
        series: (weeks, accounts) over the plan's weeks. rows: the accounts. wave: position of their wave.
        strata: codes within which accounts are compared. cluster: unit of assignment where accounts are
        not it.
    """
    n_waves = len(plan.starts)
    counts = np.zeros((int(strata.max(initial=0)) + 1, n_waves))
    np.add.at(counts, (strata, wave), 1)
    least = 1 if cluster is not None else LEAST_OF_WAVE_IN_STRATUM
    whole = np.asarray((counts >= least).all(axis=1))
    strata = np.where(whole[strata], strata, len(counts))
    # Strata in which a wave is missing are compared as one.
    of_cell = strata * n_waves + wave
    n_cells = (len(counts) + 1) * n_waves
    size = np.bincount(of_cell, minlength=n_cells).astype(float)
    rest = size[-n_waves:]
    kept = strata < len(counts) if (rest < least).any() else np.ones(len(rows), dtype=bool)
    if not kept.any():
        return None
    rows, wave, strata, of_cell, series = rows[kept], wave[kept], strata[kept], of_cell[kept], series[:, kept]
    brought = np.zeros(len(rows))
    for week in range(len(series)):
        values = series[week]
        known = ~np.isnan(values)
        # Who is unknown in a week counts like the known of its wave and stratum.
        sums = np.bincount(of_cell[known], weights=values[known], minlength=n_cells)
        of = np.bincount(of_cell[known], minlength=n_cells)
        mean = sums / np.maximum(of, 1)
        brought += plan.weights[wave, week] * np.where(known, values, mean[of_cell])
    of_stratum = np.bincount(strata, minlength=len(counts) + 1)
    share = of_stratum[strata] / len(rows) / size[of_cell]
    mean = np.bincount(of_cell, weights=brought, minlength=n_cells) / np.maximum(size, 1)
    left = brought - mean[of_cell]
    if cluster is None:
        influence = share * left * np.sqrt(size[of_cell] / np.maximum(size[of_cell] - 1, 1))
    else:
        codes = cluster[rows]
        of_unit = np.bincount(codes, minlength=int(codes.max()) + 1)[codes] / size[of_cell]
        influence = share * left / np.sqrt(np.maximum(1 - of_unit, 0.1))
    return Sum(rows, wave, share, float(share @ brought), influence)
