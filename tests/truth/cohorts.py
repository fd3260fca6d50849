"""The truth of what people do with the product over time: activation, retention, adoption of features."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd

from tests.truth.base import Truth, remembered
from tests.truth.delivery import dim_deliveries
from tests.truth.revenue import fct_mrr_daily

RETENTION_CELLS = {"day": (1, 28), "week": (7, 52)}


@remembered
def uses(truth: Truth) -> pd.DataFrame:
    """person, account_id, name, feature, date_on: one row per event that counts."""
    events = truth.visible("events")
    events = events[~events.is_staff.astype(bool)].copy()
    events["account_id"] = truth.account_of(events.account_id)
    excluded = set(truth.accounts.account_id.astype(int)) - truth.counted_accounts
    events = events[~events.account_id.isin(excluded)]
    alive = set(truth.accounts.account_id.astype(int))
    events["account_id"] = events.account_id.where(events.account_id.isin(alive))
    emails = truth.state("people").set_index("person_id").email.str.lower()
    names = {int(person): (email if pd.notna(email) else f"#{person}") for person, email in emails.items()}
    events["person"] = events.person_id.map(lambda who: names.get(int(who)) if pd.notna(who) else None)
    events["date_on"] = truth.local_date(events.occurred_at)
    return events[["person", "account_id", "name", "feature", "date_on"]]


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


def _with_segments(truth: Truth, members: pd.DataFrame, day: str) -> pd.DataFrame:
    """Members once in their segment at the end of the day, and once in 'all'."""
    segment = truth.segment_at(
        members.account_id.astype("Int64"), pd.Series(truth.day_ends(list(members[day])), index=members.index)
    )
    members = members.assign(segment=segment)
    return pd.concat([members[members.segment.notna()], members.assign(segment="all")], ignore_index=True)


@remembered
def mart_metric__activation(truth: Truth) -> pd.DataFrame:
    rule = truth.yaml("mappings.yml")["analytics"]["activation"]
    window = int(rule["window_days"])
    needed = {entry["name"]: int(entry.get("count") or 1) for entry in rule["events"]}
    events = uses(truth)
    events = events[events.person.notna()]
    sign_ups = events[events.name == rule.get("sign_up_event", "Signed Up")]
    sign_ups = sign_ups.sort_values(["date_on", "account_id"]).drop_duplicates("person").copy()
    mine = {person: frame for person, frame in events.groupby("person")}  # noqa: C416

    def days_to_value(person: str, start: date) -> float | None:
        frame = mine[person]
        reached = []
        for name, count in needed.items():
            days = sorted(
                day
                for day in frame.date_on[frame.name == name]
                if start <= day < start + timedelta(days=window)
            )
            if len(days) < count:
                return None
            reached.append((days[count - 1] - start).days)
        return float(max(reached))

    sign_ups["days"] = [
        days_to_value(person, start) for person, start in zip(sign_ups.person, sign_ups.date_on, strict=True)
    ]
    sign_ups["cohort_week_on"] = sign_ups.date_on.map(_monday)
    rows = []
    for (week, segment), cohort in _with_segments(truth, sign_ups, "date_on").groupby(
        ["cohort_week_on", "segment"]
    ):
        days = cohort.days.dropna().astype(float)
        over = week + timedelta(days=6 + window)
        is_complete = over <= truth.today
        rows.append(
            {
                "cohort_week_on": week,
                "segment": segment,
                "window_days": window,
                "window_ends_on": over,
                "is_complete": is_complete,
                "person_count": len(cohort),
                "activated_person_count": len(days),
                "activation_ratio": len(days) / len(cohort) if is_complete else None,
                "days_to_value_p50": np.percentile(days, 50) if is_complete and len(days) else None,
                "days_to_value_p85": np.percentile(days, 85) if is_complete and len(days) else None,
            }
        )
    return pd.DataFrame(rows)


@remembered
def mart_metric__retention_cohorts(truth: Truth) -> pd.DataFrame:
    values = set(truth.yaml("mappings.yml")["analytics"]["value_events"])
    events = uses(truth)
    events = events[events.name.isin(values) & events.person.notna()]
    first_recorded = events.date_on.min()
    firsts = events.sort_values(["date_on", "account_id"]).drop_duplicates("person").copy()
    active = {person: sorted(set(days)) for person, days in events.groupby("person").date_on}
    firsts["cohort_week_on"] = firsts.date_on.map(_monday)
    rows = []
    for (week, segment), cohort in _with_segments(truth, firsts, "date_on").groupby(
        ["cohort_week_on", "segment"]
    ):
        offsets = [
            [(day - start).days for day in active[person]]
            for person, start in zip(cohort.person, cohort.date_on, strict=True)
        ]
        for unit, (length, last) in RETENTION_CELLS.items():
            survival = 1.0
            for number in range(last + 1):
                # The last moment that belongs to the period of whoever began on the week's Sunday.
                if week + timedelta(days=6 + length * (number + 1) - 1) >= truth.today:
                    break
                inside = range(length * number, length * (number + 1))
                returned = sum(any(day in inside for day in days) for days in offsets)
                still = sum(days[-1] >= inside.start for days in offsets)
                ended = sum(days[-1] in inside for days in offsets)
                assert abs(survival - still / len(cohort)) < 1e-9, "the survival form is another matrix"
                survival *= 1 - ended / still if still else 1
                rows.append(
                    {
                        "cohort_week_on": week,
                        "segment": segment,
                        "period_unit": unit,
                        "period_number": number,
                        "person_count": len(cohort),
                        "returned_person_count": returned,
                        "unbounded_person_count": still,
                        "ended_person_count": ended,
                        "returned_ratio": returned / len(cohort),
                        "unbounded_ratio": still / len(cohort),
                        "is_start_of_recording": week < first_recorded + timedelta(days=28),
                    }
                )
    return pd.DataFrame(rows)


def _given(truth: Truth, entry: dict[str, Any]) -> dict[str, date] | None:
    """Whom an arm or a wave has given it since which day; None where no list says whom."""
    from tests.truth.impact import assignments

    listed = assignments(truth)
    listed = listed[listed.delivery_id == entry["id"]]
    if not len(listed):
        return None
    if entry["rollout"] == "experiment":
        listed = listed[listed.arm == 1]
    days = listed.groupby("account_id").starts_on.min()
    return {str(account): day for account, day in days.items() if day <= truth.today}


@remembered
def mart_metric__feature_adoption(truth: Truth) -> pd.DataFrame:
    events = uses(truth)
    events = events[events.account_id.notna()]
    seen = {
        f"hubspot:{int(account)}": day for account, day in events.groupby("account_id").date_on.max().items()
    }
    daily = fct_mrr_daily(truth)
    published = dim_deliveries(truth).set_index("delivery_id")
    rows = []
    for entry in truth.yaml("deliveries.yml")["deliveries"]:
        event = (entry.get("adopter_event") or {}).get("event")
        feature = entry.get("feature")
        released_at = published.released_at.get(entry["id"])
        if not (event or feature) or pd.isna(released_at) or released_at > truth.now:
            continue
        released_on = truth.local_day(pd.Timestamp(released_at))
        is_general = entry["rollout"] == "general"
        given = None if is_general else _given(truth, entry)
        paying = daily[daily.date_on >= released_on]
        since = dict.fromkeys(paying.account_id, released_on)
        if given is not None:
            since = {account: max(day, released_on) for account, day in given.items()}
            paying = paying[paying.account_id.isin(set(since))]
            paying = paying[paying.date_on >= paying.account_id.map(since)]
        eligible = set(paying.account_id)
        is_known = is_general or given is not None
        arr = paying[paying.date_on == truth.today].set_index("account_id").arr_amount
        mine = events[events.date_on >= released_on]
        if event:
            mine = mine[mine.name == event]
        if feature:
            mine = mine[mine.feature == feature]
        mine = mine.assign(account=mine.account_id.map(lambda value: f"hubspot:{int(value)}"))
        mine = mine[mine.account.isin(eligible)]
        mine = mine[mine.date_on >= mine.account.map(since)]
        days = {account: sorted(set(when)) for account, when in mine.groupby("account").date_on}
        base = {a: when for a, when in days.items() if when[0] + timedelta(days=28) < truth.today}
        repeated = [when for when in base.values() if any(0 < (d - when[0]).days <= 28 for d in when)]
        eligible_arr, adopter_arr = float(arr.sum()), float(arr[arr.index.isin(set(days))].sum())
        rows.append(
            {
                "delivery_id": entry["id"],
                "feature": feature,
                "adopter_event": event,
                "rollout": entry.get("rollout"),
                "released_on": released_on,
                "eligible_account_count": len(eligible) if is_known else None,
                "exposed_account_count": (
                    sum(seen.get(account, date.min) >= since[account] for account in eligible)
                    if is_known
                    else None
                ),
                "adopter_account_count": len(days),
                "adopter_person_count": mine.person.nunique(),
                "adoption_ratio": len(days) / len(eligible) if eligible and is_known else None,
                "eligible_arr_amount": eligible_arr if is_known else None,
                "adopter_arr_amount": adopter_arr,
                "adoption_arr_ratio": adopter_arr / eligible_arr if eligible_arr and is_known else None,
                "first_used_on": min((when[0] for when in days.values()), default=None),
                "last_used_on": max((when[-1] for when in days.values()), default=None),
                "days_to_first_use_p50": (
                    float(np.median([(when[0] - since[account]).days for account, when in days.items()]))
                    if days
                    else None
                ),
                "repeat_base_account_count": len(base),
                "repeat_account_count": len(repeated),
                "repeat_28d_ratio": len(repeated) / len(base) if base else None,
            }
        )
    return pd.DataFrame(rows)
