"""The truth of product usage and of the long daily table."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pandas as pd

from tests.truth.base import Truth, remembered
from tests.truth.delivery import fct_work_items
from tests.truth.revenue import fct_deals, fct_mrr_daily
from tests.truth.support import RESOLVED, fct_tickets


@remembered
def person_days(truth: Truth) -> pd.DataFrame:
    """person, account_id, date_on: one row per person, account and local day with a value event."""
    events = truth.visible("events")
    values = set(truth.yaml("mappings.yml")["analytics"]["value_events"])
    events = events[events.name.isin(values) & ~events.is_staff.astype(bool)].copy()
    events["account_id"] = truth.account_of(events.account_id)
    excluded = set(truth.accounts.account_id.astype(int)) - truth.counted_accounts
    events = events[~events.account_id.isin(excluded)]
    alive = set(truth.accounts.account_id.astype(int))
    emails = truth.state("people").set_index("person_id").email.str.lower()
    identity = {int(person): (email if pd.notna(email) else f"#{person}") for person, email in emails.items()}
    events["person"] = events.person_id.map(
        lambda person: identity.get(int(person)) if pd.notna(person) else None
    )
    events["account_id"] = events.account_id.where(events.account_id.isin(alive))
    events["date_on"] = truth.local_date(events.occurred_at)
    return events[["person", "account_id", "date_on"]].drop_duplicates()


def _days(first: date, last: date) -> list[date]:
    return [first + timedelta(days=offset) for offset in range((last - first).days + 1)]


def _active(pairs: pd.DataFrame, who: str, days: list[date], length: int) -> pd.DataFrame:
    """Who was active in the `length` days that end with each day: `who`, date_on, distinct."""
    pairs = pairs[[who, "date_on"]].dropna().drop_duplicates()
    spread = pd.concat(
        [
            pairs.assign(date_on=[day + timedelta(days=offset) for day in pairs.date_on])
            for offset in range(length)
        ]
    ).drop_duplicates()
    return spread[spread.date_on.isin(set(days))]


@remembered
def mart_metric__active_daily(truth: Truth) -> pd.DataFrame:
    pairs = person_days(truth)
    first = pairs.date_on.min()
    days = _days(first, truth.today)
    account_of = pairs.dropna(subset=["person"]).sort_values("date_on").drop_duplicates("person", keep="last")
    account_of = account_of.set_index("person").account_id
    segments = sorted(set(truth.segment_history.segment))
    frames = {}
    for who in ("person", "account_id"):
        for length in (1, 7, 28):
            active = _active(pairs, who, days, length)
            accounts = active.person.map(account_of) if who == "person" else active.account_id
            active = active.assign(
                segment=truth.segment_at(
                    accounts.astype("Int64"), pd.Series(truth.day_ends(list(active.date_on)))
                )
            )
            name = "person" if who == "person" else "account"
            counts = active.groupby(["date_on", "segment"]).size()
            totals = active.groupby("date_on").size()
            totals.index = pd.MultiIndex.from_tuples([(day, "all") for day in totals.index])
            frames[f"active_{name}_{length}d_count"] = pd.concat([counts, totals])
    index = pd.MultiIndex.from_product([days, ["all", *segments]], names=["date_on", "segment"])
    frame = pd.DataFrame({name: series.reindex(index, fill_value=0) for name, series in frames.items()})
    weekly = frame.active_person_7d_count.where(frame.active_person_7d_count > 0)
    frame["stickiness_ratio"] = frame.active_person_1d_count / weekly
    frame = frame.reset_index()
    frame["is_complete"] = [day < truth.today for day in frame.date_on]
    return frame


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
        for day, day_end in zip(days, truth.day_ends(days), strict=True):
            moment = min(day_end, truth.now)
            still_open = (of_segment.start < moment) & (of_segment.end >= moment)
            rows.append(("ticket_backlog", day, segment, float(still_open.sum())))
    return pd.DataFrame(rows, columns=["metric_id", "date_on", "segment", "value"])


def _csat(truth: Truth, tickets: pd.DataFrame) -> pd.DataFrame:
    rated = _with_all(tickets[tickets.csat_score.notna()].copy())
    rated["answered_on"] = truth.local_date(rated.csat_answered_at)
    rows = []
    for segment, mine in rated.groupby("segment"):
        for day in _days(mine.answered_on.min(), truth.today):
            window = mine[(mine.answered_on <= day) & (mine.answered_on > day - timedelta(days=28))]
            if len(window):
                rows.append(("csat_ratio", day, segment, float((window.csat_score == "good").mean())))
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
    for day in _days(answers.date_on.min(), truth.today):
        window = answers[(answers.date_on <= day) & (answers.date_on > day - timedelta(days=90))]
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
