"""The truth of the long daily table: every metric that is defined as daily."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pandas as pd

from tests.truth.base import Truth, remembered
from tests.truth.delivery import fct_work_items
from tests.truth.flow import mart_delivery__flow_daily
from tests.truth.revenue import fct_deals, fct_mrr_daily, mart_metric__mrr_monthly
from tests.truth.sales import mart_metric__pipeline_daily
from tests.truth.support import RESOLVED, fct_tickets
from tests.truth.support_times import mart_metric__support_performance
from tests.truth.usage import mart_metric__active_daily


def _days(first: date, last: date) -> list[date]:
    return [first + timedelta(days=offset) for offset in range((last - first).days + 1)]


@remembered
def mart_metric__daily(truth: Truth) -> pd.DataFrame:
    """metric_id, date_on, segment, value: only cells with something to say are compared."""
    parts = [
        *_revenue_metrics(truth),
        *_usage_metrics(truth),
        *_support_metrics(truth),
        _nps(truth),
        _deals_won(truth),
        _work_items_done(truth),
        *_retention(truth),
        _open_pipeline(truth),
        *_support_days(truth),
        *_flow(truth),
    ]
    return pd.concat(parts, ignore_index=True)


def _long(frame: pd.DataFrame, metric: str, value: str) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "metric_id": metric,
            "date_on": frame.date_on,
            "segment": frame.segment,
            "value": frame[value].astype(float),
        }
    )


def _with_all(frame: pd.DataFrame) -> pd.DataFrame:
    return pd.concat([frame, frame.assign(segment="all")], ignore_index=True)


def _revenue_metrics(truth: Truth) -> list[pd.DataFrame]:
    daily = _with_all(fct_mrr_daily(truth))
    grouped = (
        daily.groupby(["date_on", "segment"])
        .agg(mrr=("mrr_amount", "sum"), count=("account_id", "nunique"))
        .reset_index()
    )
    grouped["arr"] = grouped.mrr * 12
    return [
        _long(grouped, "mrr", "mrr"),
        _long(grouped, "arr", "arr"),
        _long(grouped, "customer_count", "count"),
    ]


def _usage_metrics(truth: Truth) -> list[pd.DataFrame]:
    active = mart_metric__active_daily(truth)
    return [
        _long(active, "active_people_7d", "active_person_7d_count"),
        _long(active, "active_accounts_7d", "active_account_7d_count"),
        _long(active[active.stickiness_ratio.notna()], "stickiness", "stickiness_ratio"),
    ]


def _support_metrics(truth: Truth) -> list[pd.DataFrame]:
    tickets = fct_tickets(truth)
    tickets["date_on"] = truth.local_date(tickets.created_at)
    both = _with_all(tickets)
    created = both.groupby(["date_on", "segment"]).size().rename("value").reset_index()
    replied = both[both.first_reply_minutes.notna()]
    median = (
        replied.groupby(["date_on", "segment"]).first_reply_minutes.median().rename("value").reset_index()
    )
    return [
        _long(created, "tickets_created", "value"),
        _long(median, "first_reply_minutes_median", "value"),
        _backlog(truth, tickets),
        _csat(truth, tickets),
    ]


def _backlog(truth: Truth, tickets: pd.DataFrame) -> pd.DataFrame:
    """Tickets that are neither solved nor closed when each local day ends, by their own status timelines."""
    changes = truth.changes("tickets")
    changes = changes[changes.field == "status"]
    open_spans: list[tuple[str, pd.Timestamp, pd.Timestamp]] = []
    moves = {f"zendesk:{int(ticket)}": mine for ticket, mine in changes.groupby("ticket_id")}
    for ticket in tickets.itertuples():
        mine = moves.get(ticket.ticket_id)
        since: pd.Timestamp | None = ticket.created_at
        for moment, status in [] if mine is None else zip(mine.changed_at, mine.to_value, strict=True):
            if status in RESOLVED and since is not None:
                open_spans.append((ticket.segment, since, moment))
                since = None
            elif status not in RESOLVED and since is None:
                since = moment
        if since is not None:
            open_spans.append((ticket.segment, since, pd.Timestamp.max))
    spans = _with_all(pd.DataFrame(open_spans, columns=["segment", "start", "end"]))
    days = _days(min(truth.local_date(tickets.created_at)), truth.today)
    rows = []
    for segment, of_segment in spans.groupby("segment"):
        starts, ends = of_segment.start.to_numpy(), of_segment.end.to_numpy()
        for day, day_end in zip(days, truth.day_ends(days), strict=True):
            moment = min(day_end, truth.now).to_datetime64()
            still_open = (starts < moment) & (ends >= moment)
            rows.append(("ticket_backlog", day, segment, float(still_open.sum())))
    return pd.DataFrame(rows, columns=["metric_id", "date_on", "segment", "value"])


def _csat(truth: Truth, tickets: pd.DataFrame) -> pd.DataFrame:
    rated = _with_all(tickets[tickets.csat_score.notna()].copy())
    rated["answered_on"] = truth.local_date(rated.csat_answered_at)
    rows = []
    for segment, mine in rated.groupby("segment"):
        answered_on = mine.answered_on.to_numpy("datetime64[D]")
        is_good = (mine.csat_score == "good").to_numpy()
        for day in _days(mine.answered_on.min(), truth.today):
            last = np.datetime64(day)
            window = is_good[(answered_on <= last) & (answered_on > last - 28)]
            if len(window):
                rows.append(("csat_ratio", day, segment, float(window.mean())))
    return pd.DataFrame(rows, columns=["metric_id", "date_on", "segment", "value"])


@remembered
def _nps(truth: Truth) -> pd.DataFrame:
    answers = truth.visible("survey_responses").copy()
    answers["account_id"] = truth.account_of(answers.account_id)
    answers = answers[answers.account_id.isin(truth.counted_accounts)].copy()
    emails = truth.state("people").set_index("person_id").email.str.lower()
    answers["person"] = [
        emails.get(int(person)) if pd.notna(emails.get(int(person))) else f"#{person}"
        for person in answers.person_id
    ]
    answers["date_on"] = truth.local_date(answers.answered_at)
    answers = answers.sort_values(["answered_at", "response_id"])
    rows = []
    answered_on = answers.date_on.to_numpy("datetime64[D]")
    for day in _days(answers.date_on.min(), truth.today):
        end = np.datetime64(day)
        window = answers[(answered_on <= end) & (answered_on > end - 90)]
        last = window.drop_duplicates("person", keep="last")
        if len(last):
            score = np.where(last.score >= 9, 100.0, np.where(last.score <= 6, -100.0, 0.0)).mean()
            rows.append(("nps", day, "all", float(score)))
    return pd.DataFrame(rows, columns=["metric_id", "date_on", "segment", "value"])


@remembered
def _deals_won(truth: Truth) -> pd.DataFrame:
    deals = fct_deals(truth)
    won = deals[deals.status == "won"].copy()
    won["date_on"] = truth.local_date(won.closed_at)
    grouped = (
        _with_all(won).groupby(["date_on", "segment"]).reporting_amount.sum().rename("value").reset_index()
    )
    return _long(grouped, "deals_won_amount", "value")


@remembered
def _work_items_done(truth: Truth) -> pd.DataFrame:
    items = fct_work_items(truth)
    done = items[items.done_at.notna() & items.work_item_level.isin(["standard", "sub_task"])].copy()
    done["date_on"] = truth.local_date(done.done_at)
    grouped = done.groupby("date_on").size().rename("value").reset_index().assign(segment="all")
    return _long(grouped, "work_items_done", "value")


def _retention(truth: Truth) -> list[pd.DataFrame]:
    """Of each day: the ratios of the last month whose last day was over by its end."""
    months = mart_metric__mrr_monthly(truth)
    months = months[months.is_complete.astype(bool)]
    rows = []
    for month in months.itertuples():
        month_end = (month.month_start_on.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(
            days=1
        )
        next_end = (month_end + timedelta(days=32)).replace(day=1) - timedelta(days=1)
        for day in _days(month_end, min(next_end - timedelta(days=1), truth.today)):
            rows.append((day, month.segment, month.nrr_12m_ratio, month.grr_12m_ratio))
    frame = pd.DataFrame(rows, columns=["date_on", "segment", "nrr_12m_ratio", "grr_12m_ratio"])
    return [
        _long(frame[frame[metric].notna()], metric, metric) for metric in ("nrr_12m_ratio", "grr_12m_ratio")
    ]


def _open_pipeline(truth: Truth) -> pd.DataFrame:
    days = mart_metric__pipeline_daily(truth)
    summed = days.groupby(["date_on", "segment"]).open_amount.sum().rename("value").reset_index()
    return _long(summed, "open_pipeline_amount", "value")


def _support_days(truth: Truth) -> list[pd.DataFrame]:
    days = mart_metric__support_performance(truth)
    days = days[(days.period_unit == "day") & (days.team_id == "all")]
    days = days.assign(date_on=days.starts_on)
    return [
        _long(days[days[column].notna()], metric, column)
        for metric, column in (
            ("contact_ratio", "contact_ratio"),
            ("full_resolution_minutes_median", "full_resolution_minutes_p50"),
            ("one_touch_ratio", "one_touch_ratio"),
            ("first_reply_attainment_ratio", "first_reply_attainment_ratio"),
            ("full_resolution_attainment_ratio", "full_resolution_attainment_ratio"),
        )
    ]


def _flow(truth: Truth) -> list[pd.DataFrame]:
    days = mart_delivery__flow_daily(truth)
    days = days[days.team_id == "all"].assign(segment="all")
    return [
        _long(days[days[column].notna()], metric, column)
        for metric, column in (
            ("work_items_in_progress", "wip_count"),
            ("cycle_time_days_median", "cycle_time_p50_days"),
        )
    ]
