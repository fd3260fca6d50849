"""The truth of how the company decides and measures: decisions, key results, evidence, gaps, reconciliation.

Belongs here: what follows from the governance tables and the metrics' truth. Does not belong here: metrics.
"""

from __future__ import annotations

import csv
import math
from collections import defaultdict
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from tests.truth.base import Truth, remembered
from tests.truth.daily import mart_metric__daily
from tests.truth.delivery import (
    delivery_of,
    dim_deliveries,
    fct_releases,
    fct_work_items,
    issue_states,
    parents_of,
    traceability,
)
from tests.truth.flow import is_month_over, team_days, with_all_teams, with_ratio
from tests.truth.identity import ladder
from tests.truth.impact import fct_delivery_impact
from tests.truth.support import RESOLVED, fct_tickets, ticket_accounts
from tests.truth.support_times import mart_metric__support_performance

DEFINITIONS = Path(__file__).parents[2] / "dbt_project" / "seeds" / "reference" / "metrics.csv"
# Without a row on a day, these were zero on it; of the others nothing is known.
COUNTED = frozenset(
    {
        "mrr",
        "arr",
        "customer_count",
        "active_people_7d",
        "active_accounts_7d",
        "tickets_created",
        "ticket_backlog",
        "deals_won_amount",
        "work_items_done",
        "open_pipeline_amount",
        "work_items_in_progress",
    }
)
# What happens on a day is told as the mean of 28; a median and a share are of all that happened in them.
AVERAGED = {"tickets_created": 28, "deals_won_amount": 28, "work_items_done": 28, "stickiness": 7}
MEDIANS = {
    "first_reply_minutes_median": ("first_reply_minutes", "created_on"),
    "full_resolution_minutes_median": ("full_resolution_minutes", "solved_on"),
}
SHARES = {
    "contact_ratio": ("account_ticket_count", "active_account_count"),
    "one_touch_ratio": ("one_touch_ticket_count", "full_resolution_count"),
    "first_reply_attainment_ratio": ("first_reply_attained_count", "first_reply_judged_count"),
    "full_resolution_attainment_ratio": ("full_resolution_attained_count", "full_resolution_judged_count"),
}
# Metrics whose movement is asked of the engine account by account, and what it calls them.
ESTIMATED = {
    "mrr": "mrr_rel",
    "arr": "mrr_rel",
    "active_people_7d": "wau_rate",
    "active_accounts_7d": "active",
    "tickets_created": "tickets",
    "csat_ratio": "csat",
}
STRENGTH = ("evidence-backed", "metric-backed", "mandated", "opinion")


@remembered
def metric_days(truth: Truth) -> dict[tuple[str, str], dict[date, float]]:
    """(metric_id, segment) -> value of each complete day that has one, zeros filled in."""
    daily = mart_metric__daily(truth)
    first = daily.groupby("metric_id").date_on.min()
    result = {}
    for (metric, segment), mine in daily.groupby(["metric_id", "segment"]):
        known = dict(zip(mine.date_on, mine.value.astype(float), strict=True))
        day = first[metric]
        values = {}
        while day < truth.today:
            if day in known and not math.isnan(known[day]):
                values[day] = known[day]
            elif metric in COUNTED:
                values[day] = 0.0
            day += timedelta(days=1)
        result[(str(metric), str(segment))] = values
    return result


def defined_metrics() -> set[str]:
    with DEFINITIONS.open(encoding="utf-8", newline="") as lines:
        return {row["metric_id"] for row in csv.DictReader(lines)}


def read(
    truth: Truth, metric: str | None, segment: str, last: date, *, is_averaged: bool = False
) -> tuple[float | None, list[date]]:
    """A metric over the window that ends with a day, and the days that it stands on, newest first.

    Arguments:
        is_averaged: of a level the mean of 28 days, instead of its last value.
    """
    days = [last - timedelta(days=offset) for offset in range(28)]
    if metric in MEDIANS:
        column, moment = MEDIANS[metric]
        tickets = fct_tickets(truth)
        tickets = tickets[tickets[column].notna() & tickets[moment].isin(days)]
        if metric == "full_resolution_minutes_median":
            tickets = tickets[~tickets.is_merged.astype(bool)]
        if segment != "all":
            tickets = tickets[tickets.segment == segment]
        found = sorted(set(tickets[moment]), reverse=True)
        return (float(np.median(tickets[column].astype(float))), found) if found else (None, [])
    known = metric_days(truth).get((str(metric), segment), {})
    found = [day for day in days if day in known]
    if metric in SHARES:
        part, whole = SHARES[metric]
        rows = mart_metric__support_performance(truth)
        rows = rows[(rows.period_unit == "day") & (rows.team_id == "all") & (rows.segment == segment)]
        rows = rows[rows.starts_on.isin(found)]
        total = float(rows[whole].astype(float).sum())
        return (float(rows[part].astype(float).sum()) / total if total else None), found
    if not is_averaged:
        found = (
            [day for day in found if day > last - timedelta(days=AVERAGED[metric])]
            if metric in AVERAGED
            else found[:1]
        )
    return (float(np.mean([known[day] for day in found])) if found else None), found


def _parts(value: object) -> list[str]:
    return [part for part in str(value).split(";") if part] if pd.notna(value) else []  # type: ignore[call-overload]


def _or_none(value: Any) -> Any:
    return None if pd.isna(value) else value


@remembered
def mart_impact__release_marks(truth: Truth) -> pd.DataFrame:
    deliveries = dim_deliveries(truth)
    deliveries = deliveries[deliveries.released_at.notna()]
    rows = [
        {
            "mark_id": f"delivery:{one.delivery_id}",
            "mark_kind": "delivery",
            "mark_name": one.delivery_name,
            "marked_at": one.released_at,
            "theme_id": one.theme_id,
            "metric_ids": one.metric_ids,
        }
        for one in deliveries.itertuples()
    ]
    versions = truth.visible("versions").set_index("version_id").released_at
    releases = fct_releases(truth)
    for one in releases[releases.is_released].itertuples():
        day = truth.local_day(versions[int(one.release_id.split(":")[1])])
        rows.append(
            {
                "mark_id": f"version:{one.release_id}",
                "mark_kind": "version",
                "mark_name": one.release_name,
                "marked_at": truth.day_ends([day - timedelta(days=1)])[0],
                "theme_id": None,
                "metric_ids": None,
            }
        )
    frame = pd.DataFrame(rows)
    frame["marked_at"] = pd.to_datetime(frame.marked_at)
    frame["marked_on"] = truth.local_date(frame.marked_at)
    frame["week_start_on"] = [day - timedelta(days=day.weekday()) for day in frame.marked_on]
    frame["is_past"] = frame.marked_at <= truth.now
    return frame


def _agreed(metric: Any, verdicts: list[Any]) -> str | None:
    """What the engine says of a decision's deliveries, taken together."""
    if metric is None:
        return None
    said = [verdict for verdict in verdicts if verdict is not None]
    if len(said) == 1:
        return str(said[0])
    if "improved" in said and "worsened" in said:
        return "not_measurable"
    order = ("improved", "worsened", "too_early", "no_detectable_effect")
    return next((verdict for verdict in order if verdict in said), "not_measurable")


@remembered
def mart_impact__decisions(truth: Truth) -> pd.DataFrame:
    carriers: dict[str, list[Any]] = defaultdict(list)
    for delivery in truth.visible("deliveries").itertuples():
        for decision in _parts(delivery.decision_ids):
            carriers[decision].append(delivery)
    yesterday = truth.today - timedelta(days=1)
    answers = fct_delivery_impact(truth)
    answers = answers[answers.is_current]
    judged = dict(zip(zip(answers.delivery_id, answers.metric, strict=True), answers.verdict, strict=True))
    rows = []
    for decision in truth.visible("decisions").itertuples():
        mine = carriers[decision.decision_id]
        out = [one.released_at for one in mine if pd.notna(one.released_at) and one.released_at <= truth.now]
        anchor = truth.local_day(min(out)) if out else decision.decided_on
        metric = _or_none(decision.expected_metric_id)
        due = _or_none(decision.expected_by_on)
        last = min(due, yesterday) if due else yesterday
        mean_before, before = read(truth, metric, "all", anchor - timedelta(days=1), is_averaged=True)
        is_visible = metric and (out or not mine) and last - timedelta(days=27) >= anchor
        mean_after, after = read(truth, metric, "all", last, is_averaged=True) if is_visible else (None, [])
        change = None
        if mean_before and mean_after is not None:
            change = 100 * (mean_after - mean_before) / abs(mean_before)
        expected = _or_none(decision.expected_change_pct)
        rows.append(
            {
                "decision_id": decision.decision_id,
                "decided_on": decision.decided_on,
                "evidence_kind": decision.evidence_kind,
                "evidence_count": len(str(decision.evidence).split()) if pd.notna(decision.evidence) else 0,
                "delivery_ids": ",".join(sorted(one.delivery_id for one in mine)) or None,
                "released_delivery_count": len(out),
                "first_released_at": min(out) if out else None,
                "expected_metric_id": metric,
                "expected_value": mean_before * (1 + expected / 100) if before and expected else None,
                "before_value": mean_before,
                "before_day_count": len(before),
                "after_value": mean_after,
                "after_day_count": len(after),
                "observed_change_pct": change,
                "is_past_review": pd.notna(decision.review_on) and decision.review_on < truth.today,
                "verdict": _agreed(
                    metric, [judged.get((one.delivery_id, ESTIMATED.get(metric))) for one in mine]
                ),
            }
        )
    frame = pd.DataFrame(rows)
    frame["first_released_at"] = pd.to_datetime(frame.first_released_at)
    return frame


@remembered
def mart_impact__key_results(truth: Truth) -> pd.DataFrame:
    rows = []
    for one in truth.visible("key_results").itertuples():
        segment = one.segment if pd.notna(one.segment) else "all"
        begun = one.starts_on < truth.today
        last = min(one.ends_on, truth.today - timedelta(days=1))
        current = read(truth, one.metric_id, segment, last)[0] if begun else None
        elapsed = 0.0
        if begun:
            elapsed = ((last - one.starts_on).days + 1) / ((one.ends_on - one.starts_on).days + 1)
        distance = one.target - one.baseline
        progress = (current - one.baseline) / distance if current is not None and distance else None
        rows.append(
            {
                "key_result_id": one.key_result_id,
                "segment": segment,
                "owner": _or_none(one.owner),
                "status": "upcoming" if not begun else "ended" if one.ends_on < truth.today else "running",
                "current_value": current,
                "elapsed_ratio": elapsed,
                "expected_value": one.baseline + elapsed * distance,
                "progress_ratio": progress,
                "pace_ratio": progress / elapsed if progress is not None and elapsed else None,
                "is_on_track": None if progress is None else progress >= elapsed,
            }
        )
    return pd.DataFrame(rows)


def _grounds(truth: Truth) -> dict[int, list[tuple[date, str]]]:
    """Roadmap issue -> (since when, label) of all that it and what is below it stands on."""
    issues = issue_states(truth)
    parents, levels = parents_of(issues), issues.set_index("issue_id").level
    grounds: dict[int, list[tuple[date, str]]] = defaultdict(list)

    items = fct_work_items(truth)
    done = {int(key.split(":")[1]): at for key, at in zip(items.work_item_id, items.done_at, strict=True)}

    def stand(issue: int | None, since: date, label: str, at: Any = None) -> None:
        while issue is not None:
            # A link that was set when the item was done did not ask for it.
            if at is None or pd.isna(done[issue]) or at <= done[issue]:
                grounds[issue].append((since, label))
            issue = parents.get(issue)

    accounts = ticket_accounts(truth).set_index("ticket_id").account_id
    for link in truth.visible("ticket_issue_links").itertuples():
        account = accounts.get(link.ticket_id)
        if link.issue_id in levels.index and account is not None and pd.notna(account):
            day = truth.local_day(link.created_at)
            stand(int(link.issue_id), day, "evidence-backed", link.created_at)
    labels = {}
    for decision in truth.visible("decisions").itertuples():
        kind = decision.evidence_kind
        if kind == "customer_evidence" and pd.notna(decision.evidence) and str(decision.evidence).split():
            labels[decision.decision_id] = (decision.decided_on, "evidence-backed")
        elif kind in ("metric", "experiment"):
            labels[decision.decision_id] = (decision.decided_on, "metric-backed")
        elif kind == "mandate":
            labels[decision.decision_id] = (decision.decided_on, "mandated")
    deliveries = truth.visible("deliveries").set_index("delivery_id")
    for issue, slug in delivery_of(truth).items():
        if levels[issue] not in ("epic", "initiative") or slug not in deliveries.index:
            continue
        delivery = deliveries.loc[slug]
        if _parts(delivery.metric_ids) or _parts(delivery.key_result_ids):
            stand(issue, date.min, "metric-backed")
        for decision in _parts(delivery.decision_ids):
            if decision in labels:
                stand(issue, *labels[decision])
    return grounds


@remembered
def mart_governance__roadmap_evidence(truth: Truth) -> pd.DataFrame:
    issues = issue_states(truth)
    parents, levels = parents_of(issues), issues.set_index("issue_id").level
    roadmap = {int(item.split(":")[1]) for item in traceability(truth).work_item_id}
    grounds = _grounds(truth)

    def above(issue: int | None) -> int | None:
        while issue is not None and levels[issue] not in ("epic", "initiative"):
            issue = parents.get(issue)
        return issue if issue in roadmap else None

    def label(item: int, month: date) -> str:
        following = (month + timedelta(days=32)).replace(day=1)
        found = {label for since, label in grounds[item] if since < following}
        return next((one for one in STRENGTH if one in found), "opinion")

    worked = team_days(truth)
    nearest = {issue: above(int(issue)) for issue in worked.issue_id.unique()}
    worked["item"] = worked.issue_id.map(nearest)
    worked = worked[worked.item.notna()].copy()
    worked["evidence_label"] = [
        label(int(item), month) for item, month in zip(worked.item, worked.month_start_on, strict=True)
    ]
    grouped = (
        with_all_teams(worked)
        .groupby(["month_start_on", "team_id", "evidence_label"])
        .agg(item_count=("item", "nunique"), people_days=("people_days", "sum"))
        .reset_index()
    )
    grouped["is_complete"] = [is_month_over(truth, month) for month in grouped.month_start_on]
    return with_ratio(with_ratio(grouped, "item_count", "item_ratio"), "people_days", "people_days_ratio")


@remembered
def mart_governance__process_health(truth: Truth) -> pd.DataFrame:
    """What is missing or overdue, with who could mend it and since when."""
    rows: list[tuple[str, str, str | None, date | None]] = []
    objectives = truth.visible("objectives").set_index("objective_id").owner
    key_results = truth.visible("key_results")
    for one in key_results[key_results.owner.isna()].itertuples():
        rows.append(
            ("key_result_without_owner", one.key_result_id, objectives[one.objective_id], one.starts_on)
        )
    states = mart_impact__key_results(truth).set_index("key_result_id")
    for one in key_results.itertuples():
        state = states.loc[one.key_result_id]
        if state.status == "running" and pd.isna(state.progress_ratio):
            rows.append(("key_result_without_value", one.key_result_id, _or_none(one.owner), one.starts_on))
    decisions = truth.visible("decisions")
    for one in decisions.itertuples():
        if pd.notna(one.review_on) and one.review_on < truth.today:
            rows.append(("decision_past_review", one.decision_id, one.decider, one.review_on))
    for path in sorted((truth.company / "themes").glob("*.yml")):
        theme = yaml.safe_load(path.read_text(encoding="utf-8"))
        if not theme.get("owner") and theme.get("status", "active") != "retired":
            rows.append(("theme_without_owner", theme["id"], None, None))
    rows += _unmeasured(truth)
    rows += _unmatched(truth)
    entries = truth.yaml("metrics.yml")["metrics"]
    defined = defined_metrics()
    owned = {entry["id"] for entry in entries if entry.get("owner")}
    rows += [("metric_without_owner", metric, None, None) for metric in sorted(defined - owned)]
    named = {entry["id"] for entry in entries} | set(key_results.metric_id)
    named |= set(decisions.expected_metric_id.dropna())
    for value in truth.visible("deliveries").metric_ids:
        named |= set(_parts(value))
    rows += [("metric_without_definition", metric, None, None) for metric in sorted(named - defined)]
    frame = pd.DataFrame(rows, columns=["finding_kind", "subject_id", "owner", "since_on"])
    frame["age_days"] = [None if since is None else (truth.today - since).days for since in frame.since_on]
    return frame


def _unmeasured(truth: Truth) -> list[tuple[str, str, str | None, date | None]]:
    """Deliveries that are out and have no effect told: nobody looked, or nothing could be said.

    A released epic's owner is that of its project's team.
    """
    told: dict[str, set[str]] = defaultdict(set)
    for row in fct_delivery_impact(truth).itertuples():
        told[str(row.delivery_id)].add(str(row.verdict))
    governed = truth.visible("deliveries").set_index("delivery_id").owner
    teams = {row["source_key"]: row["owner"] for row in truth.csv("teams.csv") if row["source"] == "jira"}
    keys = truth.visible("projects").set_index("project_id").key
    project = issue_states(truth).set_index("issue_id").project_id
    rows: list[tuple[str, str, str | None, date | None]] = []
    for one in dim_deliveries(truth).itertuples():
        if pd.isna(one.released_at) or one.released_at > truth.now:
            continue
        verdicts = told[one.delivery_id]
        if verdicts == {"not_measurable"}:
            kind = "delivery_not_measurable"
        elif pd.isna(one.metric_ids) and verdicts <= {"too_early"}:
            kind = "delivery_never_measured"
        else:
            continue
        owner = governed.get(one.delivery_id)
        if owner is None or pd.isna(owner):
            owner = teams.get(keys[project[int(one.epic_work_item_id.split(":")[1])]])
        rows.append((kind, one.delivery_id, owner, truth.local_day(one.released_at)))
    return rows


def _unmatched(truth: Truth) -> list[tuple[str, str, str | None, date | None]]:
    """Zendesk's organisations (900,000,000 + account) that no rung of the ladder ties to an account."""
    found = ladder(truth)
    return [
        (
            "organization_without_account",
            f"zendesk:{900_000_000 + number}",
            None,
            truth.local_day(found.created[number]),
        )
        for number, match in found.organizations.items()
        if match.account is None
    ]


@remembered
def mart_governance__reconciliation(truth: Truth) -> pd.DataFrame:
    """Our figures beside Zendesk's rules: whole minutes, and a status counts once it is left."""
    tickets = fct_tickets(truth)
    changes = truth.changes("tickets")
    moves = changes[changes.field == "status"].sort_values("changed_at").groupby("ticket_id")
    last_moves = moves.tail(1).set_index("ticket_id")
    first = truth.visible("tickets").set_index("ticket_id").status
    reopenings: dict[int, int] = {}
    for ticket, mine in moves:
        statuses = [first[ticket], *mine.to_value]
        reopenings[int(ticket)] = sum(
            before in RESOLVED and after not in RESOLVED for before, after in pairwise(statuses)
        )
    rows = []
    for one in tickets.itertuples():
        ticket = int(one.ticket_id.split(":")[1])
        has_moved = ticket in last_moves.index
        since = last_moves.changed_at[ticket] if has_moved else one.created_at
        running = (truth.now - since).total_seconds() / 60
        is_open = pd.isna(one.solved_at)
        waits = running if one.status in ("new", "open", "hold") else 0.0
        holds = running if one.status == "hold" else 0.0
        ours = {
            "reopen_count": float(one.reopen_count),
            "agent_reply_count": float(one.agent_reply_count),
            "first_reply_minutes": one.first_reply_minutes,
            "first_resolution_minutes": one.first_resolution_minutes,
            "full_resolution_minutes": one.full_resolution_minutes,
            "requester_wait_minutes": one.requester_wait_minutes,
            "on_hold_minutes": one.on_hold_minutes,
        }
        theirs = ours | {
            "reopen_count": float(reopenings.get(ticket, 0)),
            "requester_wait_minutes": one.requester_wait_minutes - waits if has_moved else None,
            "on_hold_minutes": one.on_hold_minutes - holds if has_moved else None,
        }
        for measure, our_value in ours.items():
            vendor = theirs[measure]
            vendor = None if vendor is None or pd.isna(vendor) else float(math.floor(round(vendor, 6)))
            if vendor is None and pd.isna(our_value):
                continue
            both = vendor is not None and pd.notna(our_value)
            difference = our_value - vendor if both else None
            if difference is not None and abs(difference) < 1e-6:
                kind = "equal"
            elif difference is not None and measure.endswith("minutes") and abs(difference) < 1:
                kind = "rounding"
            else:
                kind = "still_running" if is_open else "unexplained"
            rows.append(
                {
                    "measure": measure,
                    "ticket_id": one.ticket_id,
                    "vendor_value": vendor,
                    "our_value": our_value,
                    "difference": difference,
                    "difference_kind": kind,
                    "ticket_count": 1,
                }
            )
    frame = pd.DataFrame(rows)
    summed = [
        {
            "measure": measure,
            "ticket_id": "all",
            "vendor_value": mine[mine.difference.notna()].vendor_value.mean(),
            "our_value": mine[mine.difference.notna()].our_value.mean(),
            "difference": mine.difference.mean(),
            "difference_kind": next(
                kind
                for kind in ("unexplained", "still_running", "rounding", "equal")
                if (mine.difference_kind == kind).any()
            ),
            "ticket_count": len(mine),
        }
        for measure, mine in frame.groupby("measure")
    ]
    return pd.concat([frame, pd.DataFrame(summed)], ignore_index=True)
