"""The truth of revenue: MRR by day, its movements, the monthly summary, and deals."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta
from typing import Any

import pandas as pd

from tests.truth.base import Truth, remembered

SIGNED_TYPES = ("new", "reactivation", "expansion", "contraction", "churn")


@remembered
def recurring_contracts(truth: Truth) -> pd.DataFrame:
    """Recurring line items of won deals that count, with the account they belong to now."""
    contracts = truth.state("contracts")
    contracts = contracts[~contracts.is_deleted.astype(bool) & contracts.is_recurring.astype(bool)].copy()
    deals = deal_states(truth)
    won = deals[deals.is_won.astype(bool)].set_index("deal_id").account_id
    contracts["account_id"] = contracts.deal_id.map(won)
    contracts = contracts[contracts.account_id.isin(truth.counted_accounts)].copy()
    contracts["account_id"] = contracts.account_id.astype(int)
    contracts["monthly"] = contracts.amount / contracts.term_months
    return contracts


@remembered
def _daily_lines(truth: Truth) -> pd.DataFrame:
    """The winning contract of each account, plan and day: monthly price (native), currency, quantity."""
    winners: dict[tuple[int, int, date], tuple] = {}
    for row in recurring_contracts(truth).itertuples():
        start, end = _as_date(row.starts_on), _as_date(row.ends_on)
        rank = (start, row.signed_at, row.contract_id)
        day = start
        while day < end and day <= truth.today:
            key = (row.account_id, int(row.plan_id), day)
            if key not in winners or rank > winners[key][0]:
                winners[key] = (rank, row.monthly, row.currency, row.quantity)
            day += timedelta(days=1)
    return pd.DataFrame(
        [(*key, monthly, currency, quantity) for key, (_, monthly, currency, quantity) in winners.items()],
        columns=["account_id", "plan_id", "date_on", "monthly", "currency", "quantity"],
    )


def _as_date(value: object) -> date:
    return pd.Timestamp(value).date()


@remembered
def fct_mrr_daily(truth: Truth) -> pd.DataFrame:
    lines = _daily_lines(truth)
    rates = {
        (day, currency): truth.calendar.rate(day, currency)
        for day, currency in lines[["date_on", "currency"]].drop_duplicates().itertuples(index=False)
    }
    lines["mrr_amount"] = [row.monthly * rates[(row.date_on, row.currency)] for row in lines.itertuples()]
    plans = truth.visible("plans").set_index("plan_id").name
    lines["plan"] = lines.plan_id.map(plans)
    daily = (
        lines.groupby(["account_id", "date_on"])
        .agg(
            mrr_amount=("mrr_amount", "sum"),
            seat_count=("quantity", "sum"),
            contract_count=("plan_id", "count"),
            plan_names=("plan", lambda names: ", ".join(sorted(set(names)))),
        )
        .reset_index()
    )
    daily = daily[daily.mrr_amount > 0].reset_index(drop=True)
    daily["arr_amount"] = daily.mrr_amount * 12
    daily["currency"] = truth.calendar.reporting_currency
    daily["segment"] = truth.segment_at(daily.account_id, pd.Series(truth.day_ends(list(daily.date_on))))
    regions = truth.accounts.set_index("account_id").region
    daily["region"] = daily.account_id.map(regions)
    return _with_account_id(daily)


def _with_account_id(frame: pd.DataFrame) -> pd.DataFrame:
    frame = frame.copy()
    frame["account_id"] = frame.account_id.map(
        lambda value: f"hubspot:{int(value)}" if pd.notna(value) else None
    )
    return frame


def _months(truth: Truth, first: date) -> list[date]:
    month, months = first.replace(day=1), []
    while month <= truth.today:
        months.append(month)
        month = (month.replace(day=28) + timedelta(days=4)).replace(day=1)
    return months


@remembered
def fct_mrr_movements(truth: Truth) -> pd.DataFrame:
    lines = _daily_lines(truth)
    by_account: dict[int, dict[date, list[tuple[float, str]]]] = defaultdict(lambda: defaultdict(list))
    for row in lines.itertuples():
        by_account[row.account_id][row.date_on].append((row.monthly, row.currency))
    months = _months(truth, lines.date_on.min())
    ends = sorted({day for month in months for day in _ends_of(truth, month)})
    asked = [(account, day) for account in by_account for day in ends]
    moments = dict(zip(ends, truth.day_ends(ends), strict=True))
    segments = truth.segment_at(
        pd.Series([account for account, _ in asked]), pd.Series([moments[day] for _, day in asked])
    )
    segment_of = dict(zip(asked, segments, strict=True))
    regular = []
    for account, days in by_account.items():
        first_paid = min(days)
        for month in months:
            before, last = _ends_of(truth, month)
            is_complete = last < truth.today
            opening = _valued(truth, days.get(before, []), before)
            restated = _valued(truth, days.get(before, []), month)
            closing = _valued(truth, days.get(last, []), last)
            if not opening and not closing:
                continue
            segment_before, segment_after = segment_of[account, before], segment_of[account, last]
            rows = []
            if opening and abs(restated - opening) > 1e-9:
                rows.append(("fx_restatement", segment_before, restated - opening))
            if opening and segment_before != segment_after:
                rows.append(("segment_transfer", segment_before, -restated))
                rows.append(("segment_transfer", segment_after, restated))
            change = closing - restated
            if abs(change) > 1e-9:
                if not opening:
                    kind = "new" if first_paid >= month else "reactivation"
                elif not closing:
                    kind = "churn"
                else:
                    kind = "expansion" if change > 0 else "contraction"
                rows.append((kind, segment_after, change))
            regular += [
                (account, month, kind, segment, amount, opening, closing, is_complete)
                for kind, segment, amount in rows
            ]
    frame = pd.DataFrame(
        regular,
        columns=[
            "account_id",
            "month_start_on",
            "movement_type",
            "segment",
            "mrr_amount",
            "opening_mrr_amount",
            "closing_mrr_amount",
            "is_complete",
        ],
    )
    frame["currency"] = truth.calendar.reporting_currency
    return _with_account_id(frame)


def _ends_of(truth: Truth, month: date) -> tuple[date, date]:
    """The last days of the month before, and of the month so far."""
    following = (month.replace(day=28) + timedelta(days=4)).replace(day=1)
    return month - timedelta(days=1), min(following - timedelta(days=1), truth.today)


def _valued(truth: Truth, contracts: list[tuple[float, str]], day: date) -> float:
    return sum(monthly * truth.calendar.rate(day, currency) for monthly, currency in contracts)


@remembered
def mart_metric__mrr_monthly(truth: Truth) -> pd.DataFrame:
    daily, movements = fct_mrr_daily(truth), fct_mrr_movements(truth)
    months = _months(truth, daily.date_on.min())
    ends = {
        month: min(
            (month.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1), truth.today
        )
        for month in months
    }
    at_end = {
        month: daily[daily.date_on == end].set_index("account_id")[["mrr_amount", "segment"]]
        for month, end in ends.items()
    }
    empty = daily.head(0).set_index("account_id")[["mrr_amount", "segment"]]
    of_month = {month: mine for month, mine in movements.groupby("month_start_on")}  # noqa: C416
    segments = ["all", *sorted(set(daily.segment) | set(movements.segment))]
    rows = []
    for position, month in enumerate(months):
        opening = at_end[months[position - 1]] if position else empty
        closing = at_end[month]
        moved = of_month.get(month, movements.head(0))
        for segment in segments:
            mine = moved if segment == "all" else moved[moved.segment == segment]
            opened = opening if segment == "all" else opening[opening.segment == segment]
            closed = closing if segment == "all" else closing[closing.segment == segment]
            sums = mine.groupby("movement_type").mrr_amount.sum()
            counts = mine.groupby("movement_type").account_id.nunique()
            grown = sums.get("new", 0) + sums.get("reactivation", 0) + sums.get("expansion", 0)
            shrunk = -(sums.get("contraction", 0) + sums.get("churn", 0))
            row = {
                "month_start_on": month,
                "segment": segment,
                "opening_mrr_amount": opened.mrr_amount.sum(),
                "new_amount": sums.get("new", 0.0),
                "reactivation_amount": sums.get("reactivation", 0.0),
                "expansion_amount": sums.get("expansion", 0.0),
                "contraction_amount": -sums.get("contraction", 0.0),
                "churn_amount": -sums.get("churn", 0.0),
                "segment_transfer_amount": sums.get("segment_transfer", 0.0),
                "fx_restatement_amount": sums.get("fx_restatement", 0.0),
                "closing_mrr_amount": closed.mrr_amount.sum(),
                "closing_arr_amount": closed.mrr_amount.sum() * 12,
                "opening_customer_count": len(opened),
                "new_customer_count": counts.get("new", 0),
                "reactivated_customer_count": counts.get("reactivation", 0),
                "churned_customer_count": counts.get("churn", 0),
                "closing_customer_count": len(closed),
                "quick_ratio": grown / shrunk if shrunk else None,
                "is_complete": ends[month] < truth.today
                and (month.replace(day=28) + timedelta(days=4)).replace(day=1) <= truth.today,
            }
            for length in (1, 3, 12):
                row.update(_retention(months, position, length, segment, at_end, of_month))
            rows.append(row)
    return pd.DataFrame(rows)


def _retention(months, position, length, segment, at_end, of_month) -> dict[str, float | None]:  # type: ignore[no-untyped-def]
    names = [f"nrr_{length}m_ratio", f"grr_{length}m_ratio"]
    if length in (1, 12):
        names.append(f"logo_churn_{length}m_ratio")
    if length == 12:
        names.append("nrr_12m_incl_reactivation_ratio")
    if position < length:
        return dict.fromkeys(names)
    cohort = at_end[months[position - length]]
    cohort = cohort if segment == "all" else cohort[cohort.segment == segment]
    opening = cohort.mrr_amount.sum()
    if not opening:
        return dict.fromkeys(names)
    retained_sum = capped_sum = including_sum = 0.0
    churned = set()
    window = [
        of_month[month].assign(month=month)
        for month in months[position - length + 1 : position + 1]
        if month in of_month
    ]
    moves = pd.concat(window) if window else None
    by_account: dict[Any, list[tuple[Any, str, float]]] = defaultdict(list)
    if moves is not None:
        signed = moves[moves.movement_type.isin(SIGNED_TYPES)].sort_values("month", kind="stable")
        for move in signed.itertuples():
            by_account[move.account_id].append((move.month, move.movement_type, move.mrr_amount))
    levels = _levels(moves)
    for account, start in cohort.mrr_amount.items():
        retained = including = start
        for month, kind, moved in by_account[account]:
            # The rates of the window's opening hold throughout: what is left is worth what it was.
            amount = moved / levels.get((account, month), 1.0)
            including += amount
            if account not in churned and kind in ("expansion", "contraction"):
                retained += amount
            if kind == "churn":
                retained = 0.0
                churned.add(account)
        retained_sum += retained
        capped_sum += min(start, retained)
        including_sum += including
    values: dict[str, float | None] = {names[0]: retained_sum / opening, names[1]: capped_sum / opening}
    if length in (1, 12):
        values[f"logo_churn_{length}m_ratio"] = len(churned) / len(cohort)
    if length == 12:
        values["nrr_12m_incl_reactivation_ratio"] = including_sum / opening
    return values


def _levels(moves: pd.DataFrame | None) -> dict[tuple[Any, Any], float]:
    """Account and month of a window to what the new rates since its opening have made of one unit."""
    if moves is None:
        return {}
    levels: dict[tuple[Any, Any], float] = {}
    so_far: dict[Any, float] = defaultdict(lambda: 1.0)
    for row in moves.sort_values("month", kind="stable").itertuples():
        if row.movement_type == "fx_restatement":
            so_far[row.account_id] *= (row.opening_mrr_amount + row.mrr_amount) / row.opening_mrr_amount
        levels[row.account_id, row.month] = so_far[row.account_id]
    return levels


@remembered
def deal_states(truth: Truth) -> pd.DataFrame:
    """Deals that exist now, with the account they belong to now and their stage's facts."""
    deals = truth.state("deals")
    deals = deals[~deals.is_deleted.astype(bool)].copy()
    deals["account_id"] = truth.account_of(deals.account_id)
    deals["account_id"] = deals.account_id.where(deals.account_id.isin(set(truth.accounts.account_id)))
    deals["stage_id"] = deals.stage_id.astype(int)
    stages = truth.visible("deal_stages").set_index("stage_id")
    for column in ("is_won", "is_closed", "probability"):
        deals[column] = deals.stage_id.map(stages[column])
    deals["stage_name"] = deals.stage_id.map(stages.name)
    return deals


@remembered
def fct_deals(truth: Truth) -> pd.DataFrame:
    deals = deal_states(truth)
    excluded = set(truth.accounts.account_id.astype(int)) - truth.counted_accounts
    deals = deals[~deals.account_id.isin(excluded)].copy()
    changes = truth.changes("deals")
    moves = changes[changes.field == "stage_id"]
    created = truth.visible("deals").set_index("deal_id")
    closing_stages = set(truth.visible("deal_stages").query("is_closed").stage_id.astype(int))
    last_closed = (
        moves[moves.to_value.astype(float).astype("Int64").isin(closing_stages)]
        .groupby("deal_id")
        .changed_at.max()
    )
    deals["closed_at"] = deals.deal_id.map(last_closed).where(deals.is_closed.astype(bool))
    deals["stage_change_count"] = deals.deal_id.map(moves.groupby("deal_id").size()).fillna(0).astype(int)
    deals["first_expected_close_on"] = deals.deal_id.map(created.expected_close_on).map(_date_or_none)
    deals["expected_close_on"] = deals.expected_close_on.map(_date_or_none)
    deals["slipped_days"] = [
        (now - first).days if now and first else None
        for now, first in zip(deals.expected_close_on, deals.first_expected_close_on, strict=True)
    ]
    deals["sales_cycle_days"] = (
        pd.to_datetime(deals.closed_at) - pd.to_datetime(deals.created_at)
    ).dt.total_seconds() / 86400
    deals["status"] = [
        "won" if won else "lost" if closed else "open"
        for won, closed in zip(deals.is_won.astype(bool), deals.is_closed.astype(bool), strict=True)
    ]
    deals["segment"] = truth.segment_at(
        deals.account_id, pd.to_datetime(deals.created_at) + pd.Timedelta(seconds=1)
    )
    valued_on = pd.to_datetime(deals.closed_at).fillna(pd.to_datetime(deals.created_at))
    deals["amount"] = deals.amount.astype(float)
    deals["reporting_amount"] = [
        amount * truth.calendar.rate(truth.local_day(at), currency)
        for amount, at, currency in zip(deals.amount, valued_on, deals.currency, strict=True)
    ]
    deals["stage_probability_ratio"] = deals.probability.astype(float)
    pipelines = truth.visible("pipelines").set_index("pipeline_id").name
    deals["pipeline_name"] = deals.pipeline_id.map(pipelines)
    deals = _with_account_id(deals)
    deals["deal_id"] = deals.deal_id.map(lambda value: f"hubspot:{int(value)}")
    deals["created_on"] = truth.local_date(pd.to_datetime(deals.created_at))
    deals["closed_on"] = truth.local_date(pd.to_datetime(deals.closed_at))
    return deals[
        [
            "deal_id",
            "account_id",
            "pipeline_name",
            "stage_name",
            "deal_type",
            "status",
            "amount",
            "currency",
            "reporting_amount",
            "created_at",
            "created_on",
            "closed_at",
            "closed_on",
            "expected_close_on",
            "first_expected_close_on",
            "slipped_days",
            "loss_reason",
            "stage_change_count",
            "sales_cycle_days",
            "segment",
            "stage_probability_ratio",
        ]
    ]


def _date_or_none(value: object) -> date | None:
    return None if pd.isna(value) else pd.Timestamp(value).date()
