"""The truth of delivery: work items, their status spans, sprints, releases and deliveries."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta
from typing import Any

import pandas as pd

from tests.truth.base import Truth, remembered, rows_by

CATEGORY = {"new": "to_do", "indeterminate": "in_progress", "done": "done"}
LEVEL = {2: "initiative", 1: "epic", 0: "standard", -1: "sub_task"}


@remembered
def issue_states(truth: Truth) -> pd.DataFrame:
    issues = truth.state("issues")
    issues = issues[~issues.is_deleted.astype(bool)].copy()
    levels = truth.visible("issue_types").set_index("issue_type_id").hierarchy_level
    issues["level"] = issues.issue_type_id.map(levels).map(LEVEL)
    return issues


def _kinds(truth: Truth) -> dict[tuple[str, str], str]:
    return {
        (row["status"].casefold(), row.get("project_key") or ""): row["kind"]
        for row in truth.csv("statuses.csv")
        if row.get("kind")
    }


@remembered
def status_spans(truth: Truth) -> pd.DataFrame:
    issues = issue_states(truth)
    alive = set(issues.issue_id.astype(int))
    created = rows_by(truth.visible("issues"), "issue_id")
    changes = truth.changes("issues")
    by_issue = rows_by(changes[(changes.field == "status_id") & changes.issue_id.isin(alive)], "issue_id")
    statuses = {row.status_id: row for row in truth.state("statuses").itertuples()}
    kinds = _kinds(truth)
    projects = truth.visible("projects").set_index("project_id").key.to_dict()
    project_of = issues.set_index("issue_id").project_id.to_dict()
    rows = []
    for issue in sorted(alive):
        first = created[issue][0]
        mine = by_issue.get(issue)
        timeline: list[tuple[Any, int, str | None]] = []
        if mine is None:
            timeline.append((first.created_at, int(first.status_id), None))
        else:
            timeline.append((first.created_at, int(mine[0].from_value), mine[0].from_label))
            timeline += [(move.changed_at, int(move.to_value), move.to_label) for move in mine]
        for position, (start, status, label) in enumerate(timeline):
            is_current = position == len(timeline) - 1
            end = None if is_current else timeline[position + 1][0]
            name = label if label is not None else statuses[status].name
            category = CATEGORY[statuses[status].category]
            key = projects[project_of[issue]]
            kind = kinds.get((name.casefold(), key)) or kinds.get((name.casefold(), ""))
            default = {"to_do": "queue", "in_progress": "active", "done": "done"}[category]
            until = truth.now if is_current else end
            rows.append(
                {
                    "issue_id": issue,
                    "work_item_id": f"jira:{issue}",
                    "span_number": position + 1,
                    "status_id": f"jira:{status}",
                    "status_name": name,
                    "status_category": category,
                    "status_kind": "done" if category == "done" else kind or default,
                    "started_at": start,
                    "ended_at": end,
                    "duration_hours": None
                    if is_current and category == "done"
                    else (until - start).total_seconds() / 3600,
                    "is_first": position == 0,
                    "is_current": is_current,
                }
            )
    frame = pd.DataFrame(rows)
    for column in ("started_at", "ended_at"):
        frame[column] = pd.to_datetime(frame[column])
    return frame


@remembered
def fct_status_spans(truth: Truth) -> pd.DataFrame:
    return status_spans(truth).drop(columns=["issue_id"])


@remembered
def days_worked(truth: Truth) -> dict[tuple[int, date], set[int]]:
    """(staff_id, working day) -> issue_ids of the items that were active in that person's hands."""
    spans = status_spans(truth)
    issues = issue_states(truth)
    counted = set(issues[issues.level.isin(["standard", "sub_task"])].issue_id.astype(int))
    created = rows_by(truth.visible("issues"), "issue_id")
    changes = truth.changes("issues")
    handed = rows_by(changes[changes.field == "assignee_staff_id"], "issue_id")
    worked: dict[tuple[int, date], set[int]] = defaultdict(set)
    active = spans[
        (spans.status_category == "in_progress")
        & (spans.status_kind == "active")
        & spans.issue_id.isin(counted)
    ]
    for span in active.itertuples():
        span_end = truth.now if pd.isna(span.ended_at) else span.ended_at
        first = created[span.issue_id][0]
        holders = [(first.created_at, first.assignee_staff_id)]
        if moves := handed.get(span.issue_id):
            holders[0] = (first.created_at, moves[0].from_value)
            holders += [(move.changed_at, move.to_value) for move in moves]
        for position, (since, person) in enumerate(holders):
            if person is None or pd.isna(person):
                continue
            until = holders[position + 1][0] if position + 1 < len(holders) else truth.now
            start, end = max(since, span.started_at), min(until, span_end)
            if start >= end:
                continue
            day, last = truth.local_day(start), truth.local_day(end - pd.Timedelta(microseconds=1))
            while day <= last:
                if truth.is_working_day(day):
                    worked[(int(person), day)].add(span.issue_id)
                day += timedelta(days=1)
    return worked


def people_days(truth: Truth) -> dict[int, float]:
    """issue_id -> people-days: a person's working day split evenly over the items active in their hands."""
    totals: dict[int, float] = defaultdict(float)
    for items in days_worked(truth).values():
        for item in items:
            totals[item] += 1 / len(items)
    return totals


def _ancestors(parents: dict[int, int | None], issue: int) -> list[int]:
    chain, parent = [], parents.get(issue)
    while parent is not None and parent not in chain:
        chain.append(parent)
        parent = parents.get(parent)
    return chain


def parents_of(issues: pd.DataFrame) -> dict[int, int | None]:
    alive = set(issues.issue_id.astype(int))
    return {
        int(issue): int(parent) if pd.notna(parent) and int(parent) in alive else None
        for issue, parent in zip(issues.issue_id, issues.parent_issue_id, strict=True)
    }


@remembered
def released_epics(truth: Truth) -> pd.DataFrame:
    issues = issue_states(truth)
    statuses = truth.state("statuses").set_index("status_id").category
    governed = set(truth.visible("deliveries").epic_issue_id.dropna().astype(int))
    done = issues.status_id.astype(int).map(statuses) == "done"
    return issues[
        (issues.level == "epic") & done & (issues.resolution != "Won't Do") & ~issues.issue_id.isin(governed)
    ]


@remembered
def delivery_of(truth: Truth) -> dict[int, str]:
    """issue_id -> delivery_id: the nearest ancestor (or itself) that a delivery names or has as its epic."""
    issues = issue_states(truth)
    deliveries = truth.visible("deliveries")
    epics = {
        int(epic): slug
        for slug, epic in zip(deliveries.delivery_id, deliveries.epic_issue_id, strict=True)
        if pd.notna(epic)
    }
    for epic in released_epics(truth).issue_id.astype(int):
        epics[epic] = f"jira:{epic}"
    by_key = dict(zip(issues.key, issues.issue_id.astype(int), strict=True))
    for entry in truth.yaml("deliveries.yml")["deliveries"]:
        epics |= {by_key[key]: entry["id"] for key in entry.get("issues") or [] if key in by_key}
    parents = parents_of(issues)
    result = {}
    for issue in issues.issue_id.astype(int):
        for candidate in (issue, *_ancestors(parents, issue)):
            if candidate in epics:
                result[issue] = epics[candidate]
                break
    return result


@remembered
def fct_work_items(truth: Truth) -> pd.DataFrame:
    issues = issue_states(truth)
    states = {row.issue_id: row for row in issues.itertuples()}
    days = people_days(truth)
    flags = flagged_times(truth)
    parents = parents_of(issues)
    deliveries = delivery_of(truth)
    projects = truth.visible("projects").set_index("project_id").key.to_dict()
    teams = {row["source_key"]: row["team_id"] for row in truth.csv("teams.csv") if row["source"] == "jira"}
    changes = truth.changes("issues")
    resolved = (
        changes[(changes.field == "resolution") & changes.to_value.notna()]
        .groupby("issue_id")
        .changed_at.max()
    )
    types = truth.visible("issue_types").set_index("issue_type_id").name.to_dict()
    rows = []
    for issue, mine in rows_by(status_spans(truth), "issue_id").items():
        state = states[issue]
        done_at = started_at = None
        reopened = 0
        previous = None
        for span in mine:
            if span.status_category == "in_progress" and started_at is None:
                started_at = span.started_at
            if span.status_category == "done" and previous != "done":
                done_at = span.started_at
            if span.status_category != "done":
                if previous == "done":
                    reopened += 1
                done_at = None
            previous = span.status_category
        current = mine[-1]
        hours = _hours(truth, mine, started_at, flags.get(int(issue), []))
        key = projects[state.project_id]
        chain = _ancestors(parents, int(issue))
        epics = [candidate for candidate in (int(issue), *chain) if states[candidate].level == "epic"]
        resolved_at = resolved.get(issue) if pd.notna(state.resolution) else None
        rows.append(
            {
                "work_item_id": f"jira:{issue}",
                "work_item_key": state.key,
                "project_key": key,
                "team_id": teams.get(key),
                "work_item_type": types[state.issue_type_id],
                "work_item_level": state.level,
                "parent_work_item_id": f"jira:{parents[int(issue)]}" if parents[int(issue)] else None,
                "epic_work_item_id": f"jira:{epics[0]}" if epics else None,
                "delivery_id": deliveries.get(int(issue)),
                "status_category": current.status_category,
                "resolution": state.resolution,
                "priority": state.priority,
                "story_points": state.story_points,
                "created_at": state.created_at,
                "started_at": started_at,
                "done_at": done_at,
                "resolved_at": resolved_at,
                "reopened_count": reopened,
                "is_flagged": bool(state.is_flagged),
                "has_status_conflict": (current.status_category == "done") != pd.notna(state.resolution),
                "people_days": days.get(int(issue), 0.0),
                **hours,
                "wip_age_days": (truth.now - started_at).total_seconds() / 86400
                if current.status_category == "in_progress"
                else None,
            }
        )
    frame = pd.DataFrame(rows)
    for column in ("created_at", "started_at", "done_at", "resolved_at"):
        frame[column] = pd.to_datetime(frame[column])
    frame["created_on"] = truth.local_date(frame.created_at)
    frame["done_on"] = truth.local_date(frame.done_at)
    frame["lead_time_days"] = _days(frame.created_at, frame.done_at)
    frame["lead_time_by_resolution_days"] = _days(frame.created_at, frame.resolved_at)
    frame["cycle_time_days"] = _days(frame.started_at, frame.done_at)
    frame["lead_time_working_days"] = _working_days(truth, frame.created_at, frame.done_at)
    frame["cycle_time_working_days"] = _working_days(truth, frame.started_at, frame.done_at)
    return frame


@remembered
def flagged_times(truth: Truth) -> dict[int, list[tuple[pd.Timestamp, pd.Timestamp]]]:
    """issue_id -> when it was flagged, from and to (now, while it is)."""
    changes = truth.changes("issues")
    moves = rows_by(changes[changes.field == "is_flagged"], "issue_id")
    result = {}
    for created in truth.visible("issues").itertuples():
        issue: Any = created.issue_id
        timeline = [(created.created_at, str(bool(created.is_flagged)).lower())]
        timeline += [(move.changed_at, move.to_value) for move in moves.get(issue, [])]
        ends = [moment for moment, _ in timeline[1:]] + [truth.now]
        times = [(start, end) for (start, value), end in zip(timeline, ends, strict=True) if value == "true"]
        if times:
            result[int(issue)] = times
    return result


def _hours(
    truth: Truth,
    spans: list[Any],
    started_at: pd.Timestamp | None,
    flags: list[tuple[pd.Timestamp, pd.Timestamp]],
) -> dict[str, float | None]:
    """Where an item's hours went, by the kind of its statuses, and how long it was blocked."""
    spent: dict[tuple[str, bool], float] = defaultdict(float)
    blocked = 0.0
    for span in spans:
        if span.status_category == "done":
            continue
        end = truth.now if pd.isna(span.ended_at) else span.ended_at
        has_begun = started_at is not None and span.started_at >= started_at
        spent[(span.status_kind, has_begun)] += (end - span.started_at).total_seconds() / 3600
        if span.status_kind == "blocked":
            blocked += (end - span.started_at).total_seconds() / 3600
        else:
            for flagged_at, cleared_at in flags:
                overlap = min(end, cleared_at) - max(span.started_at, flagged_at)
                blocked += max(overlap.total_seconds(), 0.0) / 3600

    def total(kinds: tuple[str, ...], begun: tuple[bool, ...]) -> float:
        return sum(spent[(kind, flag)] for kind in kinds for flag in begun)

    active, waiting = total(("active",), (True, False)), total(("queue", "blocked"), (True, False))
    begun, paused = total(("active",), (True,)), total(("queue", "blocked"), (True,))
    return {
        "active_hours": active,
        "waiting_hours": waiting,
        "flow_efficiency_ratio": active / (active + waiting) if active + waiting else None,
        "cycle_flow_efficiency_ratio": begun / (begun + paused) if begun + paused else None,
        "blocked_hours": blocked,
    }


def _days(start: pd.Series, end: pd.Series) -> pd.Series:
    return (end - start).dt.total_seconds() / 86400


def _working_days(truth: Truth, start: pd.Series, end: pd.Series) -> list[int | None]:
    index = truth.working_day_index
    return [
        index[truth.local_day(b)] - index[truth.local_day(a)] if pd.notna(a) and pd.notna(b) else None
        for a, b in zip(start, end, strict=True)
    ]


def _members(value: object) -> set[int]:
    return (
        {int(part) for part in str(value).split(";") if part}
        if value is not None and pd.notna(value)
        else set()
    )


class _History:
    """The value of one field of every issue at any moment."""

    def __init__(self, truth: Truth, field: str) -> None:
        self.initial = truth.visible("issues").set_index("issue_id")[field]
        changes = truth.changes("issues")
        self.moves = {
            int(issue): list(zip(moves.changed_at, moves.to_value, strict=True))
            for issue, moves in changes[changes.field == field].groupby("issue_id")
        }

    def at(self, issue: int, moment: pd.Timestamp) -> Any:
        value = self.initial[issue]
        for changed_at, changed_to in self.moves.get(issue, []):
            if changed_at > moment:
                break
            value = changed_to
        return value

    def between(self, issue: int, start: pd.Timestamp, end: pd.Timestamp) -> list[tuple[pd.Timestamp, Any]]:
        return [move for move in self.moves.get(issue, []) if start < move[0] <= end]


@remembered
def fct_sprint_items(truth: Truth) -> pd.DataFrame:
    issues = issue_states(truth)
    issues = issues[issues.level != "sub_task"]
    created = issues.set_index("issue_id").created_at
    membership, points = _History(truth, "sprint_ids"), _History(truth, "story_points")
    statuses = _History(truth, "status_id")
    category = truth.state("statuses").set_index("status_id").category
    ever: dict[int, set[int]] = defaultdict(set)
    for issue in issues.issue_id.astype(int):
        values = [membership.initial[issue], *(value for _, value in membership.moves.get(issue, []))]
        for sprint in set().union(*(_members(value) for value in values)):
            ever[sprint].add(issue)
    sprints = truth.visible("sprints")
    rows = []
    for sprint in sprints[sprints.starts_at <= truth.now].itertuples():
        is_closed = pd.notna(sprint.completes_at) and sprint.completes_at <= truth.now
        end = sprint.completes_at if is_closed else truth.now
        for issue in sorted(ever[sprint.sprint_id]):
            born = created[issue]
            if born > end:
                continue
            committed = born <= sprint.starts_at and sprint.sprint_id in _members(
                membership.at(issue, sprint.starts_at)
            )
            inside = committed
            added_at = None
            removed_at = None
            if (
                not committed
                and born > sprint.starts_at
                and sprint.sprint_id in _members(membership.initial[issue])
            ):
                inside, added_at = True, born
            was_in = inside
            for moment, value in membership.between(issue, max(sprint.starts_at, born), end):
                now_inside = sprint.sprint_id in _members(value)
                if now_inside and not inside:
                    removed_at = None
                    if not was_in:
                        added_at = moment
                if inside and not now_inside:
                    removed_at = moment
                inside = now_inside
                was_in = was_in or inside
            if not was_in:
                continue
            done = inside and category[int(statuses.at(issue, end))] == "done"
            entered = sprint.starts_at if committed else added_at
            rows.append(
                {
                    "sprint_id": f"jira:{sprint.sprint_id}",
                    "work_item_id": f"jira:{issue}",
                    "was_committed": committed,
                    "was_added_after_start": not committed,
                    "was_removed_after_start": not inside,
                    "removed_at": removed_at,
                    "was_completed": done,
                    "was_carried_over": bool(is_closed and inside and not done),
                    "points_at_start": _number(points.at(issue, entered)),
                    "points_at_end": _number(points.at(issue, end)),
                }
            )
    frame = pd.DataFrame(rows)
    frame["removed_at"] = pd.to_datetime(frame.removed_at)
    return frame


def _number(value: object) -> float | None:
    return None if value is None or pd.isna(value) else float(value)  # type: ignore[arg-type]


@remembered
def fct_sprints(truth: Truth) -> pd.DataFrame:
    items = fct_sprint_items(truth)
    sprints = truth.visible("sprints")
    rows = []
    for sprint in sprints[sprints.starts_at <= truth.now].itertuples():
        mine = items[items.sprint_id == f"jira:{sprint.sprint_id}"]
        is_closed = pd.notna(sprint.completes_at) and sprint.completes_at <= truth.now
        row: dict[str, Any] = {
            "sprint_id": f"jira:{sprint.sprint_id}",
            "state": "closed" if is_closed else "active",
            "started_at": sprint.starts_at,
            "planned_end_at": sprint.ends_at,
            "completed_at": sprint.completes_at if is_closed else None,
        }
        for name, flag, column in (
            ("committed", "was_committed", "points_at_start"),
            ("added", "was_added_after_start", "points_at_start"),
            ("removed", "was_removed_after_start", "points_at_end"),
            ("completed", "was_completed", "points_at_end"),
            ("carried_over", "was_carried_over", "points_at_end"),
        ):
            chosen = mine[mine[flag].astype(bool)]
            row[f"{name}_item_count"] = len(chosen)
            row[f"{name}_points"] = float(chosen[column].astype(float).sum())
        both = mine[mine.was_committed.astype(bool) & mine.was_completed.astype(bool)]
        row["planning_accuracy_ratio"] = (
            len(both) / row["committed_item_count"] if row["committed_item_count"] else None
        )
        row["capacity_accuracy_ratio"] = (
            row["completed_points"] / row["committed_points"] if row["committed_points"] else None
        )
        rows.append(row)
    frame = pd.DataFrame(rows)
    for column in ("started_at", "planned_end_at", "completed_at"):
        frame[column] = pd.to_datetime(frame[column])
    frame["completed_on"] = truth.local_date(frame.completed_at)
    return frame


@remembered
def fct_releases(truth: Truth) -> pd.DataFrame:
    versions = truth.visible("versions")
    issues = issue_states(truth)
    spans = status_spans(truth)
    done = set(spans[spans.is_current & (spans.status_category == "done")].issue_id)
    held: dict[int, list[int]] = defaultdict(list)
    for issue, value in zip(issues.issue_id.astype(int), issues.fix_version_ids, strict=True):
        for version in _members(value):
            held[version].append(issue)
    projects = truth.visible("projects").set_index("project_id").key
    return pd.DataFrame(
        [
            {
                "release_id": f"jira:{version.version_id}",
                "release_name": version.name,
                "project_key": projects[version.project_id],
                "is_released": pd.notna(version.released_at) and version.released_at <= truth.now,
                "work_item_count": len(held[int(version.version_id)]),
                "done_work_item_count": sum(issue in done for issue in held[int(version.version_id)]),
            }
            for version in versions.itertuples()
        ]
    )


@remembered
def dim_deliveries(truth: Truth) -> pd.DataFrame:
    items = fct_work_items(truth)
    by_delivery = dict(iter(items.groupby("delivery_id")))
    versions = truth.visible("versions").set_index("version_id")
    issues = issue_states(truth).set_index("issue_id")
    rows = []
    for delivery in truth.visible("deliveries").itertuples():
        released = delivery.released_at
        rows.append(
            {
                "delivery_id": delivery.delivery_id,
                "delivery_name": delivery.name,
                "origin": "governed",
                "epic_work_item_id": f"jira:{int(delivery.epic_issue_id)}"
                if pd.notna(delivery.epic_issue_id) and int(delivery.epic_issue_id) in issues.index
                else None,
                "epic_key": issues.key[int(delivery.epic_issue_id)]
                if pd.notna(delivery.epic_issue_id) and int(delivery.epic_issue_id) in issues.index
                else None,
                "rollout": delivery.rollout,
                "theme_id": delivery.theme_id if pd.notna(delivery.theme_id) else None,
                "released_at": released,
                "metric_ids": _sorted_list(delivery.metric_ids),
                "key_result_ids": _sorted_list(delivery.key_result_ids),
                "has_adopter_list": bool(delivery.has_adopter_list),
            }
        )
    done_since = items.set_index("work_item_id").done_at
    for epic in released_epics(truth).itertuples():
        shipped = [
            versions.released_at[version]
            for version in _members(epic.fix_version_ids)
            if pd.notna(versions.released_at[version]) and versions.released_at[version] <= truth.now
        ]
        rows.append(
            {
                "delivery_id": f"jira:{epic.issue_id}",
                "delivery_name": epic.key,
                "origin": "released_epic",
                "epic_work_item_id": f"jira:{epic.issue_id}",
                "epic_key": epic.key,
                "rollout": None,
                "theme_id": None,
                "released_at": _day_of(truth, min(shipped))
                if shipped
                else done_since[f"jira:{epic.issue_id}"],
                "metric_ids": None,
                "key_result_ids": None,
                "has_adopter_list": False,
            }
        )
    frame = pd.DataFrame(rows)
    frame["released_at"] = pd.to_datetime(frame.released_at)
    frame["released_on"] = truth.local_date(frame.released_at)
    empty = items.head(0)
    for name, of in (
        ("work_item_count", lambda mine: len(mine)),
        ("done_work_item_count", lambda mine: int((mine.status_category == "done").sum())),
        ("people_days", lambda mine: float(mine.people_days.sum())),
    ):
        frame[name] = [of(by_delivery.get(delivery, empty)) for delivery in frame.delivery_id]
    return frame


def _day_of(truth: Truth, moment: pd.Timestamp) -> pd.Timestamp:
    """The start of the company's day, which is all that a version's date says."""
    return pd.Timestamp(truth.local_day(moment)).tz_localize(truth.zone).tz_convert("UTC").tz_localize(None)


def _sorted_list(value: object) -> str | None:
    return (
        ",".join(sorted(part for part in str(value).split(";") if part)) or None if pd.notna(value) else None
    )


@remembered
def traceability(truth: Truth) -> pd.DataFrame:
    """One row per epic or initiative that is not cancelled, with its evidence."""
    from tests.truth.support import ticket_accounts
    from tests.truth.themes import counted_theme, fct_feedback_themes, taxonomy

    items = fct_work_items(truth)
    said = fct_feedback_themes(truth).sort_values(["occurred_at", "feedback_id"])
    taxa = taxonomy(truth)
    governed = truth.visible("deliveries").set_index("delivery_id").theme_id.dropna()
    answers = {slug: counted_theme(taxa, theme) for slug, theme in governed.items()}
    delivery_by_issue = delivery_of(truth)
    levels = dict(zip(items.work_item_id, items.work_item_level, strict=True))
    issues = issue_states(truth)
    parents = parents_of(issues)
    tickets = ticket_accounts(truth).set_index("ticket_id").account_id
    links = truth.visible("ticket_issue_links")
    below: dict[int, set[int]] = defaultdict(set)
    for issue in issues.issue_id.astype(int):
        for candidate in (issue, *_ancestors(parents, issue)):
            below[candidate].add(issue)
    linked: dict[int, list[tuple[int, Any]]] = defaultdict(list)
    for link in links.itertuples():
        if int(link.ticket_id) in tickets.index:
            linked[int(link.issue_id)].append((int(link.ticket_id), link.created_at))
    days = items.set_index("work_item_id").people_days
    rows = []
    for item in items[items.work_item_level.isin(["epic", "initiative"])].itertuples():
        if item.resolution == "Won't Do":
            continue
        issue = int(item.work_item_id.split(":")[1])
        mine = {
            ticket
            for child in below[issue]
            for ticket, linked_at in linked[child]
            if pd.isna(item.done_at) or linked_at <= item.done_at
        }
        accounts = {tickets[ticket] for ticket in mine if pd.notna(tickets[ticket])}
        themes = {
            answers[delivery_by_issue[child]]
            for child in below[issue]
            if levels[f"jira:{child}"] in ("epic", "initiative")
            and answers.get(delivery_by_issue.get(child, "")) is not None
        }
        heard = said[said.theme_id.isin(themes)]
        heard = heard[heard.occurred_at <= item.done_at] if pd.notna(item.done_at) else heard
        voices = heard[heard.account_id.notna()].drop_duplicates("account_id", keep="last")
        rows.append(
            {
                "work_item_id": item.work_item_id,
                "work_item_level": item.work_item_level,
                "status": {"to_do": "planned", "in_progress": "in_progress", "done": "delivered"}[
                    item.status_category
                ],
                "feedback_count": len(mine),
                "feedback_account_count": len(accounts),
                "theme_ids": ",".join(sorted(str(theme) for theme in themes)) or None,
                "theme_feedback_count": heard.feedback_id.nunique(),
                "theme_account_count": len(voices),
                "theme_arr_amount": float(voices.arr_amount.astype(float).sum()),
                "people_days": float(sum(days[f"jira:{child}"] for child in below[issue])),
            }
        )
    return pd.DataFrame(rows)
