"""The truth of flow and investment: what the teams' work looked like on each day, week and month.

Walks each item's history and looks at it at each moment asked for; nothing is summed up over time.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd

from tests.truth.base import Truth, remembered
from tests.truth.delivery import (
    days_worked,
    dim_deliveries,
    fct_work_items,
    flagged_times,
    issue_states,
    parents_of,
    status_spans,
)

FLOWING = ("standard", "sub_task")
QUANTILES = {"p50": 50, "p85": 85, "p95": 95}


@remembered
def team_history(truth: Truth) -> dict[int, list[tuple[pd.Timestamp, str | None]]]:
    """issue_id -> since when which team has had it, from its project's team."""
    teams = {row["source_key"]: row["team_id"] for row in truth.csv("teams.csv") if row["source"] == "jira"}
    team_of = truth.visible("projects").set_index("project_id").key.map(teams)
    issues = truth.visible("issues")
    history: dict[int, list[tuple[pd.Timestamp, str | None]]] = {
        int(issue): [(created_at, _team(team_of, project))]
        for issue, created_at, project in zip(
            issues.issue_id, issues.created_at, issues.project_id, strict=True
        )
    }
    changes = truth.changes("issues")
    for move in changes[changes.field == "project_id"].itertuples():
        history[int(move.issue_id)].append((move.changed_at, _team(team_of, move.to_value)))
    return history


def _team(team_of: pd.Series, project: object) -> str | None:
    team = team_of.get(int(project))  # type: ignore[call-overload]
    return None if team is None or pd.isna(team) else str(team)


def _team_at(history: list[tuple[pd.Timestamp, str | None]], moment: pd.Timestamp) -> str | None:
    return [team for since, team in history if since <= moment][-1]


@remembered
def stays(truth: Truth) -> pd.DataFrame:
    """One row per flowing item, status span and team; ended_at lies far ahead while it lasts."""
    spans = status_spans(truth)
    levels = issue_states(truth).set_index("issue_id").level
    spans = spans[spans.issue_id.map(levels).isin(FLOWING)]
    teams = team_history(truth)
    far = pd.Timestamp("2200-01-01")
    rows = []
    for span in spans.itertuples():
        span_end = far if pd.isna(span.ended_at) else span.ended_at
        history = teams[span.issue_id]
        for position, (since, team) in enumerate(history):
            until = history[position + 1][0] if position + 1 < len(history) else far
            start, end = max(since, span.started_at), min(until, span_end)
            if start < end:
                rows.append((span.issue_id, team, span.status_category, span.status_kind, start, end))
    return pd.DataFrame(rows, columns=["issue_id", "team_id", "category", "kind", "started_at", "ended_at"])


@remembered
def events(truth: Truth) -> pd.DataFrame:
    """What happened to flowing items: arrived, done, reopened, with the team that had the item then."""
    items = fct_work_items(truth)
    items = items[items.work_item_level.isin(FLOWING)].copy()
    items["issue_id"] = items.work_item_id.str.split(":").str[1].astype(int)
    teams = team_history(truth)
    spans = status_spans(truth)
    rows = []
    for item in items.itertuples():
        rows.append((item.issue_id, "arrived", item.created_at))
        if pd.notna(item.done_at):
            rows.append((item.issue_id, "done", item.done_at))
    flowing = set(items.issue_id)
    for issue, mine in spans[spans.issue_id.isin(flowing)].groupby("issue_id"):
        categories = list(mine.status_category)
        for position, started_at in enumerate(mine.started_at):
            if position and categories[position - 1] == "done" and categories[position] != "done":
                rows.append((issue, "reopened", started_at))
    frame = pd.DataFrame(rows, columns=["issue_id", "event", "at"])
    frame["date_on"] = truth.local_date(frame["at"])
    frame["team_id"] = [
        _team_at(teams[int(issue)], moment) for issue, moment in zip(frame.issue_id, frame["at"], strict=True)
    ]
    details = items.set_index("issue_id")[
        ["lead_time_days", "cycle_time_days", "active_hours", "waiting_hours"]
    ]
    return frame.join(details, on="issue_id")


def _scopes(frame: pd.DataFrame) -> dict[str, pd.DataFrame]:
    return {"all": frame} | {str(team): mine for team, mine in frame.groupby("team_id")}


def _quantiles(name: str, values: pd.Series | np.ndarray) -> dict[str, float | None]:
    known = np.asarray(values, dtype=float)
    known = known[~np.isnan(known)]
    return {
        f"{name}_{label}_days": float(np.percentile(known, quantile)) if len(known) else None
        for label, quantile in QUANTILES.items()
    }


@remembered
def mart_delivery__flow_daily(truth: Truth) -> pd.DataFrame:
    held, happened = _scopes(stays(truth)), _scopes(events(truth))
    items = fct_work_items(truth)
    begun = dict(zip(items.work_item_id.str.split(":").str[1].astype(int), items.started_at, strict=True))
    first = truth.local_day(stays(truth).started_at.min())
    days = [first + timedelta(days=offset) for offset in range((truth.today - first).days + 1)]
    rows = []
    for team, mine in held.items():
        theirs = happened.get(team, events(truth).head(0))
        starts, ends = mine.started_at.to_numpy(), mine.ended_at.to_numpy()
        categories = mine.category.to_numpy()
        age_from = mine.issue_id.map(begun).to_numpy()
        done = theirs[theirs.event == "done"]
        done_on, cycle_times = done.date_on.to_numpy("datetime64[D]"), done.cycle_time_days.to_numpy(float)
        counts = theirs.groupby(["date_on", "event"]).size().to_dict()
        for day, day_end in zip(days, truth.day_ends(days), strict=True):
            inside = (starts < day_end.to_datetime64()) & (ends >= day_end.to_datetime64())
            is_wip = inside & (categories == "in_progress")
            looked_at = min(day_end, truth.now).to_datetime64()
            ages = (looked_at - age_from[is_wip]) / np.timedelta64(86_400_000_000, "us")
            is_recent = (done_on <= np.datetime64(day)) & (done_on > np.datetime64(day - timedelta(days=90)))
            cycle = _quantiles("cycle_time", cycle_times[is_recent])
            limit = cycle["cycle_time_p85_days"]
            arrived, finished = counts.get((day, "arrived"), 0), counts.get((day, "done"), 0)
            rows.append(
                {
                    "date_on": day,
                    "team_id": team,
                    "to_do_count": int((inside & (categories == "to_do")).sum()),
                    "wip_count": int(is_wip.sum()),
                    "done_count": int((inside & (categories == "done")).sum()),
                    "arrival_count": arrived,
                    "throughput_count": finished,
                    "reopened_count": counts.get((day, "reopened"), 0),
                    "net_flow_count": arrived - finished,
                    **_quantiles("wip_age", ages),
                    **cycle,
                    "aged_wip_count": None if limit is None else int((ages > limit).sum()),
                    "is_complete": day < truth.today,
                }
            )
    return pd.DataFrame(rows)


@remembered
def mart_delivery__flow_weekly(truth: Truth) -> pd.DataFrame:
    happened = events(truth)
    happened["week_start_on"] = [day - timedelta(days=day.weekday()) for day in happened.date_on]
    blocked = _blocked_stretches(truth)
    first = truth.local_day(stays(truth).started_at.min())
    week = first - timedelta(days=first.weekday())
    weeks = []
    while week <= truth.today:
        weeks.append(week)
        week += timedelta(days=7)
    begins = truth.day_ends([week - timedelta(days=1) for week in weeks])
    ends = truth.day_ends([week + timedelta(days=6) for week in weeks])
    rows = []
    scopes = _scopes(happened)
    for team in _scopes(stays(truth)):
        theirs = scopes.get(team, happened.head(0))
        mine = blocked if team == "all" else blocked[blocked.team_id == team]
        for week, begin, end in zip(weeks, begins, ends, strict=True):
            of_week = theirs[theirs.week_start_on == week]
            done = of_week[of_week.event == "done"]
            spent = done.active_hours.sum() + done.waiting_hours.sum()
            arrived = int((of_week.event == "arrived").sum())
            overlap = mine.ended_at.clip(upper=end) - mine.started_at.clip(lower=begin)
            rows.append(
                {
                    "week_start_on": week,
                    "team_id": team,
                    "arrival_count": arrived,
                    "throughput_count": len(done),
                    "reopened_count": int((of_week.event == "reopened").sum()),
                    "net_flow_count": arrived - len(done),
                    **_quantiles("lead_time", done.lead_time_days),
                    **_quantiles("cycle_time", done.cycle_time_days),
                    "flow_efficiency_ratio": done.active_hours.sum() / spent if spent else None,
                    "blocked_hours": float(overlap.dt.total_seconds().clip(lower=0).sum() / 3600),
                    "is_complete": week + timedelta(days=7) <= truth.today,
                }
            )
    return pd.DataFrame(rows)


def _blocked_stretches(truth: Truth) -> pd.DataFrame:
    """When flowing items could not go on: in a blocked status, or flagged in any other before done."""
    flags = flagged_times(truth)
    rows = []
    for stay in stays(truth).itertuples():
        if stay.category == "done":
            continue
        end = min(stay.ended_at, truth.now)
        if stay.kind == "blocked":
            rows.append((stay.team_id, stay.started_at, end))
            continue
        for flagged_at, cleared_at in flags.get(int(stay.issue_id), []):
            start, until = max(stay.started_at, flagged_at), min(end, cleared_at)
            if start < until:
                rows.append((stay.team_id, start, until))
    frame = pd.DataFrame(rows, columns=["team_id", "started_at", "ended_at"])
    for column in ("started_at", "ended_at"):
        frame[column] = pd.to_datetime(frame[column])
    return frame


@remembered
def team_days(truth: Truth) -> pd.DataFrame:
    """issue_id, team_id, month_start_on, people_days, date_on: one row per person, day and item worked on."""
    teams = {
        issue: [(truth.local_day(since), team) for since, team in history]
        for issue, history in team_history(truth).items()
    }
    rows = []
    for (_, day), issues in days_worked(truth).items():
        for issue in issues:
            team = [team for since, team in teams[int(issue)] if since <= day][-1]
            rows.append((int(issue), team, day.replace(day=1), 1 / len(issues), day))
    return pd.DataFrame(rows, columns=["issue_id", "team_id", "month_start_on", "people_days", "date_on"])


@remembered
def costed_days(truth: Truth) -> pd.DataFrame:
    """`team_days` with cost: each day at the rate of its team then; None where it has none."""
    rates = truth.csv("day_rates.csv")
    worked = team_days(truth)
    costs: list[float | None] = []
    for row in worked.itertuples():
        begun = [rate for rate in rates if (rate["valid_from"] or "0001-01-01") <= row.date_on.isoformat()]
        mine = [rate for rate in begun if rate["team_id"] and rate["team_id"] == row.team_id]
        mine = mine or [rate for rate in begun if not rate["team_id"]]
        cost = None
        if mine:
            rate = max(mine, key=lambda one: one["valid_from"])
            worth = truth.calendar.rate(row.date_on, rate["currency"])
            cost = row.people_days * float(rate["amount"]) * worth
        costs.append(cost)
    return worked.assign(cost=pd.Series(costs, index=worked.index, dtype=object))


def _whole(costs: list[float | None]) -> float | None:
    """Their sum, if all are known."""
    known = [cost for cost in costs if cost is not None]
    return sum(known) if known and len(known) == len(costs) else None


@remembered
def delivery_costs(truth: Truth) -> pd.DataFrame:
    """delivery_id, cost_amount: None where a day has none."""
    items = fct_work_items(truth)
    delivery_of = {
        int(item.split(":")[-1]): delivery
        for item, delivery in zip(items.work_item_id, items.delivery_id, strict=True)
        if pd.notna(delivery)
    }
    worked = costed_days(truth)
    worked["delivery_id"] = worked.issue_id.map(delivery_of)
    by_delivery = {one: list(mine.cost) for one, mine in worked.groupby("delivery_id")}
    deliveries = list(dim_deliveries(truth).delivery_id)
    return pd.DataFrame(
        {
            "delivery_id": deliveries,
            "cost_amount": [_whole(by_delivery.get(one, [])) for one in deliveries],
        }
    )


def with_ratio(frame: pd.DataFrame, value: str, ratio: str) -> pd.DataFrame:
    """Adds the share of `value` in its month and team."""
    frame[ratio] = frame[value] / frame.groupby(["month_start_on", "team_id"])[value].transform("sum")
    return frame


def is_month_over(truth: Truth, month: date) -> bool:
    return (month + timedelta(days=32)).replace(day=1) <= truth.today


def with_all_teams(frame: pd.DataFrame) -> pd.DataFrame:
    return pd.concat([frame[frame.team_id.notna()], frame.assign(team_id="all")], ignore_index=True)


@remembered
def mart_delivery__investment(truth: Truth) -> pd.DataFrame:
    issues = issue_states(truth)
    parents = parents_of(issues)
    types = truth.visible("issue_types").set_index("issue_type_id").name
    names = issues.set_index("issue_id").issue_type_id.map(types)
    items = fct_work_items(truth).set_index("work_item_id")

    def kind_of(issue: int) -> str:
        line: list[int] = [issue]
        while (parent := parents.get(line[-1])) is not None:
            line.append(parent)
        if any(names[one] == "Bug" for one in line):
            return "bug"
        item: Any = items.loc[f"jira:{issue}"]
        return "delivery" if pd.notna(item.epic_work_item_id) or pd.notna(item.delivery_id) else "unplanned"

    worked = costed_days(truth)
    kinds: dict[int, str] = defaultdict(str) | {issue: kind_of(issue) for issue in set(worked.issue_id)}
    worked["work_kind"] = worked.issue_id.map(kinds)
    grouped = (
        with_all_teams(worked)
        .groupby(["month_start_on", "team_id", "work_kind"])
        .agg(
            work_item_count=("issue_id", "nunique"),
            people_days=("people_days", "sum"),
            cost_amount=("cost", lambda costs: _whole(list(costs))),
        )
        .reset_index()
    )
    grouped["is_complete"] = [is_month_over(truth, month) for month in grouped.month_start_on]
    return with_ratio(grouped, "people_days", "people_days_ratio")
