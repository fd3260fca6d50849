"""The engine: frames in, one row per delivery and metric out.

Belongs here: which rung a delivery stands on, the order of the steps, and the shape of the rows. Does not
belong here: how any rung estimates (`randomised.py`, `contrasts.py`, `series.py`) or decides (`verdicts.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from ingestion.enrichment.impact.calibration import Calibration
from ingestion.enrichment.impact.contrasts import (
    LEAST_CONTROLS,
    LEAST_FIRST_STAGE,
    LEAST_TREATED,
    OLDEST_NEEDED_WEEKS,
    OVERLAP_WEEKS,
    Design,
    Estimate,
    design_of,
    event_study,
    solve,
)
from ingestion.enrichment.impact.frames import Delivery, Frame, Inputs, frames_of_directory, read_inputs
from ingestion.enrichment.impact.panel import BASE_METRICS, Outcome, build_outcome, build_panel
from ingestion.enrichment.impact.randomised import arms_course, compare_arms
from ingestion.enrichment.impact.series import (
    AFTER_WEEKS,
    LEAST_HISTORY_WEEKS,
    QUIET_WEEKS,
    interrupted_series,
)
from ingestion.enrichment.impact.verdicts import (
    CONFIDENCE,
    LEAST_CLUSTERS,
    LEAST_PLACEBO_P,
    Cell,
    decide,
    fewer_is_better,
    quarter_of,
    t_quantile,
    two_sided_p,
)

METHOD_VERSION = "2026.5"
WEEKLY_SPAN = (-12, 12)
# A release that reaches this share of the subscribed accounts in its own week leaves nobody to compare with.
EVERYBODY_SHARE = 0.95

IMPACT_SCHEMA = pa.schema(
    [
        ("delivery_id", pa.string()),
        ("metric", pa.string()),
        ("design_rung", pa.string()),
        ("horizon_weeks", pa.int32()),
        ("data_through", pa.timestamp("us")),
        ("n_treated", pa.int64()),
        ("n_control", pa.int64()),
        ("n_clusters", pa.int64()),
        ("baseline_value", pa.float64()),
        ("counterfactual_value", pa.float64()),
        ("effect_abs", pa.float64()),
        ("effect_rel", pa.float64()),
        ("std_error", pa.float64()),
        ("ci_low", pa.float64()),
        ("ci_high", pa.float64()),
        ("p_value", pa.float64()),
        ("q_value", pa.float64()),
        ("mde_abs", pa.float64()),
        ("pretrend_effect", pa.float64()),
        ("pretrend_p", pa.float64()),
        ("first_stage", pa.float64()),
        ("overlap_delivery_ids", pa.string()),
        ("verdict", pa.string()),
        ("verdict_reason", pa.string()),
        ("method_version", pa.string()),
        ("is_current", pa.bool_()),
        ("frozen_at", pa.timestamp("us")),
        ("theme_id", pa.string()),
    ]
)
WEEKLY_SCHEMA = pa.schema(
    [
        ("delivery_id", pa.string()),
        ("metric", pa.string()),
        ("method_version", pa.string()),
        ("weeks_since_exposure", pa.int32()),
        ("effect_abs", pa.float64()),
        ("ci_low", pa.float64()),
        ("ci_high", pa.float64()),
    ]
)


@dataclass(frozen=True)
class Results:
    """Arrow tables in the columns of IMPACT_SCHEMA and WEEKLY_SCHEMA, sorted by delivery and metric."""

    impact: pa.Table
    weekly: pa.Table


@dataclass
class _Plan:
    """One delivery's rung and horizon, before any metric is looked at."""

    delivery: Delivery
    rung: str
    horizon: int | None
    horizon_weeks: int
    design: Design | None = None
    verdict: str = ""
    reason: str = ""
    near: list[Delivery] = field(default_factory=list)


def evaluate(
    frames: Mapping[str, Frame],
    *,
    previous: pa.Table | None = None,
    weekly: bool = True,
    threads: int = 2,
    memory_limit: str = "2GB",
    on_progress: Callable[[str], None] | None = None,
) -> Results:
    """Effect and verdict of every delivery on every metric.

    Arguments:
        frames: the input frames by name (pandas, Arrow or Parquet paths); exposures, assignments and
            account_week_theme may be missing.
        previous: rows of earlier evaluations. Those that are frozen under this method version stay as they
        are;
            those of other versions are kept and no longer current.
        weekly: whether to compute the event-study rows too.
        threads, memory_limit: of DuckDB.
        on_progress: told the metric that is being worked on.

    Raises:
        FramesInvalid: a frame cannot be read as what it should be.
    """
    inputs = read_inputs(frames, threads=threads, memory_limit=memory_limit)
    try:
        return _Evaluation(inputs, previous, weekly, on_progress or (lambda _: None)).run()
    finally:
        inputs.connection.close()


def evaluate_directory(
    frames_dir: Path,
    out: Path,
    *,
    weekly_out: Path | None = None,
    previous: Path | None = None,
    threads: int = 2,
    memory_limit: str = "2GB",
    on_progress: Callable[[str], None] | None = None,
) -> Results:
    """`evaluate` on a folder of Parquet files; writes the rows as Parquet.

    Arguments:
        frames_dir: folder with accounts.parquet, account_week.parquet, deliveries.parquet and the optional
        ones. out: file for the rows of fct_delivery_impact; its folder is made if missing. weekly_out: file
        for the event-study rows; not written when None. previous: file of earlier rows, whose frozen verdicts
        stay.
    """
    results = evaluate(
        frames_of_directory(frames_dir),
        previous=pq.read_table(previous) if previous is not None else None,
        weekly=weekly_out is not None,
        threads=threads,
        memory_limit=memory_limit,
        on_progress=on_progress,
    )
    for table, file in ((results.impact, out), (results.weekly, weekly_out)):
        if file is not None:
            file.parent.mkdir(parents=True, exist_ok=True)
            pq.write_table(table, file)
    return results


class _Evaluation:
    def __init__(
        self, inputs: Inputs, previous: pa.Table | None, weekly: bool, on_progress: Callable[[str], None]
    ) -> None:
        self.inputs = inputs
        self.panel = build_panel(inputs)
        self.weekly = weekly
        self.on_progress = on_progress
        self.deliveries = inputs.deliveries
        self.plans = [self._plan(at) for at in range(len(self.deliveries))]
        self.cells: list[Cell] = []
        self.weekly_rows: list[dict[str, object]] = []
        self.kept, self.frozen = _earlier(previous)

    def run(self) -> Results:
        for metric in (*BASE_METRICS, *self.inputs.extra_metrics):
            self.on_progress(metric)
            themes: list[str | None] = [None]
            if metric == "tickets":
                found = {self._theme_of(plan, metric) for plan in self.plans}
                themes += sorted(theme for theme in found if theme is not None)
            for theme in themes:
                wanted = [plan for plan in self.plans if self._theme_of(plan, metric) == theme]
                if wanted:
                    self._metric(metric, theme, wanted)
        settled = [
            (quarter_of(pd.Timestamp(row["frozen_at"]) - pd.Timedelta(weeks=1)), row["p_value"])
            for row in self.frozen.values()
            if row["p_value"] is not None
        ]
        decide([cell for cell in self.cells if (cell.delivery_id, cell.metric) not in self.frozen], settled)
        rows = [
            self.frozen.get((cell.delivery_id, cell.metric)) or self._row(cell) for cell in self.cells
        ] + self.kept
        rows.sort(key=lambda row: (row["delivery_id"], row["metric"], row["method_version"]))
        self.weekly_rows.sort(
            key=lambda row: (row["delivery_id"], row["metric"], row["weeks_since_exposure"])
        )
        return Results(
            impact=pa.Table.from_pylist(rows, schema=IMPACT_SCHEMA),
            weekly=pa.Table.from_pylist(self.weekly_rows, schema=WEEKLY_SCHEMA),
        )

    def _theme_of(self, plan: _Plan, metric: str) -> str | None:
        return plan.delivery.theme_id if metric == "tickets" and self.inputs.has_themes else None

    def _plan(self, at: int) -> _Plan:
        """Choose the rung, and refuse what no metric can change."""
        delivery, last = self.deliveries[at], self.panel.n_weeks - 1
        design = design_of(self.panel, self.deliveries, at)
        randomised = delivery.rollout == "experiment" and delivery.arm is not None
        if randomised:
            plan = _Plan(delivery, "randomised", None, AFTER_WEEKS)
        elif design is not None and not self._reached_everybody(delivery):
            waited = design.last_week - (delivery.released or 0)
            plan = _Plan(delivery, design.rung, None, AFTER_WEEKS + waited, design)
        elif delivery.rollout == "general":
            plan = _Plan(delivery, "series", None, AFTER_WEEKS)
        else:
            plan = _Plan(delivery, "descriptive", None, AFTER_WEEKS)
        released = delivery.released
        if released is None:
            plan.verdict, plan.reason = "too_early", "not released yet"
            return plan
        plan.horizon = released + plan.horizon_weeks
        if delivery.problem:
            plan.verdict, plan.reason = "not_measurable", delivery.problem
        elif plan.horizon > last:
            weeks = max(0, last - plan.horizon + AFTER_WEEKS)
            plan.verdict = "too_early"
            plan.reason = f"{weeks} of {AFTER_WEEKS} complete weeks after the last enrolment week"
        elif plan.rung == "descriptive":
            plan.verdict = "not_measurable"
            missing = "assignments" if delivery.arm is None else "dates of its waves"
            plan.reason = f"a rollout of kind {delivery.rollout} without {missing} and without adopter list"
        elif released < OLDEST_NEEDED_WEEKS:
            plan.verdict = "not_measurable"
            plan.reason = (
                f"{max(released, 0)} weeks of history before the release; {OLDEST_NEEDED_WEEKS} are needed"
            )
        elif plan.rung == "series" and released < LEAST_HISTORY_WEEKS:
            plan.verdict = "not_measurable"
            plan.reason = (
                f"{released} weeks of history before the release; "
                f"without a list of adopters {LEAST_HISTORY_WEEKS} are needed"
            )
        plan.near = [
            other
            for other in self.deliveries
            if other is not delivery
            and other.released is not None
            and abs(other.released - released) <= QUIET_WEEKS
        ]
        return plan

    def _reached_everybody(self, delivery: Delivery) -> bool:
        released = delivery.released
        if delivery.exposed is None or released is None or not 0 <= released < self.panel.n_weeks:
            return False
        subscribed = self.panel.subscribed[released]
        at_once = subscribed & (delivery.exposed == released)
        return bool(at_once.sum() >= EVERYBODY_SHARE * max(int(subscribed.sum()), 1))

    def _metric(self, metric: str, theme: str | None, wanted: Sequence[_Plan]) -> None:
        outcome = build_outcome(self.panel, metric, theme)
        wanted_ids = {plan.delivery.delivery_id for plan in wanted}
        solved = [
            plan
            for plan in self.plans
            if plan.design is not None
            and plan.design.weeks
            and (
                theme is None
                or any(
                    abs((plan.delivery.released or 0) - (other.delivery.released or 0)) <= OVERLAP_WEEKS
                    for other in wanted
                )
            )
        ]
        designs = [plan.design for plan in solved if plan.design is not None]
        estimates = solve(self.panel, outcome, self.deliveries, designs)
        # Who chooses the order differs between the rungs, and with it what there is to calibrate.
        calibrations = {
            rung: Calibration.of(
                [found for found, plan in zip(estimates, solved, strict=True) if plan.rung == rung]
            )
            for rung in ("adopters", "phased")
        }
        by_id = {
            plan.delivery.delivery_id: (found, design)
            for plan, found, design in zip(solved, estimates, designs, strict=True)
        }
        for plan in wanted:
            cell = self._cell(plan, metric)
            cell.theme_id = theme
            self.cells.append(cell)
            if plan.verdict:
                cell.refuse(plan.reason, plan.verdict)
            elif plan.rung == "randomised":
                found = compare_arms(self.panel, outcome, plan.delivery)
                _take(cell, found, [])
                _gate(cell, outcome, found.n_answering)
                if self.weekly:
                    course = arms_course(self.panel, outcome, plan.delivery, WEEKLY_SPAN, _of_interval)
                    self._event_study(plan, metric, course)
            elif plan.rung == "series":
                self._series(cell, plan, outcome)
            else:
                found = by_id.get(plan.delivery.delivery_id, (Estimate(first_stage=float("nan")), None))[0]
                _take(
                    cell,
                    calibrations[plan.rung].applied(found),
                    [solved[k].delivery.delivery_id for k in found.overlaps],
                )
                _gate(cell, outcome, found.n_answering)
        if self.weekly:
            for plan, design, found in zip(solved, designs, estimates, strict=True):
                if plan.delivery.delivery_id in wanted_ids and plan.verdict == "":
                    others = [(designs[k], estimates[k].effect) for k in found.overlaps]
                    self._event_study(
                        plan,
                        metric,
                        event_study(
                            self.panel,
                            outcome,
                            design,
                            WEEKLY_SPAN,
                            _of_interval,
                            [(other, effect) for other, effect in others if np.isfinite(effect)],
                            calibrations[plan.rung].doubt(found) if np.isfinite(found.baseline) else 0.0,
                        ),
                    )

    def _cell(self, plan: _Plan, metric: str) -> Cell:
        return Cell(
            delivery_id=plan.delivery.delivery_id,
            metric=metric,
            rung=plan.rung,
            horizon=None if plan.horizon is None else self.inputs.week(plan.horizon),
            fewer_is_better=fewer_is_better(metric),
        )

    def _series(self, cell: Cell, plan: _Plan, outcome: Outcome) -> None:
        near = plan.near
        if cell.theme_id is not None:
            # Tickets of one theme are another metric than those of another.
            near = [other for other in near if other.theme_id in (None, plan.delivery.theme_id)]
        if near:
            names = sorted(other.name for other in near)
            cell.refuse(f"within {QUIET_WEEKS} weeks of another release: {', '.join(names[:3])}")
            cell.overlaps = sorted(other.delivery_id for other in near)
            return
        found = interrupted_series(self.panel, outcome, plan.delivery.released or 0)
        cell.n_treated, cell.n_clusters = found.n_accounts, 1
        cell.baseline = found.baseline
        if found.problem:
            cell.refuse(found.problem)
            return
        if found.n_accounts < LEAST_TREATED:
            cell.refuse(f"{found.n_accounts} accounts; {LEAST_TREATED} are needed")
            return
        cell.counterfactual = found.after / float(np.exp(found.log_effect))
        cell.effect = found.after - cell.counterfactual
        cell.std_error = found.error * found.after
        cell.degrees = found.degrees
        cell.p_value = two_sided_p(cell.effect, cell.std_error, cell.degrees)

    def _event_study(
        self, plan: _Plan, metric: str, course: Sequence[tuple[int, float, float, float]]
    ) -> None:
        for lag, effect, low, high in course:
            self.weekly_rows.append(
                {
                    "delivery_id": plan.delivery.delivery_id,
                    "metric": metric,
                    "method_version": METHOD_VERSION,
                    "weeks_since_exposure": lag,
                    "effect_abs": effect,
                    "ci_low": low,
                    "ci_high": high,
                }
            )

    def _row(self, cell: Cell) -> dict[str, object]:
        has_estimate = np.isfinite(cell.effect)
        low, high = cell.interval if has_estimate else (float("nan"), float("nan"))
        # What is refused before its time (an account in two arms) may yet be corrected.
        last = self.inputs.week(self.panel.n_weeks - 1)
        frozen = cell.horizon is not None and cell.verdict != "too_early" and cell.horizon <= last
        values: dict[str, object] = {
            "delivery_id": cell.delivery_id,
            "metric": cell.metric,
            "design_rung": cell.rung,
            "horizon_weeks": AFTER_WEEKS,
            "data_through": self.inputs.week(self.panel.n_weeks - 1),
            "n_treated": cell.n_treated,
            "n_control": cell.n_control,
            "n_clusters": cell.n_clusters,
            "baseline_value": cell.baseline,
            "counterfactual_value": cell.counterfactual,
            "effect_abs": cell.effect,
            "effect_rel": cell.relative(cell.effect),
            "std_error": cell.std_error,
            "ci_low": low,
            "ci_high": high,
            "p_value": cell.p_value,
            "q_value": cell.q_value,
            "mde_abs": cell.smallest_detectable if has_estimate else float("nan"),
            "pretrend_effect": cell.pretrend,
            "pretrend_p": cell.pretrend_p,
            "first_stage": cell.first_stage,
            "overlap_delivery_ids": ",".join(cell.overlaps) or None,
            "verdict": cell.verdict,
            "verdict_reason": cell.reason,
            "method_version": METHOD_VERSION,
            "is_current": True,
            # The Monday on which the last week of the horizon is complete.
            "frozen_at": cell.horizon + pd.Timedelta(weeks=1)
            if frozen and cell.horizon is not None
            else None,
            "theme_id": cell.theme_id,
        }
        return {
            name: None if isinstance(value, float) and not np.isfinite(value) else value
            for name, value in values.items()
        }


def _of_interval(degrees: float) -> float:
    return t_quantile(degrees, (1 + CONFIDENCE) / 2)


def _take(cell: Cell, found: Estimate, overlaps: list[str]) -> None:
    cell.n_treated, cell.n_control, cell.n_clusters = found.n_treated, found.n_control, found.n_clusters
    cell.baseline = found.baseline
    cell.effect, cell.std_error, cell.degrees = found.effect, found.std_error, found.degrees
    cell.counterfactual = found.after - found.effect
    cell.first_stage = found.first_stage
    cell.overlaps = sorted(overlaps)
    cell.pretrend = found.placebo
    cell.pretrend_p = two_sided_p(found.placebo, found.placebo_error, found.degrees)
    cell.p_value = two_sided_p(found.effect, found.std_error, found.degrees)


def _gate(cell: Cell, outcome: Outcome, n_answering: int) -> None:
    """Refuse what the comparison cannot carry, with the reason."""
    reason = ""
    if cell.n_treated < LEAST_TREATED:
        reason = f"{cell.n_treated} exposed accounts with known weeks; {LEAST_TREATED} are needed"
    elif cell.n_control < LEAST_CONTROLS:
        reason = f"{cell.n_control} accounts to compare with; {LEAST_CONTROLS} are needed"
    elif not cell.first_stage >= LEAST_FIRST_STAGE:
        reason = (
            f"exposure differed by {cell.first_stage:.2f} between the groups, as most of those compared with "
            f"followed soon; {LEAST_FIRST_STAGE} is needed"
        )
    elif cell.n_clusters < LEAST_CLUSTERS:
        reason = f"{cell.n_clusters} units of assignment; {LEAST_CLUSTERS} are needed"
    elif outcome.is_ratio and n_answering < LEAST_TREATED:
        # Who did not answer is counted, but says nothing: the error of a few that did is not known.
        reason = f"{n_answering} exposed accounts with answers; {LEAST_TREATED} are needed"
    elif not np.isfinite(cell.effect) or not np.isfinite(cell.p_value):
        reason = "too few answers" if outcome.is_ratio else "the metric did not vary"
    elif cell.pretrend_p < LEAST_PLACEBO_P:
        reason = f"the groups moved apart before the release already (p = {cell.pretrend_p:.4f})"
    if reason:
        cell.refuse(reason)


def _earlier(
    previous: pa.Table | None,
) -> tuple[list[dict[str, Any]], dict[tuple[str, str], dict[str, Any]]]:
    """Rows of other method versions, no longer current, and this version's frozen rows by cell."""
    kept: list[dict[str, Any]] = []
    frozen: dict[tuple[str, str], dict[str, Any]] = {}
    for row in previous.to_pylist() if previous is not None else []:
        if row["method_version"] != METHOD_VERSION:
            kept.append({**row, "is_current": False})
        elif row["frozen_at"] is not None:
            frozen[str(row["delivery_id"]), str(row["metric"])] = row
    return kept, frozen
