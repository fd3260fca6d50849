"""The account-week panel: metrics as week-by-account arrays, and their means over windows.

Belongs here: what each metric is, from which weeks it counts, and window contrasts around an enrolment week.
Does not belong here: who is compared with whom (`contrasts.py`). One pass over the weeks makes running
totals; any window is then the difference of two of them, so that a window frame costs the same whatever its
length.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ingestion.enrichment.impact.frames import Inputs

BASE_METRICS = ("active", "wau_rate", "tickets", "mrr_rel", "csat")
FEWER_IS_BETTER = frozenset({"tickets"})
PRE, POST, OLD = (-8, -1), (1, 8), (-24, -9)
# What an account is like apart from spikes: the longer the window, the less of it is noise.
STEADY = (-40, -9)
PLACEBO_LATE, PLACEBO_EARLY = (-16, -9), (-24, -17)
# Of a window of eight weeks, so many must be known before it (after it one suffices: leaving is an outcome).
LEAST_KNOWN_WEEKS = 4
LARGEST_MRR_RATIO = 3.0
KEPT_CONTRASTS = 24


@dataclass(frozen=True)
class Panel:
    """What all metrics share, week by account.

    Arguments:
        subscribed: (weeks, accounts) bool.
        active: (weeks, accounts) bool; anyone active.
        stratum: (weeks, accounts) or (1, accounts) codes of segment x region.
        n_strata: number of codes.
        signup: week index of each account's first week.
    """

    inputs: Inputs
    subscribed: np.ndarray
    active: np.ndarray
    stratum: np.ndarray
    n_strata: int
    signup: np.ndarray

    @property
    def n_weeks(self) -> int:
        return self.inputs.n_weeks

    @property
    def n_accounts(self) -> int:
        return self.inputs.n_accounts

    def strata(self, week: int) -> np.ndarray:
        """Codes of segment x region in a week, (accounts,)."""
        return self.stratum[week] if len(self.stratum) > 1 else self.stratum[0]


@dataclass(frozen=True)
class Contrast:
    """One metric around one enrolment week, for every account.

    Arguments:
        change: after minus before, (accounts,).
        level: the steady level that the slope is on, (accounts,).
        before, after: numerators of the means that the row reports, with their denominators.
        known: whether the account has all it needs, (accounts,) bool.
    """

    change: np.ndarray
    level: np.ndarray
    before: np.ndarray
    after: np.ndarray
    known: np.ndarray


def build_panel(inputs: Inputs) -> Panel:
    """Arrays of subscription, activity and strata from the clean rows."""
    subscribed = dense(inputs, "subscribed", 0.0) > 0
    active = dense(inputs, "wau", 0.0) > 0
    n_regions = int(inputs.region.max(initial=0)) + 1
    if inputs.weekly_segment:
        segment = dense(inputs, "segment_code", -1.0).astype(np.int32)
        segment = np.where(segment < 0, inputs.segment[None, :], segment)
        stratum = (segment * n_regions + inputs.region[None, :]).astype(np.int32)
    else:
        stratum = (inputs.segment * n_regions + inputs.region)[None, :].astype(np.int32)
    return Panel(
        inputs=inputs,
        subscribed=subscribed,
        active=active & subscribed,
        stratum=stratum,
        n_strata=int(stratum.max(initial=0)) + 1,
        signup=inputs.signup,
    )


def dense(inputs: Inputs, column: str, missing: float) -> np.ndarray:
    """A column of the clean rows as (weeks, accounts), with `missing` where no row or no value is."""
    found = inputs.connection.execute(
        f"""
        select week_at::bigint * {inputs.n_accounts} + account_at as at, "{column}"::double as value
        from clean_week where week_at < {inputs.n_weeks} and "{column}" is not null
        """
    ).fetchnumpy()
    array = np.full(inputs.n_weeks * inputs.n_accounts, missing)
    array[np.asarray(found["at"], dtype=np.int64)] = np.asarray(found["value"], dtype=float)
    return array.reshape(inputs.n_weeks, inputs.n_accounts)


def theme_tickets(inputs: Inputs, panel: Panel, theme_id: str) -> np.ndarray:
    """Tickets of one theme, (weeks, accounts): 0 where the account is subscribed and no ticket came."""
    found = inputs.connection.execute(
        f"""
        with themed as (
            select account_id::varchar as account_id, week::timestamp as week, max(tickets)::double as tickets
            from raw_account_week_theme where theme_id::varchar = ? group by 1, 2
        )
        select
            a.account_at,
            date_diff('day', timestamp '{inputs.first_week}', t.week) // 7 as week_at,
            t.tickets
        from themed as t inner join clean_account as a using (account_id)
        """,
        [theme_id],
    ).fetchnumpy()
    values = np.where(panel.subscribed, 0.0, np.nan)
    week_at = np.asarray(found["week_at"], dtype=np.int64)
    inside = (week_at >= 0) & (week_at < inputs.n_weeks)
    values[week_at[inside], np.asarray(found["account_at"], dtype=np.int64)[inside]] = np.asarray(
        found["tickets"], dtype=float
    )[inside]
    return np.where(panel.subscribed, values, np.nan)


class Outcome:
    """One metric's values and running totals.

    Arguments:
        metric: its name in the result.
        values: (weeks, accounts), NaN where unknown.
        weights: (weeks, accounts) answers behind the values for a ratio of sums; None for means of weeks.
        relative: whether an account's values are divided by its own mean before.
    """

    def __init__(
        self,
        metric: str,
        values: np.ndarray,
        *,
        weights: np.ndarray | None = None,
        relative: bool = False,
    ) -> None:
        self.metric = metric
        self.values = values
        self.weights = weights
        self.relative = relative
        self._contrasts: dict[tuple[int, tuple[int, int], tuple[int, int]], Contrast] = {}
        known = ~np.isnan(values)
        n_weeks, n_accounts = values.shape
        self._sum = np.zeros((n_weeks + 1, n_accounts))
        np.cumsum(np.where(known, values, 0.0), axis=0, out=self._sum[1:])
        self._count = np.zeros((n_weeks + 1, n_accounts), dtype=np.float32)
        np.cumsum(known if weights is None else weights, axis=0, out=self._count[1:])

    @property
    def is_ratio(self) -> bool:
        """Whether the metric is a ratio of sums (answers), not a mean of account-weeks."""
        return self.weights is not None

    def totals(self, week: int, window: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
        """Sum and count of every account's values in a window around a week."""
        low, high = self._bounds(week, window)
        if high <= low:
            return np.zeros(self.values.shape[1]), np.zeros(self.values.shape[1])
        return self._sum[high] - self._sum[low], (self._count[high] - self._count[low]).astype(float)

    def _bounds(self, week: int, window: tuple[int, int]) -> tuple[int, int]:
        n_weeks = len(self.values)
        return min(max(week + window[0], 0), n_weeks), min(max(week + window[1] + 1, 0), n_weeks)

    def contrast(self, week: int, before: tuple[int, int], after: tuple[int, int]) -> Contrast:
        """Mean after minus mean before of every account; see `ratio_change` for ratios of sums.

        The last few are kept: deliveries of neighbouring weeks share their enrolment weeks.
        """
        key = (week, before, after)
        if key not in self._contrasts:
            if len(self._contrasts) >= KEPT_CONTRASTS:
                del self._contrasts[next(iter(self._contrasts))]
            self._contrasts[key] = self._built_contrast(week, before, after)
        return self._contrasts[key]

    def _built_contrast(self, week: int, before: tuple[int, int], after: tuple[int, int]) -> Contrast:
        sum_b, n_b = self.totals(week, before)
        sum_a, n_a = self.totals(week, after)
        if self.is_ratio:
            zeros = np.zeros(len(sum_b))
            return Contrast(zeros, zeros, zeros, zeros, np.ones(len(sum_b), dtype=bool))
        sum_o, n_o = self.totals(week, STEADY)
        known = (n_b >= LEAST_KNOWN_WEEKS) & (n_a >= 1) & (n_o >= LEAST_KNOWN_WEEKS)
        with np.errstate(invalid="ignore", divide="ignore"):
            mean_b, mean_a, mean_o = sum_b / n_b, sum_a / n_a, sum_o / n_o
            if self.relative:
                known &= mean_b > 0
                mean_a = np.clip(mean_a / mean_b, 0, LARGEST_MRR_RATIO)
                mean_o = np.clip(mean_o / mean_b, 0, LARGEST_MRR_RATIO)
                mean_b = np.ones(len(sum_b))
        level = np.where(known, mean_o, 0.0)
        mean_b, mean_a = np.where(known, mean_b, 0.0), np.where(known, mean_a, 0.0)
        return Contrast(mean_a - mean_b, level, mean_b, mean_a, known)

    def ratio_change(
        self,
        week: int,
        rows: np.ndarray,
        treated: np.ndarray,
        weights: np.ndarray,
        before: tuple[int, int],
        after: tuple[int, int],
    ) -> tuple[np.ndarray, float, float]:
        """Contributions whose weighted difference is the difference-in-differences of ratios of sums.

        Linearised around the ratio of each group and window: each account brings (sum - ratio x answers)
        over its group's mean number of answers, so that accounts without answers take part without a made-up
        value, and how many answer is no noise in what they say.

        Returns: changes (accounts,), and the treated's ratio before and after.
        """
        sum_b, n_b = (total[rows] for total in self.totals(week, before))
        sum_a, n_a = (total[rows] for total in self.totals(week, after))
        ratio_b = _ratio(sum_b[treated].sum(), n_b[treated].sum())
        ratio_a = _ratio(sum_a[treated].sum(), n_a[treated].sum())
        centre = _ratio((np.abs(weights) * sum_b).sum(), (np.abs(weights) * n_b).sum())
        change = np.zeros(len(rows))
        for group in (treated, ~treated):
            weight = np.abs(weights[group])
            change[group] = linearised(sum_a[group], n_a[group], weight, centre)
            change[group] -= linearised(sum_b[group], n_b[group], weight, centre)
        return change, ratio_b, ratio_a


def linearised(total: np.ndarray, count: np.ndarray, weight: np.ndarray, centre: float) -> np.ndarray:
    """What each account brings to the ratio of a group's weighted sums, less `centre`.

    Arguments:
        total, count: sums and numbers of the accounts' answers. weight: of the accounts, not negative.
    """
    answers = float((weight * count).sum())
    if answers <= 0:
        return np.zeros(len(total))
    ratio = float((weight * total).sum()) / answers
    mean = answers / float(weight.sum())
    return np.asarray((total - ratio * count) / mean + (ratio - centre))


def _ratio(top: float, bottom: float) -> float:
    return float(top) / float(bottom) if bottom > 0 else float("nan")


def build_outcome(panel: Panel, metric: str, theme_id: str | None = None) -> Outcome:
    """The values of a metric; tickets of one theme when `theme_id` is given."""
    inputs = panel.inputs
    subscribed = panel.subscribed
    if metric == "active":
        wau = dense(inputs, "wau", np.nan)
        return Outcome(metric, np.where(subscribed & ~np.isnan(wau), (wau > 0).astype(float), np.nan))
    if metric == "wau_rate":
        wau = dense(inputs, "wau", np.nan)
        seats = np.broadcast_to(inputs.seats, wau.shape)
        if inputs.weekly_seats:
            weekly = dense(inputs, "seats", np.nan)
            seats = np.where(np.isnan(weekly), seats, weekly)
        with np.errstate(invalid="ignore", divide="ignore"):
            return Outcome(metric, np.where(subscribed & (seats > 0), wau / seats, np.nan))
    if metric == "tickets":
        if theme_id is not None:
            return Outcome(metric, theme_tickets(inputs, panel, theme_id))
        return Outcome(metric, np.where(subscribed, dense(inputs, "tickets", np.nan), np.nan))
    if metric == "mrr_rel":
        mrr = dense(inputs, "mrr", np.nan)
        weeks = np.arange(inputs.n_weeks)[:, None]
        # Who has left pays nothing: that belongs to the effect on revenue.
        gone = (weeks >= inputs.churn[None, :]) | (
            ~subscribed & ~np.isnan(mrr) & (weeks >= inputs.signup[None, :])
        )
        return Outcome(metric, np.where(gone, 0.0, np.where(subscribed, mrr, np.nan)), relative=True)
    if metric == "csat":
        answers = np.where(subscribed, dense(inputs, "csat_n", 0.0), 0.0)
        total = dense(inputs, "csat_sum", np.nan)
        answers = np.where(np.isnan(total), 0.0, answers)
        return Outcome(metric, np.where(answers > 0, total, np.nan), weights=answers)
    return Outcome(metric, np.where(subscribed, dense(inputs, metric, np.nan), np.nan))
