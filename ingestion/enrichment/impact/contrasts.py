"""Rungs 2 and 3: stacked symmetric difference-in-differences, solved jointly over overlapping deliveries.

Belongs here: who is compared with whom in which week, the weights that balance strata and the steady level,
the joint system, influence functions, and the placebo window. Does not belong here: what counts as enough
(`engine.py`) and what is done with the placebos (`calibration.py`).

For each enrolment week g, accounts first exposed in g stand against accounts that could have been and were
not by then. Never-adopters as controls would condition on the future. Before and after lie symmetrically
around g, which is dropped: people adopt in a spike of activity, and a spike that rises as it falls cancels.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cache

import numpy as np

from ingestion.enrichment.impact import waves
from ingestion.enrichment.impact.frames import NEVER, Delivery
from ingestion.enrichment.impact.panel import PLACEBO_EARLY, PLACEBO_LATE, POST, PRE, STEADY, Outcome, Panel

ENROLMENT_WEEKS = 4
OLDEST_NEEDED_WEEKS = 16
OVERLAP_WEEKS = 14
LEAST_TREATED, LEAST_CONTROLS, LEAST_FIRST_STAGE = 30, 50, 0.3
WAVES_WITHIN_WEEKS = 13
# A stratum whose single control stands for many treated says nothing about its own error.
LEAST_CONTROLS_OF_STRATUM = 2
# Deliveries whose exposure differs by less than this between treated and controls are not named as
# overlapping.
NAMED_OVERLAP = 0.02


@dataclass(frozen=True)
class Design:
    """How one delivery is read: by adopters, or by waves.

    Arguments:
        at: the delivery's position in the list of deliveries.
        rung: `adopters` or `phased`.
        start: week from which each account counts as treated, NEVER if not; its own exposure or its wave's
        date. member: accounts that take part at all. exposed: actual first exposure, which the first stage
        and the overlaps are computed from. weeks: enrolment weeks with complete windows. last_week: last
        enrolment week, whether complete or not; the horizon lies 8 weeks later. cluster: code of the unit of
        assignment; None when accounts are the unit.
    """

    at: int
    rung: str
    start: np.ndarray
    member: np.ndarray | None
    exposed: np.ndarray
    weeks: tuple[int, ...]
    last_week: int
    cluster: np.ndarray | None = None


@dataclass
class Estimate:
    """What the joint solve says about one delivery and metric, before calibration.

    `rise` is by how much more the treated stood above their steady level in the weeks before exposure
    already, with its error and its covariance with the effect's error. `n_answering` is of a ratio of
    sums: treated accounts with answers before or after, whichever are fewer.
    """

    n_treated: int = 0
    n_control: int = 0
    n_clusters: int = 0
    baseline: float = float("nan")
    after: float = float("nan")
    effect: float = float("nan")
    std_error: float = float("nan")
    first_stage: float = float("nan")
    placebo: float = float("nan")
    placebo_error: float = float("nan")
    rise: float = float("nan")
    rise_error: float = float("nan")
    rise_covariance: float = float("nan")
    degrees: float = float("nan")
    n_answering: int = 0
    overlaps: list[int] = field(default_factory=list)

    @property
    def in_system(self) -> bool:
        """Whether the delivery's own equation takes part in the joint solve."""
        return (
            self.n_treated >= LEAST_TREATED
            and self.n_control >= LEAST_CONTROLS
            and self.first_stage >= LEAST_FIRST_STAGE
        )


@dataclass(frozen=True)
class _Stack:
    """One enrolment week.

    Arguments:
        rows: accounts in the risk set.
        weights: summing to zero in each stratum and over the steady level.
        change: of the metric; left: what is left of it given stratum and steady level.
        before, after: means of the treated. n_answering: treated accounts with answers, before
        and after.
    """

    rows: np.ndarray
    treated: np.ndarray
    weights: np.ndarray
    change: np.ndarray
    left: np.ndarray
    before: float
    after: float
    n_answering: np.ndarray


@dataclass(frozen=True)
class _Equation:
    """One delivery's line of the joint system: moment = sum over deliveries of exposure x effect.

    Arguments:
        exposure: by how much more the treated were exposed to each delivery, (designs,); its own is the first
        stage. moment: by how much more their metric changed. influence: each account's contribution to the
        moment's error, (accounts,). before, after: means of the treated.
    """

    exposure: np.ndarray
    moment: float
    influence: np.ndarray
    n_treated: int
    n_control: int
    before: float
    after: float
    n_answering: int
    first_stage: float


class _Exposure:
    """Who was first exposed to a delivery when, sorted, so that a window reads only those inside it."""

    def __init__(self, exposed: np.ndarray) -> None:
        who = np.flatnonzero(exposed < NEVER)
        order = np.argsort(exposed[who], kind="stable")
        self.accounts = who[order]
        self.weeks = exposed[who][order].astype(np.int64)

    def difference(
        self, week: int, before: tuple[int, int], after: tuple[int, int]
    ) -> tuple[np.ndarray, np.ndarray]:
        """Accounts whose exposed share of weeks differs between the windows, and by how much."""
        low, high = np.searchsorted(self.weeks, [week + before[0], week + after[1] + 1])
        by_week = _differences(before, after)
        return self.accounts[low:high], by_week[self.weeks[low:high] - (week + before[0])]

    def between(self, first: int, last: int) -> tuple[np.ndarray, np.ndarray]:
        """Accounts first exposed in these weeks, and the weeks."""
        low, high = np.searchsorted(self.weeks, [first, last + 1])
        return self.accounts[low:high], self.weeks[low:high]


@cache
def _differences(before: tuple[int, int], after: tuple[int, int]) -> np.ndarray:
    """Exposed share of the weeks after minus that before, by week of first exposure from the first on."""
    first = np.arange(before[0], after[1] + 1)
    return _share(first, after) - _share(first, before)


def _dot(one: np.ndarray, other: np.ndarray) -> float:
    """Sum of products on one thread: starting others costs more than they bring on vectors of this size."""
    return float(np.einsum("i,i->", one, other))


def _share(first: np.ndarray, window: tuple[int, int]) -> np.ndarray:
    """Share of a window's weeks that are exposed; the week of first exposure counts half."""
    length = window[1] - window[0] + 1
    return np.clip(window[1] - first + 0.5, 0, length) / length


def design_of(panel: Panel, deliveries: Sequence[Delivery], at: int) -> Design | None:
    """The highest of rungs 2 and 3 that the delivery's lists allow; None if they allow neither."""
    delivery = deliveries[at]
    if delivery.released is None or delivery.problem:
        return None
    listed = delivery.exposed is not None and bool((delivery.exposed < NEVER).any())
    if delivery.rollout == "phased" and delivery.arm is not None and delivery.exposed is not None and listed:
        start = _wave_starts(delivery.arm, delivery.exposed)
        dates = np.unique(start[start < NEVER])
        # The last wave has nobody left to be compared with.
        waves = [int(week) for week in dates[:-1] if week < delivery.released + WAVES_WITHIN_WEEKS]
        if waves:
            cluster = None
            if delivery.assignment_unit == "segment_region":
                cluster = panel.strata(min(max(delivery.released, 0), panel.n_weeks - 1)).astype(np.int64)
            return Design(
                at=at,
                rung="phased",
                start=start,
                member=delivery.arm != -1,
                exposed=delivery.exposed,
                weeks=_complete(panel, waves),
                last_week=max(waves),
                cluster=cluster,
            )
    if delivery.has_adopter_list and delivery.exposed is not None:
        weeks = list(range(delivery.released, delivery.released + ENROLMENT_WEEKS))
        return Design(
            at=at,
            rung="adopters",
            start=delivery.exposed,
            member=None,
            exposed=delivery.exposed,
            weeks=_complete(panel, weeks),
            last_week=weeks[-1],
        )
    return None


def _complete(panel: Panel, weeks: Sequence[int]) -> tuple[int, ...]:
    return tuple(
        week for week in weeks if week - OLDEST_NEEDED_WEEKS >= 0 and week + POST[1] <= panel.n_weeks - 1
    )


def _wave_starts(arm: np.ndarray, exposed: np.ndarray) -> np.ndarray:
    """Each account's wave's date: the week in which most of the wave's accounts were first exposed."""
    start = np.full(len(arm), NEVER, dtype=np.int64)
    for wave in np.unique(arm[arm != -1]):
        weeks = exposed[(arm == wave) & (exposed < NEVER)]
        if len(weeks):
            values, counts = np.unique(weeks, return_counts=True)
            start[arm == wave] = values[np.argmax(counts)]
    return start


def solve(
    panel: Panel, outcome: Outcome, deliveries: Sequence[Delivery], designs: Sequence[Design]
) -> list[Estimate]:
    """Effects of all deliveries on one metric, each net of those that overlap it.

    Arguments:
        designs: the deliveries on rungs 2 and 3; each is one equation and one unknown.

    Returns: one estimate per design, in their order.
    """
    return _Solver(panel, outcome, deliveries, designs).run()


class _Solver:
    def __init__(
        self, panel: Panel, outcome: Outcome, deliveries: Sequence[Delivery], designs: Sequence[Design]
    ) -> None:
        self.panel, self.outcome, self.designs = panel, outcome, designs
        self.released = [deliveries[design.at].released or 0 for design in designs]
        self.exposures = [_Exposure(design.exposed) for design in designs]

    def run(self) -> list[Estimate]:
        n = len(self.designs)
        equations = [
            self._equation(i, PRE, POST) if design.rung == "adopters" else self._wave_equation(i)
            for i, design in enumerate(self.designs)
        ]
        estimates = [
            Estimate(
                n_treated=equation.n_treated,
                n_control=equation.n_control,
                baseline=equation.before,
                after=equation.after,
                first_stage=equation.first_stage,
                n_answering=equation.n_answering,
            )
            for i, equation in enumerate(equations)
        ]
        kept = [i for i in range(n) if estimates[i].in_system]
        if not kept:
            return estimates
        inverse = _inverse(np.stack([equations[i].exposure[kept] for i in kept]))
        effects = inverse @ np.array([equations[i].moment for i in kept])
        influence = inverse @ np.stack([equations[i].influence for i in kept])
        for position, i in enumerate(kept):
            found = estimates[i]
            found.effect = float(effects[position])
            found.std_error, found.degrees, found.n_clusters = _error(
                influence[position], self.designs[i], found
            )
            found.overlaps = [
                k for k in range(n) if k != i and abs(equations[i].exposure[k]) >= NAMED_OVERLAP
            ]
        placebos = {
            i: self._equation(i, PLACEBO_EARLY, PLACEBO_LATE)
            if self.designs[i].rung == "adopters"
            else self._wave_equation(i, is_placebo=True)
            for i in kept
        }
        for i, value, own in self._net(placebos, kept, effects, influence):
            found, share = estimates[i], float(equations[i].exposure[i])
            found.placebo = value / share
            found.placebo_error = _error(own, self.designs[i], found)[0] / share
        rises = {i: self._equation(i, STEADY, PRE) for i in kept if self.designs[i].rung == "adopters"}
        for i, value, own in self._net(rises, kept, effects, influence):
            found = estimates[i]
            found.rise = value
            found.rise_error = _error(own, self.designs[i], found)[0]
            found.rise_covariance = _dot(own, influence[kept.index(i)])
        return estimates

    def _net(
        self, equations: dict[int, _Equation], kept: list[int], effects: np.ndarray, influence: np.ndarray
    ) -> Iterator[tuple[int, float, np.ndarray]]:
        """Contrasts of weeks before exposure, net of the deliveries' effects, with their influence."""
        told = {i: equation for i, equation in equations.items() if equation.n_treated >= LEAST_TREATED}
        if not told:
            return
        crossed = np.stack([equation.exposure[kept] for equation in told.values()])
        moments = np.array([equation.moment for equation in told.values()]) - crossed @ effects
        # All at once: one product of matrices costs a fraction of as many of a vector and a matrix.
        own = np.negative(crossed @ influence)
        for at, (i, equation) in enumerate(told.items()):
            own[at] += equation.influence
            yield i, float(moments[at]), own[at]

    def _near(self, i: int) -> list[int]:
        """Deliveries to which accounts may have come while they came to this one.

        Who is busy adopts what is old, too: there is no age at which a delivery stops to overlap.
        """
        return [k for k, week in enumerate(self.released) if week - self.released[i] <= OVERLAP_WEEKS]

    def _wave_equation(self, i: int, *, is_placebo: bool = False) -> _Equation:
        """One delivery's equation over all waves; the placebo is the same so much earlier that nobody is
        exposed."""
        panel, outcome, design = self.panel, self.outcome, self.designs[i]
        nothing = _Equation(
            exposure=np.zeros(len(self.designs)),
            moment=0.0,
            influence=np.zeros(panel.n_accounts),
            n_treated=0,
            n_control=0,
            before=float("nan"),
            after=float("nan"),
            n_answering=0,
            first_stage=0.0,
        )
        if not design.weeks:
            return nothing
        first_wave, members = design.weeks[0], design.start >= design.weeks[0]
        possible = members & panel.subscribed[first_wave] & (panel.signup <= first_wave - OLDEST_NEEDED_WEEKS)
        if design.member is not None:
            possible &= design.member
        rows = waves.usable_rows(outcome, possible, first_wave)
        if len(rows) == 0:
            return nothing
        latest = int(design.start[rows].max())
        last = min(latest - 1, design.weeks[-1] + POST[1], panel.n_weeks - 1)
        strata = panel.strata(first_wave)
        plan = self._wave_plan(design, rows, first_wave, last)
        if plan is None:
            # Too soon after each other for a week in which somebody waits: the first stage is none.
            start = design.start[rows]
            n_treated = int(np.isin(start, design.weeks).sum())
            return replace(nothing, n_treated=n_treated, n_control=int((start > first_wave).sum()))
        planned = plan
        if is_placebo:
            planned = plan.moved(last - first_wave + 1)
            if planned.first < 0:
                return nothing
            rows = waves.usable_rows(
                outcome, possible & (panel.signup <= planned.first), int(planned.starts[0])
            )
        start = np.minimum(design.start[rows], last + 1)
        wave = np.searchsorted(plan.starts, start)
        if len(np.unique(wave)) < len(plan.starts):
            return nothing
        series = waves.series_of(outcome, rows, planned.first, planned.last, int(planned.starts[0]))
        codes = strata[rows] if design.cluster is None else np.zeros(len(rows), dtype=np.int64)
        total = waves.summed(planned, series, rows, wave, codes, design.cluster)
        if total is None:
            return nothing
        exposure, n_accounts = np.zeros(len(self.designs)), panel.n_accounts
        wave_of, share_of = np.zeros(n_accounts, dtype=np.int64), np.zeros(n_accounts)
        wave_of[total.rows], share_of[total.rows] = total.wave, total.share
        counts = planned.exposed()
        for k in self._near(i):
            accounts, weeks = self.exposures[k].between(planned.first, planned.last)
            exposure[k] = _dot(share_of[accounts], counts[wave_of[accounts], weeks - planned.first])
        influence = np.zeros(n_accounts)
        influence[total.rows] = total.influence
        if design.cluster is not None:
            influence *= _for_lone_units(plan, design.cluster[total.rows], total.wave)
        start = design.start[total.rows]
        levels = [self._levels(week, total.rows[start == week]) for week in design.weeks]
        n_of = np.array([level[3] for level in levels], dtype=float)
        if n_of.sum() == 0:
            return nothing
        before, after = (
            float(np.average([level[at] for level in levels], weights=n_of))
            if (n_of > 0).all()
            else float("nan")
            for at in (0, 1)
        )
        scale = 1.0
        if not (outcome.is_ratio or outcome.relative) and np.isfinite(before):
            # The sum weighs waves by what they tell, the row by their accounts: effects are taken as
            # proportional.
            own = [
                float(plan.weights[at, week + POST[0] - plan.first : week + POST[1] + 1 - plan.first].sum())
                for at, week in enumerate(plan.starts)
                if week in design.weeks
            ]
            level = float(np.dot(own, [found[0] for found in levels])) / max(sum(own), 1e-12)
            if level > 0 and before > 0:
                scale = before / level
        return _Equation(
            exposure=exposure,
            moment=scale * total.moment,
            influence=scale * influence,
            n_treated=int(n_of.sum()),
            n_control=int((start > first_wave).sum()),
            before=before,
            after=after,
            n_answering=int(min(sum(level[2][at] for level in levels) for at in (0, 1))),
            first_stage=float(exposure[i]) * plan.identified / (POST[1] - POST[0] + 1),
        )

    def _wave_plan(self, design: Design, rows: np.ndarray, first_wave: int, last: int) -> waves.Plan | None:
        """Weights of the waves' weeks, errors read from the weeks before the first."""
        earliest = max(0, first_wave - waves.WEEKS_OF_CORRELATION)
        series = waves.series_of(self.outcome, rows, earliest, first_wave - 1, first_wave)
        start = np.minimum(design.start[rows], last + 1)
        if design.cluster is None:
            codes, starts = self.panel.strata(first_wave)[rows], start
        else:
            units, first_of, unit = np.unique(design.cluster[rows], return_index=True, return_inverse=True)
            series = np.stack([_mean_by(week, unit, len(units)) for week in series])
            codes, starts = np.zeros(len(units), dtype=np.int64), start[first_of]
        n_codes = int(codes.max(initial=0)) + 1
        net = np.stack([week - _mean_by(week, codes, n_codes)[codes] for week in series])
        dates, sizes = np.unique(starts, return_counts=True)
        first = max(0, first_wave - waves.WEEKS_BEFORE)
        if len(dates) < 2 or last <= first_wave:
            return None
        variogram = waves.variogram_of(net, last - first)
        return waves.plan_of(dates, sizes.astype(float), first, last, variogram)

    def _levels(self, week: int, rows: np.ndarray) -> tuple[float, float, np.ndarray, int]:
        """Means of a wave's accounts before and after, how many have answers before and after, and their
        number."""
        rows = rows[self.panel.subscribed[week][rows]]
        contrast, totals = self.outcome.contrast(week, PRE, POST), self.outcome.totals
        if self.outcome.is_ratio:
            found = [[part[rows] for part in totals(week, window)] for window in (PRE, POST)]
            before, after = (
                float(total.sum()) / float(count.sum()) if count.sum() > 0 else float("nan")
                for total, count in found
            )
            return before, after, np.array([(count > 0).sum() for _, count in found]), len(rows)
        rows = rows[contrast.known[rows]]
        if len(rows) == 0:
            return float("nan"), float("nan"), np.zeros(2), 0
        return float(contrast.before[rows].mean()), float(contrast.after[rows].mean()), np.zeros(2), len(rows)

    def _equation(self, i: int, before: tuple[int, int], after: tuple[int, int]) -> _Equation:
        """One delivery's equation over its enrolment weeks."""
        n_accounts = self.panel.n_accounts
        exposure, moment = np.zeros(len(self.designs)), 0.0
        influence, weights = np.zeros(n_accounts), np.zeros(n_accounts)
        controls = np.zeros(n_accounts, dtype=bool)
        treated: list[np.ndarray] = []
        left_of_treated, n_answering = 0.0, np.zeros(2)
        level_before, level_after, counted = 0.0, 0.0, 0
        near = self._near(i)
        for week in self.designs[i].weeks:
            # Where the data begins later than the window, the window does.
            reached = (max(before[0], -week), before[1]) if before == STEADY else before
            stack = self._stack(self.designs[i], week, reached, after)
            if stack is None:
                continue
            weights[stack.rows] = stack.weights
            for k in near:
                accounts, difference = self.exposures[k].difference(week, reached, after)
                if len(accounts):
                    exposure[k] += _dot(weights[accounts], difference)
            weights[stack.rows] = 0.0
            moment += _dot(stack.weights, stack.change)
            influence[stack.rows] += stack.weights * stack.left
            treated.append(stack.rows[stack.treated])
            left_of_treated += float(stack.left[stack.treated].sum())
            n_answering += stack.n_answering
            controls[stack.rows[~stack.treated]] = True
            if not np.isnan(stack.before) and not np.isnan(stack.after):
                level_before += stack.before * len(treated[-1])
                level_after += stack.after * len(treated[-1])
                counted += len(treated[-1])
        n_treated = sum(len(rows) for rows in treated)
        if n_treated:
            # An account is treated once; what all treated have in common is the effect, not an error.
            influence[np.concatenate(treated)] -= left_of_treated / n_treated
        return _Equation(
            exposure=exposure / max(n_treated, 1),
            moment=moment / max(n_treated, 1),
            influence=influence / max(n_treated, 1),
            n_treated=n_treated,
            n_control=int(controls.sum()),
            before=level_before / counted if counted else float("nan"),
            after=level_after / counted if counted else float("nan"),
            n_answering=int(n_answering.min()),
            first_stage=float(exposure[i]) / max(n_treated, 1),
        )

    def _stack(
        self, design: Design, week: int, before: tuple[int, int], after: tuple[int, int]
    ) -> _Stack | None:
        panel, outcome = self.panel, self.outcome
        if week + before[0] < 0:
            return None
        contrast = outcome.contrast(week, before, after)
        rows = risk_set(panel, design, week)
        rows = rows[contrast.known[rows]]
        treated = design.start[rows] == week
        strata = panel.strata(week)[rows] if design.cluster is None else np.zeros(len(rows), dtype=np.int64)
        kept, weights = balance(treated, strata, panel.n_strata)
        if kept is None:
            return None
        rows, treated, strata = rows[kept], treated[kept], strata[kept]
        n_answering = np.zeros(2)
        if outcome.is_ratio:
            change, mean_before, mean_after = outcome.ratio_change(
                week, rows, treated, weights, before, after
            )
            level = np.zeros(len(rows))
            of_treated = rows[treated]
            n_answering = np.array(
                [(outcome.totals(week, window)[1][of_treated] > 0).sum() for window in (before, after)]
            )
        else:
            change, level = contrast.change[rows], contrast.level[rows]
            mean_before = float(contrast.before[rows[treated]].mean())
            mean_after = float(contrast.after[rows[treated]].mean())
        controls = ~treated
        level = level - _by_stratum(level, strata, controls, panel.n_strata)[strata]
        left = change - _by_stratum(change, strata, controls, panel.n_strata)[strata]
        of_controls = level[controls]
        squares = _dot(of_controls, of_controls)
        if squares > 1e-12 * len(rows):
            weights = weights - np.where(controls, level, 0.0) * (_dot(weights, level) / squares)
            left = left - level * (_dot(of_controls, left[controls]) / squares)
        count = np.bincount(strata[controls], minlength=panel.n_strata)
        few = np.sqrt(count / np.maximum(count - 1, 1))[strata]
        left = np.where(controls, left * few, left)
        return _Stack(rows, treated, weights, change, left, mean_before, mean_after, n_answering)


def risk_set(panel: Panel, design: Design, week: int) -> np.ndarray:
    """Accounts that could have been first exposed in this week: subscribed, active, old enough, not yet
    exposed."""
    possible = (design.start >= week) & panel.subscribed[week] & (panel.signup <= week - OLDEST_NEEDED_WEEKS)
    if design.member is not None:
        possible &= design.member
    else:
        possible &= panel.active[week]
    return np.flatnonzero(possible)


def balance(treated: np.ndarray, strata: np.ndarray, n_strata: int) -> tuple[np.ndarray | None, np.ndarray]:
    """Weights that give every stratum's controls the weight of its treated; strata without both are left out.

    Returns: positions kept (None if nothing is left), and weights: 1 for treated, negative for controls.
    """
    n_treated = np.bincount(strata[treated], minlength=n_strata)
    n_control = np.bincount(strata[~treated], minlength=n_strata)
    usable = (n_treated > 0) & (n_control >= LEAST_CONTROLS_OF_STRATUM)
    kept = np.flatnonzero(usable[strata])
    if len(kept) == 0:
        return None, np.zeros(0)
    ratio = n_treated / np.maximum(n_control, 1)
    return kept, np.where(treated[kept], 1.0, -ratio[strata[kept]])


def _by_stratum(values: np.ndarray, strata: np.ndarray, among: np.ndarray, n_strata: int) -> np.ndarray:
    """Means of values by stratum over some of the accounts, (n_strata,)."""
    count = np.bincount(strata[among], minlength=n_strata)
    return np.bincount(strata[among], weights=values[among], minlength=n_strata) / np.maximum(count, 1)


def _inverse(matrix: np.ndarray) -> np.ndarray:
    """The inverse, or the pseudo-inverse where the same accounts adopted several deliveries at once."""
    return np.linalg.pinv(matrix, rcond=1e-3)


def _error(influence: np.ndarray, design: Design, estimate: Estimate) -> tuple[float, float, int]:
    """Standard error, degrees of freedom and number of clusters."""
    if design.cluster is None:
        n_clusters = estimate.n_treated + estimate.n_control
        return float(np.sqrt(_dot(influence, influence))), float(max(estimate.n_treated - 1, 1)), n_clusters
    taking_part = influence != 0
    n_clusters = len(np.unique(design.cluster[taking_part]))
    n_waves = len(np.unique(design.start[taking_part]))
    sums = np.bincount(design.cluster, weights=influence)
    return float(np.sqrt(sums @ sums)), float(max(n_clusters - n_waves, 1)), n_clusters


def _for_lone_units(plan: waves.Plan, units: np.ndarray, wave: np.ndarray) -> float:
    """Factor that gives waves of one unit, whose error cannot be seen, that of the others; infinite
    without any."""
    n_units = np.array([len(np.unique(units[wave == at])) for at in range(len(plan.starts))])
    expected = plan.expected / np.maximum(n_units, 1)
    seen = float(expected[n_units > 1].sum())
    return float(np.sqrt(expected.sum() / seen)) if seen > 0 else float("inf")


def _mean_by(values: np.ndarray, codes: np.ndarray, n_codes: int) -> np.ndarray:
    """Means of the known values by code, NaN where none is."""
    known = ~np.isnan(values)
    count = np.bincount(codes[known], minlength=n_codes)
    total = np.bincount(codes[known], weights=values[known], minlength=n_codes)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def event_study(
    panel: Panel,
    outcome: Outcome,
    design: Design,
    span: tuple[int, int],
    quantile: Callable[[float], float],
    others: Sequence[tuple[Design, float]] = (),
    doubt: float = 0.0,
) -> list[tuple[int, float, float, float]]:
    """Effect and interval by weeks since exposure against the mean of the eight weeks before; for the
    picture.

    Controls that follow are not made up for: the size is the row's, the course is this one's. The week of
    adoption is left out where accounts chose it themselves, as they chose a busy one.

    Arguments:
        others: deliveries near it with their effects, which are taken off where exposure to them differs.
        doubt: standard error of what cannot be told from self-selection, in the metric's unit.

    Returns: (weeks since exposure, effect, low, high).
    """
    if outcome.is_ratio:
        return []
    lags = range(span[0], span[1] + 1)
    top, mass = np.zeros((2, len(lags))), np.zeros((2, len(lags)))
    squares = np.zeros((2, len(lags)))
    elsewhere, n_all = np.zeros(len(lags)), 0
    listed = [(_Exposure(other.exposed), effect) for other, effect in others]
    by_lag = _exposed_by_lag(span)
    for week in design.weeks:
        rows = risk_set(panel, design, week)
        total, count = (found[rows] for found in outcome.totals(week, PRE))
        with np.errstate(invalid="ignore", divide="ignore"):
            before = total / count
        known = np.isfinite(before) & ((before > 0) if outcome.relative else True)
        rows, before = rows[known], before[known]
        treated = design.start[rows] == week
        strata = panel.strata(week)[rows] if design.cluster is None else np.zeros(len(rows), dtype=np.int64)
        kept, weights = balance(treated, strata, panel.n_strata)
        if kept is None:
            continue
        rows, before, treated = rows[kept], before[kept], treated[kept]
        n_all += int(treated.sum())
        of_account = np.zeros(panel.n_accounts)
        of_account[rows] = weights
        for exposure, effect in listed:
            low, high = np.searchsorted(exposure.weeks, [week + span[0], week + span[1] + 1])
            first = exposure.weeks[low:high] - week - span[0]
            of_weeks = np.bincount(
                first, weights=of_account[exposure.accounts[low:high]], minlength=len(lags)
            )
            elsewhere += effect * (by_lag @ of_weeks)
        for position, lag in enumerate(lags):
            if not 0 <= week + lag < panel.n_weeks:
                continue
            value = outcome.values[week + lag, rows]
            value = np.minimum(value / before, 3.0) - 1 if outcome.relative else value - before
            there = ~np.isnan(value)
            for group, of in enumerate((treated & there, ~treated & there)):
                weight = np.abs(weights[of])
                if (sum_of := float(weight.sum())) > 0:
                    mean = float(weight @ value[of]) / sum_of
                    n_treated = float((treated & there).sum())
                    top[group, position] += mean * n_treated
                    mass[group, position] += n_treated
                    squares[group, position] += (
                        float(((weight * (value[of] - mean)) ** 2).sum()) * (n_treated / sum_of) ** 2
                    )
    rows_out = []
    for position, lag in enumerate(lags):
        if lag == 0 and design.rung == "adopters":
            continue
        if (mass[:, position] > 0).all():
            effect = top[0, position] / mass[0, position] - top[1, position] / mass[1, position]
            effect -= elsewhere[position] / n_all
            error = float(np.sqrt((squares[:, position] / mass[:, position] ** 2).sum() + doubt**2))
            half = quantile(mass[0, position] - 1) * error
            rows_out.append((lag, float(effect), float(effect - half), float(effect + half)))
    return rows_out


def _exposed_by_lag(span: tuple[int, int]) -> np.ndarray:
    """(lags, first weeks): whether exposed in the lag's week, less the exposed share of the weeks before."""
    first = np.arange(span[0], span[1] + 1)
    lag = first[:, None]
    return np.where(first < lag, 1.0, np.where(first == lag, 0.5, 0.0)) - _share(first, PRE)


__all__ = ["Design", "Estimate", "design_of", "event_study", "risk_set", "solve"]
