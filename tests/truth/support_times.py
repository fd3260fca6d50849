"""The truth of how support performs: waits in calendar and business time, backlog, contacts."""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from tests.truth.base import Truth, remembered, rows_by
from tests.truth.support import RESOLVED, fct_tickets, ticket_accounts
from tests.truth.usage import mart_metric__active_daily

KINDS = ("first_reply", "next_reply", "first_resolution", "full_resolution", "requester_wait")
PROMISED = ("first_reply", "next_reply", "full_resolution")
WAITING = frozenset({"new", "open", "hold"})


class Schedule:
    """One calendar of calendars.yml: the opening of each local day, and the seconds of it in a stretch."""

    def __init__(self, spec: dict, years: range) -> None:
        import holidays as holiday_calendars

        self.zone = ZoneInfo(spec["time_zone"])
        self.hours = spec.get("work_hours") or []
        self.closed = {entry["on"] for entry in spec.get("extra_holidays") or []}
        if spec.get("country"):
            self.closed |= set(
                holiday_calendars.country_holidays(
                    spec["country"], subdiv=spec.get("subdivision"), years=years
                )
            )
        self.opening: dict[date, list[tuple[datetime, datetime]]] = {}

    def open_on(self, day: date) -> list[tuple[datetime, datetime]]:
        if day not in self.opening:
            self.opening[day] = self._open_on(day)
        return self.opening[day]

    def _open_on(self, day: date) -> list[tuple[datetime, datetime]]:
        if day in self.closed:
            return []
        minutes: set[int] = set()
        for hours in self.hours:
            since, until = hours.get("valid_from") or date.min, hours.get("valid_to") or date.max
            if day.isoweekday() in hours["weekdays"] and since <= day < until:
                start, end = (
                    int(text.split(":")[0]) * 60 + int(text.split(":")[1])
                    for text in (hours["from"], hours["to"])
                )
                minutes |= set(range(start, end))
        edges = sorted(minutes)
        starts = [minute for minute in edges if minute - 1 not in minutes]
        ends = [minute + 1 for minute in edges if minute + 1 not in minutes]
        return [(self._utc(day, start), self._utc(day, end)) for start, end in zip(starts, ends, strict=True)]

    def _utc(self, day: date, minute: int) -> datetime:
        local = datetime.combine(day, time()) + timedelta(minutes=minute)
        return local.replace(tzinfo=self.zone).astimezone(ZoneInfo("UTC")).replace(tzinfo=None)

    def seconds(self, start: pd.Timestamp, end: pd.Timestamp) -> float:
        day = start.tz_localize("UTC").tz_convert(self.zone).date()
        last = end.tz_localize("UTC").tz_convert(self.zone).date()
        total = 0.0
        while day <= last:
            for opens, closes in self.open_on(day):
                total += max((min(end, closes) - max(start, opens)).total_seconds(), 0.0)
            day += timedelta(days=1)
        return total

    def after(self, start: pd.Timestamp, seconds: float) -> pd.Timestamp:
        """The first moment by which that many seconds of opening have passed."""
        day, left = start.tz_localize("UTC").tz_convert(self.zone).date(), seconds
        for _ in range(4000):
            for opens, closes in self.open_on(day):
                here = max(start, pd.Timestamp(opens))
                passed = max((pd.Timestamp(closes) - here).total_seconds(), 0.0)
                if passed >= left:
                    return here + pd.Timedelta(seconds=left)
                left -= passed
            day += timedelta(days=1)
        raise AssertionError("a calendar that is never open")


def _schedules(truth: Truth) -> dict[str, Schedule]:
    specs = truth.yaml("calendars.yml")["calendars"]
    return {spec["id"]: Schedule(spec, range(2018, 2032)) for spec in specs if spec.get("work_hours")}


@remembered
def _team_moves(truth: Truth) -> pd.Series:
    """Ticket (world id) to its list of (since, governed team or None)."""
    governed = {
        row["source_key"]: row["team_id"] for row in truth.csv("teams.csv") if row["source"] == "zendesk"
    }
    names = truth.visible("teams").set_index("team_id").name
    initial = truth.visible("tickets").set_index("ticket_id")
    moves = {
        int(ticket): [(row.created_at, _team(row.group_team_id, names, governed))]
        for ticket, row in initial.iterrows()
    }
    changes = truth.changes("tickets")
    for row in changes[changes.field == "group_team_id"].itertuples():
        moves[int(row.ticket_id)].append((row.changed_at, _team(row.to_value, names, governed)))
    return pd.Series(moves)


def _team(team: object, names: pd.Series, governed: dict[str, str]) -> str | None:
    return governed.get(str(names.get(int(float(str(team)))))) if pd.notna(team) else None


def _team_at(moves: list[tuple[pd.Timestamp, str | None]], moment: pd.Timestamp) -> str | None:
    return [team for since, team in moves if since <= moment][-1]


@remembered
def _timelines(truth: Truth) -> pd.Series:
    """Ticket to its list of (status, start, end); the last ends now."""
    initial = rows_by(truth.visible("tickets"), "ticket_id")
    changes = truth.changes("tickets")
    moves = rows_by(changes[changes.field == "status"], "ticket_id")
    found = {}
    for ticket in ticket_accounts(truth).ticket_id:
        moments = [(initial[ticket][0].created_at, initial[ticket][0].status)]
        moments += [(move.changed_at, move.to_value) for move in moves.get(ticket, [])]
        ends = [start for start, _ in moments[1:]] + [truth.now]
        found[int(ticket)] = [
            (status, start, end) for (start, status), end in zip(moments, ends, strict=True)
        ]
    return pd.Series(found)


@remembered
def waits(truth: Truth) -> pd.DataFrame:
    """Waits of tickets (world ids) in calendar and business minutes; is_over: solved, or answered."""
    comments = truth.visible("ticket_comments").sort_values(["created_at", "comment_id"])
    comments = comments[comments.is_public.astype(bool) & ~comments.is_auto_reply.astype(bool)]
    comments = comments[comments.author_kind.isin(["person", "staff"])]
    said = rows_by(comments, "ticket_id")
    tickets = ticket_accounts(truth).set_index("ticket_id")
    schedules, teams = _schedules(truth), _team_moves(truth)
    rows: list[tuple] = []
    for ticket, timeline in _timelines(truth).items():
        created = tickets.created_at[ticket]
        found: list[tuple[str, list[tuple[pd.Timestamp, pd.Timestamp]], pd.Timestamp]] = []
        asked_at, replied = None, False
        for comment in said.get(ticket, []):
            if comment.author_kind == "person":
                if replied and asked_at is None:
                    asked_at = comment.created_at
            elif not replied:
                found.append(("first_reply", [(created, comment.created_at)], comment.created_at))
                replied = True
            elif asked_at is not None:
                found.append(("next_reply", [(asked_at, comment.created_at)], comment.created_at))
                asked_at = None
        entries = [
            start
            for position, (status, start, _) in enumerate(timeline)
            if status in RESOLVED and (not position or timeline[position - 1][0] not in RESOLVED)
        ]
        if entries:
            found.append(("first_resolution", [(created, entries[0])], entries[0]))
        if timeline[-1][0] in RESOLVED:
            found.append(("full_resolution", [(created, entries[-1])], entries[-1]))
        is_solved = timeline[-1][0] in RESOLVED
        stays = [(start, end) for status, start, end in timeline if status in WAITING]
        if stays:
            found.append(("requester_wait", stays, entries[-1] if is_solved else truth.now))
        for kind, stretches, counted_at in found:
            team = _team_at(teams[ticket], counted_at)
            schedule = schedules.get(team or "") or schedules.get("default") or schedules[min(schedules)]
            rows.append(
                (
                    ticket,
                    kind,
                    team,
                    counted_at,
                    sum((end - start).total_seconds() for start, end in stretches) / 60,
                    sum(schedule.seconds(start, end) for start, end in stretches) / 60,
                    is_solved or kind != "requester_wait",
                )
            )
    columns = ["ticket_id", "kind", "team_id", "counted_at", "calendar", "business", "is_over"]
    return pd.DataFrame(rows, columns=columns)


def _promised(rows: list[dict[str, str]], kind: str, priority: object, day: date) -> tuple[int, str] | None:
    """Minutes and kind of time of the target in force for waits that begin on a day."""
    in_force = [
        row
        for row in rows
        if row["metric"] == kind
        and (row.get("valid_from") or "0001-01-01") <= day.isoformat() < (row.get("valid_to") or "9999-12-31")
    ]
    own = [row for row in in_force if row["priority"] and row["priority"] == priority]
    for_all = [row for row in in_force if not row["priority"]]
    if not own + for_all:
        return None
    last = max(own or for_all, key=lambda row: row.get("valid_from") or "")
    return int(last["target_minutes"]), last["time"]


@remembered
def judged(truth: Truth) -> pd.DataFrame:
    """Waits (world ids) that something is promised for: target, is_attained (None: open), when, team."""
    comments = truth.visible("ticket_comments").sort_values(["created_at", "comment_id"])
    comments = comments[comments.is_public.astype(bool) & ~comments.is_auto_reply.astype(bool)]
    comments = comments[comments.author_kind.isin(["person", "staff"])]
    said = rows_by(comments, "ticket_id")
    initial = truth.visible("tickets").set_index("ticket_id")
    changes = truth.changes("tickets")
    raised = changes[changes.field == "priority"].groupby("ticket_id")
    raised = {t: list(zip(m.changed_at, m.to_value, strict=True)) for t, m in raised}
    tickets = ticket_accounts(truth).set_index("ticket_id")
    schedules, teams = _schedules(truth), _team_moves(truth)
    targets = truth.csv("sla_targets.csv")
    rows: list[tuple] = []
    for ticket, timeline in _timelines(truth).items():
        if pd.notna(tickets.merged_into[ticket]):
            continue
        created = tickets.created_at[ticket]
        entries = [
            start
            for position, (status, start, _) in enumerate(timeline)
            if status in RESOLVED and (not position or timeline[position - 1][0] not in RESOLVED)
        ]
        is_solved = timeline[-1][0] in RESOLVED
        end = entries[-1] if is_solved else truth.now
        waited: list[tuple[str, pd.Timestamp, pd.Timestamp, bool]] = []
        asked_at, replied = None, False
        for comment in said.get(ticket, []):
            if comment.author_kind == "person":
                if replied and asked_at is None:
                    asked_at = comment.created_at
            elif not replied:
                waited.append(("first_reply", created, comment.created_at, False))
                replied = True
            elif asked_at is not None:
                waited.append(("next_reply", asked_at, comment.created_at, False))
                asked_at = None
        if not replied:
            waited.append(("first_reply", created, end, not is_solved))
        if asked_at is not None and end > asked_at:
            waited.append(("next_reply", asked_at, end, not is_solved))
        waited.append(("full_resolution", created, end, not is_solved))
        priorities = [(created, initial.priority[ticket]), *raised.get(ticket, [])]
        for kind, start, stop, is_open in waited:
            schedule = schedules.get(_team_at(teams[ticket], stop) or "") or schedules["default"]
            outcome = None
            for number, (since, priority) in enumerate(priorities):
                until = priorities[number + 1][0] if number + 1 < len(priorities) else pd.Timestamp.max
                if until <= start or since > stop or until == since:
                    continue
                promise = _promised(targets, kind, priority, truth.local_day(start))
                if promise is None:
                    outcome = None
                    continue
                minutes, clock = promise
                checked = min(until, stop)
                if clock == "calendar":
                    due = start + pd.Timedelta(minutes=minutes)
                    is_late = checked > due
                else:
                    due = schedule.after(start, minutes * 60)
                    is_late = checked > due and schedule.seconds(due, checked) > 0
                outcome = (minutes, clock, None if is_open else True, None if is_open else stop)
                if is_late:
                    outcome = (minutes, clock, False, max(due, since))
                    break
            if outcome:
                at = outcome[3]
                rows.append((ticket, kind, *outcome, None if at is None else _team_at(teams[ticket], at)))
    columns = ["ticket_id", "kind", "target_minutes", "target_time", "is_attained", "judged_at", "team_id"]
    return pd.DataFrame(rows, columns=columns)


@remembered
def ticket_business_times(truth: Truth) -> pd.DataFrame:
    """The columns of fct_tickets that rest on waits."""
    found = waits(truth)
    tickets = sorted(ticket_accounts(truth).ticket_id.astype(int))
    frame = pd.DataFrame(index=tickets)
    for kind in KINDS:
        of_kind = found[found.kind == kind].groupby("ticket_id")
        if kind == "next_reply":
            frame["next_reply_count"] = of_kind.size().reindex(tickets, fill_value=0)
            frame["next_reply_minutes"] = of_kind.calendar.mean()
            frame["next_reply_business_minutes"] = of_kind.business.mean()
        else:
            frame[f"{kind}_business_minutes"] = of_kind.business.first()
    verdicts = judged(truth)
    for kind in ("first_reply", "full_resolution"):
        mine = verdicts[verdicts.kind == kind].set_index("ticket_id")
        for column in ("target_minutes", "target_time"):
            frame[f"{kind}_{column}"] = mine[column].reindex(tickets)
        frame[f"is_{kind}_attained"] = mine.is_attained.reindex(tickets)
        frame[f"{kind}_missed_at"] = mine.judged_at[mine.is_attained.eq(False)].reindex(tickets)
    later = verdicts[(verdicts.kind == "next_reply") & verdicts.is_attained.notna()].groupby("ticket_id")
    frame["next_reply_judged_count"] = later.size().reindex(tickets, fill_value=0)
    frame["next_reply_attained_count"] = later.is_attained.sum().reindex(tickets, fill_value=0).astype(int)
    frame["ticket_id"] = [f"zendesk:{ticket}" for ticket in tickets]
    return frame.reset_index(drop=True)


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


def _spread(frame: pd.DataFrame) -> pd.DataFrame:
    """Each row in its team and in all, its segment and in all, its day and its week."""
    frame = pd.concat([frame[frame.team_id.notna()], frame.assign(team_id="all")])
    frame = pd.concat([frame[frame.segment.notna()], frame.assign(segment="all")])
    return pd.concat(
        [
            frame.assign(period_unit="day", starts_on=frame.date_on),
            frame.assign(period_unit="week", starts_on=frame.date_on.map(_monday)),
        ],
        ignore_index=True,
    )


CELL = ["period_unit", "starts_on", "team_id", "segment"]


@remembered
def mart_metric__support_performance(truth: Truth) -> pd.DataFrame:
    tickets = fct_tickets(truth)
    tickets["number"] = tickets.ticket_id.str.split(":").str[-1].astype(int)
    by_number = tickets.set_index("number")
    teams = _team_moves(truth)
    created = pd.DataFrame(
        {
            "team_id": [teams[number][0][1] for number in tickets.number],
            "segment": tickets.segment,
            "date_on": truth.local_date(tickets.created_at),
            "of_account": tickets.account_id.notna(),
        }
    )
    first_day = created.date_on.min()
    days = [first_day + timedelta(days=n) for n in range((truth.today - first_day).days + 1)]
    names = sorted({team for moves in teams[tickets.number] for _, team in moves if team})
    segments = sorted(set(truth.segment_history.segment))
    cells = pd.MultiIndex.from_tuples(
        [
            (unit, start, team, segment)
            for unit, starts in (("day", days), ("week", sorted({_monday(day) for day in days})))
            for start in starts
            for team in [*names, "all"]
            for segment in [*segments, "all"]
        ],
        names=CELL,
    )
    spread = _spread(created).groupby(CELL).of_account.agg(["size", "sum"])
    frame = pd.DataFrame(index=cells)
    frame["created_ticket_count"] = spread["size"].reindex(cells, fill_value=0)
    frame["account_ticket_count"] = spread["sum"].reindex(cells, fill_value=0)

    over = waits(truth)
    over = over[over.is_over.astype(bool)]
    over = over[~over.ticket_id.map(by_number.is_merged).astype(bool)].copy()
    over["segment"] = over.ticket_id.map(by_number.segment)
    over["one_touch"] = over.ticket_id.map(by_number.is_one_touch).astype(bool)
    over["reopened"] = over.ticket_id.map(by_number.reopen_count) > 0
    for work in ("agent_work", "on_hold"):
        over[work] = over.ticket_id.map(by_number[f"{work}_minutes"]).astype(float)
    over["date_on"] = truth.local_date(over.counted_at)
    for kind in KINDS:
        groups = _spread(over[over.kind == kind]).groupby(CELL)
        frame[f"{kind}_count"] = groups.size().reindex(cells, fill_value=0)
        for unit, name in (("calendar", ""), ("business", "_business")):
            for share in (50, 85):
                frame[f"{kind}{name}_minutes_p{share}"] = groups[unit].quantile(share / 100).reindex(cells)
        if kind == "full_resolution":
            touched = groups.one_touch.sum().reindex(cells, fill_value=0)
            again = groups.reopened.sum().reindex(cells, fill_value=0)
            for work in ("agent_work", "on_hold"):
                for share in (50, 85):
                    frame[f"{work}_minutes_p{share}"] = groups[work].quantile(share / 100).reindex(cells)
    frame["one_touch_ticket_count"] = touched.astype(int)
    solved = frame.full_resolution_count
    frame["one_touch_ratio"] = frame.one_touch_ticket_count / solved.where(solved > 0)
    frame["reopened_ticket_count"] = again.astype(int)
    frame["reopened_ratio"] = frame.reopened_ticket_count / solved.where(solved > 0)
    verdicts = judged(truth)
    verdicts = verdicts[verdicts.is_attained.notna()].copy()
    verdicts["segment"] = verdicts.ticket_id.map(by_number.segment)
    verdicts["date_on"] = truth.local_date(verdicts.judged_at)
    for kind in PROMISED:
        groups = _spread(verdicts[verdicts.kind == kind]).groupby(CELL).is_attained
        frame[f"{kind}_judged_count"] = groups.size().reindex(cells, fill_value=0)
        frame[f"{kind}_attained_count"] = groups.sum().reindex(cells, fill_value=0).astype(int)
        some = frame[f"{kind}_judged_count"].where(frame[f"{kind}_judged_count"] > 0)
        frame[f"{kind}_attainment_ratio"] = frame[f"{kind}_attained_count"] / some
    backlog = _backlog(truth, by_number, days, names, segments)
    ends = [
        start if unit == "day" else min(start + timedelta(days=6), truth.today) for unit, start, _, _ in cells
    ]
    frame["backlog_ticket_count"] = [
        backlog[(end, team, segment)] for end, (_, _, team, segment) in zip(ends, cells, strict=True)
    ]
    active = mart_metric__active_daily(truth).set_index(["date_on", "segment"]).active_account_28d_count
    frame["active_account_count"] = [
        active.get((end, segment)) for end, (_, _, _, segment) in zip(ends, cells, strict=True)
    ]
    some = frame.active_account_count.where(frame.active_account_count > 0)
    frame["contact_ratio"] = frame.account_ticket_count / some
    frame = frame.reset_index()
    frame["is_complete"] = [
        start + timedelta(days=1 if unit == "day" else 7) <= truth.today
        for unit, start in zip(frame.period_unit, frame.starts_on, strict=True)
    ]
    return frame


def _backlog(
    truth: Truth, tickets: pd.DataFrame, days: list[date], names: list[str], segments: list[str]
) -> dict[tuple[date, str, str], int]:
    """Open tickets at the end of each local day (now, for today) by the team that has them then."""
    counts = {(day, team, one): 0 for day in days for team in [*names, "all"] for one in [*segments, "all"]}
    teams, timelines = _team_moves(truth), _timelines(truth)
    moments = [min(end, truth.now) for end in truth.day_ends(days)]
    for number, ticket in tickets.iterrows():
        status, since, _ = timelines[number][-1]
        for day, moment in zip(days, moments, strict=True):
            if status in RESOLVED and moment > since:
                break
            # What happens in the very moment that a day ends belongs to the next day.
            now = [status for status, start, _ in timelines[number] if start < moment]
            if not now or now[-1] in RESOLVED:
                continue
            team = [name for since, name in teams[number] if since < moment][-1]
            for one in {"all", ticket.segment} - {None, np.nan}:
                if isinstance(one, str):
                    counts[(day, "all", one)] += 1
                    if team:
                        counts[(day, team, one)] += 1
    return counts


@remembered
def _events(truth: Truth) -> pd.DataFrame:
    """What happened to tickets: number, account_id, segment, kind, date_on, minutes, is_good."""
    tickets = fct_tickets(truth)
    tickets["number"] = tickets.ticket_id.str.split(":").str[-1].astype(int)
    by_number = tickets.set_index("number")
    created = pd.DataFrame(
        {"number": tickets.number, "kind": "created", "moment": tickets.created_at, "is_good": False}
    )
    over = waits(truth)
    over = over[over.is_over.astype(bool) & ~over.ticket_id.map(by_number.is_merged).astype(bool)]
    ended = pd.DataFrame(
        {
            "number": over.ticket_id,
            "kind": over.kind,
            "moment": over.counted_at,
            "calendar": over.calendar,
            "business": over.business,
            "is_good": over.ticket_id.map(by_number.is_one_touch).astype(bool),
            "is_reopened": over.ticket_id.map(by_number.reopen_count) > 0,
            "agent_work": over.ticket_id.map(by_number.agent_work_minutes).astype(float),
            "on_hold": over.ticket_id.map(by_number.on_hold_minutes).astype(float),
        }
    )
    verdicts = judged(truth)
    verdicts = verdicts[verdicts.is_attained.notna()]
    kept = pd.DataFrame(
        {
            "number": verdicts.ticket_id,
            "kind": verdicts.kind + "_judged",
            "moment": verdicts.judged_at,
            "is_good": verdicts.is_attained.astype(bool),
        }
    )
    events = pd.concat([created, ended, kept], ignore_index=True)
    events["number"] = events.number.astype(int)
    events["account_id"] = events.number.map(by_number.account_id)
    events["segment"] = events.number.map(by_number.segment)
    events["date_on"] = truth.local_date(pd.to_datetime(events.moment))
    return events


def _measures(events: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """The numbers of each cell in which anything happened."""
    groups = events.groupby([*keys, "kind"])
    sizes = groups.size().unstack("kind", fill_value=0)
    good = groups.is_good.sum().unstack("kind", fill_value=0)
    known = groups.account_id.count().unstack("kind", fill_value=0)
    values = {share: groups[["calendar", "business"]].quantile(share / 100) for share in (50, 85)}

    def of(table: pd.DataFrame, kind: str) -> pd.Series:
        return table[kind] if kind in table else pd.Series(0, index=table.index)

    frame = pd.DataFrame(index=sizes.index)
    frame["created_ticket_count"] = of(sizes, "created")
    frame["account_ticket_count"] = of(known, "created")
    for kind in KINDS:
        frame[f"{kind}_count"] = of(sizes, kind)
        for unit, name in (("calendar", ""), ("business", "_business")):
            for share, table in values.items():
                frame[f"{kind}{name}_minutes_p{share}"] = table[unit].unstack("kind").get(kind)
    frame["one_touch_ticket_count"] = of(good, "full_resolution")
    frame["one_touch_ratio"] = _share(frame.one_touch_ticket_count, frame.full_resolution_count)
    solved = events[events.kind == "full_resolution"].groupby(keys)
    frame["reopened_ticket_count"] = solved.is_reopened.sum()
    frame["reopened_ratio"] = _share(frame.reopened_ticket_count, frame.full_resolution_count)
    for work in ("agent_work", "on_hold"):
        for share in (50, 85):
            frame[f"{work}_minutes_p{share}"] = solved[work].quantile(share / 100)
    for kind in PROMISED:
        frame[f"{kind}_judged_count"] = of(sizes, f"{kind}_judged")
        frame[f"{kind}_attained_count"] = of(good, f"{kind}_judged")
        frame[f"{kind}_attainment_ratio"] = _share(
            frame[f"{kind}_attained_count"], frame[f"{kind}_judged_count"]
        )
    return frame


def _share(part: pd.Series, whole: pd.Series) -> pd.Series:
    return part / whole.where(whole > 0)


def _with_zeros(frame: pd.DataFrame) -> pd.DataFrame:
    counts = [name for name in frame if name.endswith("_count") and name != "active_account_count"]
    frame[counts] = frame[counts].fillna(0).astype(int)
    return frame


def _open_at(truth: Truth, last: date) -> set[int]:
    """Tickets that are not solved when a local day ends, or now if it has not."""
    moment = min(truth.day_ends([last])[0], truth.now)
    found = set()
    for number, timeline in _timelines(truth).items():
        seen = [status for status, start, _ in timeline if start < moment]
        if seen and seen[-1] not in RESOLVED:
            found.add(int(number))
    return found


def _periods(truth: Truth, first_day: date, unit: str) -> list[tuple[date, date]]:
    """Each period up to today, as its first day and that of the next."""
    periods = []
    start = _start(first_day, unit)
    while start <= truth.today:
        following = _start(start + timedelta(days=7 if unit == "week" else 32), unit)
        periods.append((start, following))
        start = following
    return periods


def _start(day: date, unit: str) -> date:
    return _monday(day) if unit == "week" else day.replace(day=1)


@remembered
def mart_metric__support_by_theme(truth: Truth) -> pd.DataFrame:
    from tests.truth.themes import dim_themes, fct_feedback_themes, item_id

    events = _events(truth)
    said = fct_feedback_themes(truth)
    mentions = said[said.object_type == "ticket"].groupby("feedback_id").theme_id.agg(set).to_dict()
    themes = {
        number: [*mentions.get(item_id("ticket", str(number)), {"unthemed"}), "all"]
        for number in events.number.unique()
    }
    of_ticket = events.drop_duplicates("number").set_index("number").segment
    segments = {
        number: [segment, "all"] if isinstance(segment, str) else ["all"]
        for number, segment in of_ticket.items()
    }
    active = mart_metric__active_daily(truth).set_index(["date_on", "segment"]).active_account_28d_count
    known = dim_themes(truth)
    subjects = [*known[known.is_counted.astype(bool)].theme_id, "all", "unthemed"]
    names = [*sorted(set(truth.segment_history.segment)), "all"]
    keys = ["starts_on", "theme_id", "segment"]
    parts = []
    for unit in ("week", "month"):
        periods = _periods(truth, events.date_on.min(), unit)
        spread = events.assign(
            starts_on=[_start(day, unit) for day in events.date_on],
            theme_id=events.number.map(themes),
            segment=events.number.map(segments),
        )
        measures = _measures(spread.explode("theme_id").explode("segment"), keys)
        rows = []
        for start, following in periods:
            last = min(following - timedelta(days=1), truth.today)
            waiting = Counter(
                (theme, segment)
                for number in _open_at(truth, last)
                for theme in themes[number]
                for segment in segments[number]
            )
            rows += [
                {
                    "period_unit": unit,
                    "starts_on": start,
                    "theme_id": theme,
                    "segment": segment,
                    "backlog_ticket_count": waiting[(theme, segment)],
                    "active_account_count": active.get((last, segment)),
                    "is_complete": following <= truth.today,
                }
                for theme in subjects
                for segment in names
            ]
        parts.append(_with_zeros(pd.DataFrame(rows).join(measures, on=keys)))
    frame = pd.concat(parts, ignore_index=True)
    frame["contact_ratio"] = _share(frame.account_ticket_count, frame.active_account_count)
    return frame


@remembered
def mart_metric__support_by_account(truth: Truth) -> pd.DataFrame:
    events = _events(truth)
    accounts = events.drop_duplicates("number").set_index("number").account_id
    mine = events[events.account_id.notna()].copy()
    mine["month_start_on"] = [_start(day, "month") for day in mine.date_on]
    measures = _measures(mine, ["month_start_on", "account_id"])
    happened = set(measures.index)
    rows = []
    for start, following in _periods(truth, events.date_on.min(), "month"):
        last = min(following - timedelta(days=1), truth.today)
        waiting = Counter(accounts[number] for number in _open_at(truth, last))
        rows += [
            {
                "month_start_on": start,
                "account_id": account,
                "backlog_ticket_count": waiting[account],
                "is_complete": following <= truth.today,
            }
            for account in sorted(set(accounts.dropna()))
            if waiting[account] or (start, account) in happened
        ]
    frame = pd.DataFrame(rows).join(measures, on=["month_start_on", "account_id"])
    return _with_zeros(frame).drop(columns=["account_ticket_count"])
