"""The truth of what deliveries added to key results, account by account and week by week.

Belongs here: how estimated effects are carried to a key result, derived from the definitions. Does not belong
here: the effects themselves (`impact.py`), and how key results are read (`process.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import pandas as pd

from tests.truth import impact
from tests.truth.base import Truth
from tests.truth.delivery import dim_deliveries
from tests.truth.process import ESTIMATED, mart_impact__key_results, read

CLAIMED = ("improved", "worsened")
MEASURED = (*CLAIMED, "no_detectable_effect")
# What one account-week weighs, where an effect is a share of the metric or points on its answers.
WEIGHTS = {"wau_rate": "wau", "active": "is_active", "mrr_rel": "mrr", "csat": "csat_n"}


@dataclass(frozen=True)
class _KeyResult:
    """One key result that has moved, and the account-weeks of the four weeks before and the last four."""

    key_result_id: str
    metric_id: str
    segment: str
    baseline: float
    current: float
    last: date
    begin: pd.DataFrame | None
    end: pd.DataFrame | None


def _four_weeks(truth: Truth, until: date, segment: str) -> pd.DataFrame | None:
    """Account-weeks of the last four recorded weeks before a Monday, none older than six; None without."""
    monday = until - timedelta(days=until.weekday())
    known = [week for week in impact.weeks(truth) if monday - timedelta(days=42) <= week < monday]
    if len(known) < 4:
        return None
    rows = impact.account_week(truth)
    rows = rows[(rows.subscribed == 1) & rows.week.isin(pd.to_datetime(known[-4:]))]
    rows = rows.assign(is_active=(rows.wau > 0).astype(int))
    return rows if segment == "all" else rows[rows.segment == segment]


def _key_results(truth: Truth) -> list[_KeyResult]:
    known = truth.visible("key_results").set_index("key_result_id")
    found = []
    for row in mart_impact__key_results(truth).itertuples():
        one = known.loc[row.key_result_id]
        if pd.isna(row.current_value) or pd.isna(one.baseline):
            continue
        until = min(one.ends_on, truth.today - timedelta(days=1))
        last = max(read(truth, one.metric_id, row.segment, until)[1])
        found.append(
            _KeyResult(
                key_result_id=row.key_result_id,
                metric_id=one.metric_id,
                segment=row.segment,
                baseline=float(one.baseline),
                current=float(row.current_value),
                last=last,
                begin=_four_weeks(truth, one.starts_on, row.segment),
                end=_four_weeks(truth, last + timedelta(days=1), row.segment),
            )
        )
    return found


def mart_impact__key_result_attribution(truth: Truth) -> pd.DataFrame:
    deliveries = dim_deliveries(truth)
    deliveries = deliveries[deliveries.released_at <= truth.now].set_index("delivery_id")
    released_on = truth.local_date(deliveries.released_at)
    effects = impact.fct_delivery_impact(truth)
    effects = effects[effects.is_current].set_index(["delivery_id", "metric"])
    exposed = impact.exposures(truth)
    first = exposed.groupby(["delivery_id", "account_id"]).first_exposed_week.min()
    rows: list[dict[str, Any]] = []
    for one in _key_results(truth):
        metric = ESTIMATED.get(one.metric_id)
        known: list[dict[str, Any]] = []
        for delivery_id, delivery in deliveries.sort_index().iterrows():
            if released_on[delivery_id] > one.last:
                continue
            effect = effects.loc[(delivery_id, metric)] if (delivery_id, metric) in effects.index else None
            serves = one.key_result_id in _names(delivery.key_result_ids)
            serves |= one.metric_id in _names(delivery.metric_ids)
            if not serves and (effect is None or effect.verdict not in CLAIMED):
                continue
            row = {
                "contributor_id": delivery_id,
                "contributor_kind": "delivery",
                "verdict": None if effect is None else effect.verdict,
                "status": "unknown",
            }
            if effect is not None and effect.verdict in MEASURED:
                mine = first.loc[delivery_id] if delivery_id in first.index.get_level_values(0) else None
                row |= _carried(truth, one, effect, mine, delivery.released_at)
            known.append(row)
        movement = one.current - one.baseline
        sums = {
            name: [row[name] for row in known if row.get(name) is not None]
            for name in ("contribution_value", "ci_low", "ci_high")
        }
        rest = {
            "contributor_id": "unexplained",
            "contributor_kind": "unexplained",
            "contribution_value": movement - sum(sums["contribution_value"]),
            "ci_low": movement - sum(sums["ci_high"]) if sums["ci_high"] else None,
            "ci_high": movement - sum(sums["ci_low"]) if sums["ci_low"] else None,
            "status": "known",
        }
        rows += [
            {"key_result_id": one.key_result_id, "impact_metric": metric, "movement_value": movement, **row}
            for row in [*known, rest]
        ]
    columns = ["key_result_id", "contributor_id", "contributor_kind", "impact_metric", "movement_value"]
    columns += ["contribution_value", "ci_low", "ci_high", "exposed_ratio_at_begin", "exposed_ratio_at_end"]
    return pd.DataFrame(rows, columns=[*columns, "verdict", "status"])


def _carried(
    truth: Truth, one: _KeyResult, effect: Any, first: pd.Series | None, released_at: pd.Timestamp
) -> dict[str, Any]:
    """The effect on those who had it, times what they make up of the metric, now less before."""
    metric = str(effect.name[1])
    shares, masses = [], []
    for weeks in (one.begin, one.end):
        if weeks is None or not len(weeks):
            return {}
        if effect.design_rung == "series":
            has = weeks.week > truth.local(pd.Series([released_at])).iloc[0]
        else:
            since = weeks.account_id.map(first) if first is not None else pd.Series(pd.NaT, weeks.index)
            has = since.notna() & (weeks.week >= since)
        weight = weeks[WEIGHTS[metric]].astype(float) if metric in WEIGHTS else pd.Series(1.0, weeks.index)
        if not weight.sum():
            return {}
        shares.append(float(weight[has].sum() / weight.sum()))
        masses.append(float(weight[has].sum()))
    if metric == "tickets":
        # Tickets a day, over the 28 days of four weeks.
        size = (masses[1] - masses[0]) / 28
        values = [effect.effect_abs, effect.ci_low, effect.ci_high]
    elif metric == "csat":
        size = shares[1] - shares[0]
        values = [effect.effect_abs, effect.ci_low, effect.ci_high]
    else:
        size = one.current * shares[1] - one.baseline * shares[0]
        without = effect.counterfactual_value
        if without + effect.ci_low <= 0:
            return {}
        values = [value / (without + value) for value in (effect.effect_abs, effect.ci_low, effect.ci_high)]
    middle, *ends = (value * size for value in values)
    return {
        "contribution_value": middle,
        "ci_low": min(ends),
        "ci_high": max(ends),
        "exposed_ratio_at_begin": shares[0],
        "exposed_ratio_at_end": shares[1],
        "status": "known",
    }


def _names(value: object) -> list[str]:
    return str(value).split(",") if pd.notna(value) else []  # type: ignore[call-overload]
