"""The truth of the sales pipeline: stage history, win rates by cohort, reasons of loss."""

from __future__ import annotations

from bisect import bisect_right
from datetime import date

import numpy as np
import pandas as pd

from tests.truth.base import Truth, remembered, rows_by
from tests.truth.revenue import fct_deals


@remembered
def fct_deal_stages(truth: Truth) -> pd.DataFrame:
    deals = fct_deals(truth).set_index("deal_id")
    first = truth.visible("deals").set_index("deal_id")
    changes = truth.changes("deals")
    stages = truth.visible("deal_stages").set_index("stage_id")
    moved = {
        name: {int(d): mine for d, mine in changes[changes.field == name].groupby("deal_id")}
        for name in ("stage_id", "amount", "expected_close_on")
    }
    rows = []
    for deal_id, deal in deals.iterrows():
        number = int(str(deal_id).split(":")[1])
        created = first.loc[number]
        history = {
            name: [
                (created.created_at, created[name]),
                *(
                    zip(moved[name][number].changed_at, moved[name][number].to_value, strict=True)
                    if number in moved[name]
                    else ()
                ),
            ]
            for name in moved
        }
        path = [(at, int(float(stage))) for at, stage in history["stage_id"]]
        for position, (at, stage) in enumerate(path):
            left = path[position + 1][0] if position + 1 < len(path) else None
            is_closed = bool(stages.is_closed[stage])
            amounts = [value for when, value in history["amount"] if when <= at and pd.notna(value)]
            expected = [value for when, value in history["expected_close_on"] if when <= at]
            before = stages.position[path[position - 1][1]] if position else None
            rows.append(
                {
                    "deal_id": deal_id,
                    "account_id": deal.account_id,
                    "segment": deal.segment,
                    "stay_number": position + 1,
                    "stage_id": f"hubspot:{stage}",
                    "stage_name": stages.name[stage],
                    "entered_at": at,
                    "left_at": left,
                    "duration_days": (
                        None
                        if left is None and is_closed
                        else ((left or truth.now) - at).total_seconds() / 86400
                    ),
                    "is_first": position == 0,
                    "is_current": left is None,
                    "is_closed": is_closed,
                    "is_won": bool(stages.is_won[stage]),
                    "is_backward": before is not None and bool(stages.position[stage] < before),
                    "amount": float(amounts[-1]) if amounts else None,
                    "currency": deal.currency,
                    "expected_close_on": _day(expected[-1]),
                }
            )
    frame = pd.DataFrame(rows)
    frame["left_at"] = pd.to_datetime(frame.left_at)
    return frame


def _day(value: object) -> date | None:
    return None if pd.isna(value) else pd.Timestamp(value).date()  # type: ignore[arg-type, call-overload]


def _following(month: date) -> date:
    return date(month.year + month.month // 12, month.month % 12 + 1, 1)


def _months(truth: Truth, moments: pd.Series) -> pd.Series:
    return truth.local_date(pd.to_datetime(moments)).map(
        lambda day: day.replace(day=1) if pd.notna(day) else None
    )


def _spread(frame: pd.DataFrame) -> pd.DataFrame:
    frame = pd.concat([frame[frame.deal_type.notna()], frame.assign(deal_type="all")])
    return pd.concat([frame[frame.segment.notna()], frame.assign(segment="all")], ignore_index=True)


@remembered
def mart_metric__pipeline(truth: Truth) -> pd.DataFrame:
    deals = fct_deals(truth)
    closed = deals[deals.closed_at.notna()]
    both = pd.concat(
        [
            deals.assign(cohort_basis="created", month_start_on=_months(truth, deals.created_at)),
            closed.assign(cohort_basis="closed", month_start_on=_months(truth, closed.closed_at)),
        ]
    )
    rows = []
    for key, cohort in _spread(both).groupby(["cohort_basis", "month_start_on", "deal_type", "segment"]):
        by_status = {status: cohort[cohort.status == status] for status in ("open", "won", "lost")}
        counts = {status: len(mine) for status, mine in by_status.items()}
        amounts = {status: float(mine.reporting_amount.sum()) for status, mine in by_status.items()}
        decided, decided_amount = counts["won"] + counts["lost"], amounts["won"] + amounts["lost"]
        cycles = by_status["won"].sales_cycle_days.astype(float)
        slips = cohort.slipped_days.dropna().astype(float)
        late = slips[slips > 0]
        rows.append(
            {
                **dict(
                    zip(("cohort_basis", "month_start_on", "deal_type", "segment"), key, strict=True)  # type: ignore[arg-type]
                ),
                "deal_count": len(cohort),
                **{f"{status}_deal_count": count for status, count in counts.items()},
                **{f"{status}_amount": amount for status, amount in amounts.items()},
                "win_ratio": counts["won"] / decided if decided else None,
                "win_amount_ratio": amounts["won"] / decided_amount if decided_amount else None,
                "decided_ratio": decided / len(cohort),
                "sales_cycle_days_p50": np.percentile(cycles, 50) if len(cycles) else None,
                "sales_cycle_days_p85": np.percentile(cycles, 85) if len(cycles) else None,
                "slipped_deal_count": len(late),
                "slipped_ratio": len(late) / len(slips) if len(slips) else None,
                "slipped_days_p50": np.percentile(late, 50) if len(late) else None,
                "is_complete": not counts["open"] and _following(key[1]) <= truth.today,
            }
        )
    return pd.DataFrame(rows)


@remembered
def mart_metric__loss_reasons(truth: Truth) -> pd.DataFrame:
    deals = fct_deals(truth)
    lost = deals[deals.status == "lost"].copy()
    lost["month_start_on"] = _months(truth, lost.closed_at)
    lost["loss_reason"] = lost.loss_reason.fillna("not given")
    cell = ["month_start_on", "deal_type", "segment"]
    frame = (
        _spread(lost)
        .groupby([*cell, "loss_reason"])
        .agg(
            lost_deal_count=("deal_id", "size"),
            lost_account_count=("account_id", "nunique"),
            lost_amount=("reporting_amount", "sum"),
        )
        .reset_index()
    )
    frame["lost_deal_ratio"] = frame.lost_deal_count / frame.groupby(cell).lost_deal_count.transform("sum")
    frame["is_complete"] = [_following(month) <= truth.today for month in frame.month_start_on]
    return frame


@remembered
def mart_metric__pipeline_daily(truth: Truth) -> pd.DataFrame:
    """The open deals at the end of each local day (now, for today), with the amounts of then."""
    stays = fct_deal_stages(truth)
    probability = truth.visible("deal_stages").set_index("stage_id").probability
    changes = truth.changes("deals")
    changed = rows_by(changes[changes.field == "amount"], "deal_id")
    first = {row.deal_id: row for row in truth.visible("deals").itertuples()}
    days = [
        day.date() for day in pd.date_range(truth.local_date(stays.entered_at).min(), truth.today, freq="D")
    ]
    moments = [min(end, truth.now) for end in truth.day_ends(days)]
    open_stays = stays[~stays.is_closed]
    rows = []
    for stay in open_stays.itertuples():
        number = int(stay.deal_id.split(":")[1])
        amounts = [(first[number].created_at, first[number].amount)]
        amounts += [(change.changed_at, change.to_value) for change in changed.get(number, [])]
        weight = float(probability[int(stay.stage_id.split(":")[1])])
        begin = bisect_right(moments, stay.entered_at)
        end = len(moments) if pd.isna(stay.left_at) else bisect_right(moments, stay.left_at)
        for day, moment in zip(days[begin:end], moments[begin:end], strict=True):
            amount = float([value for at, value in amounts if at < moment][-1])
            amount *= truth.calendar.rate(day, stay.currency)
            rows += [
                (day, segment, stay.stage_id, stay.stage_name, amount, amount * weight)
                for segment in ("all", stay.segment)
                if pd.notna(segment)
            ]
    frame = pd.DataFrame(
        rows, columns=["date_on", "segment", "stage_id", "stage_name", "open_amount", "weighted_amount"]
    )
    frame = (
        frame.groupby(["date_on", "segment", "stage_id", "stage_name"])
        .agg(
            open_deal_count=("open_amount", "size"),
            open_amount=("open_amount", "sum"),
            weighted_amount=("weighted_amount", "sum"),
        )
        .reset_index()
    )
    # The company's CRM keeps the history of every amount.
    frame["unknown_amount_deal_count"] = 0
    frame["is_complete"] = [day < truth.today for day in frame.date_on]
    return frame
