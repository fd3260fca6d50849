"""The truth of what the impact engine is asked, in plain pandas from the world, and its answer.

The frames are the independent part. The answer is the engine's own on these frames, with what it had said on
the company's first day: whoever wires it must come to the same rows.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pandas as pd
import pyarrow as pa

from ingestion.enrichment.impact.engine import evaluate
from tests.truth.base import Truth, remembered
from tests.truth.cohorts import uses
from tests.truth.delivery import dim_deliveries
from tests.truth.revenue import _daily_lines, recurring_contracts
from tests.truth.support import fct_tickets
from tests.truth.themes import counted_theme, fct_feedback_themes, taxonomy
from tests.truth.usage import person_days

SETTLED_DAYS = 3


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


def _name(account: object) -> str:
    return f"hubspot:{int(account)}"  # type: ignore[call-overload]


@remembered
def weeks(truth: Truth) -> list[date]:
    """The Mondays of complete weeks that usage and support have both recorded."""
    first = max(
        person_days(truth).date_on.min(),
        truth.local_day(pd.Timestamp(fct_tickets(truth).created_at.min())),
    )
    first += timedelta(days=-first.weekday() % 7)
    found = []
    while first + timedelta(days=6 + SETTLED_DAYS) <= truth.today:
        found.append(first)
        first += timedelta(days=7)
    return found


@remembered
def accounts(truth: Truth) -> pd.DataFrame:
    contracts = recurring_contracts(truth)
    contracts = contracts[contracts.amount > 0]
    starts = pd.to_datetime(contracts.starts_on).dt.date
    ends = pd.to_datetime(contracts.ends_on).dt.date
    span = pd.DataFrame({"account": contracts.account_id, "first": starts, "until": ends})
    span = span.groupby("account").agg({"first": "min", "until": "max"}).reset_index()
    span = span[span["first"] <= truth.today]
    regions = truth.accounts.set_index("account_id").region
    return pd.DataFrame(
        {
            "account_id": span.account.map(_name),
            "region": span.account.map(regions),
            "signup_week": [pd.Timestamp(_monday(day)) for day in span["first"]],
            "churn_week": [
                pd.Timestamp(_monday(day)) if day <= truth.today else pd.NaT for day in span["until"]
            ],
        }
    )


@remembered
def account_week(truth: Truth) -> pd.DataFrame:
    mondays = weeks(truth)
    lines = _daily_lines(truth)
    lines = lines[lines.monthly > 0]
    rate = {currency: truth.calendar.rate(truth.today, currency) for currency in sorted(set(lines.currency))}
    lines["usd"] = lines.monthly * lines.currency.map(rate)
    at_end = lines[lines.date_on.isin({day + timedelta(days=6) for day in mondays})]
    at_end = at_end.assign(week=[day - timedelta(days=6) for day in at_end.date_on])
    sunday = at_end.groupby(["account_id", "week"]).agg(mrr=("usd", "sum"), seats=("quantity", "max"))
    at_start = lines[lines.date_on.isin(set(mondays))]
    monday = set(zip(at_start.account_id, at_start.date_on, strict=True))

    people = person_days(truth).dropna(subset=["person", "account_id"])
    people["week"] = [_monday(day) for day in people.date_on]
    wau = people.groupby([people.account_id.astype(int), "week"]).person.nunique()

    tickets = fct_tickets(truth)
    tickets = tickets[tickets.account_id.notna()].copy()
    tickets["week"] = [_monday(day) for day in truth.local_date(tickets.created_at)]
    asked = tickets.groupby(["account_id", "week"]).size()
    rated = tickets[tickets.csat_score.notna()].copy()
    rated["week"] = [_monday(day) for day in truth.local_date(rated.csat_answered_at)]
    answers = rated.groupby(["account_id", "week"]).csat_score.agg(
        csat_sum=lambda scores: int((scores == "good").sum()), csat_n="size"
    )

    signup = {name: week.date() for name, week in accounts(truth)[["account_id", "signup_week"]].to_numpy()}
    rows: list[dict[str, Any]] = []
    for name, first in signup.items():
        account = int(name.split(":")[1])
        for week in mondays:
            if week < first:
                continue
            paid = sunday.loc[(account, week)] if (account, week) in sunday.index else None
            said = answers.loc[(name, week)] if (name, week) in answers.index else None
            rows.append(
                {
                    "account_id": name,
                    "account": account,
                    "week": week,
                    "seats": None if paid is None else int(paid.seats),
                    "subscribed": int(paid is not None and (account, week) in monday),
                    "wau": int(wau.get((account, week), 0)),
                    "tickets": int(asked.get((name, week), 0)),
                    "mrr": 0.0 if paid is None else float(paid.mrr),
                    "csat_sum": 0 if said is None else int(said.csat_sum),
                    "csat_n": 0 if said is None else int(said.csat_n),
                }
            )
    frame = pd.DataFrame(rows)
    sundays = [day + timedelta(days=6) for day in frame.week]
    frame["segment"] = truth.segment_at(frame.account, pd.Series(truth.day_ends(sundays)))
    frame["week"] = pd.to_datetime(frame.week)
    frame["seats"] = frame.seats.astype("Int64")
    return frame.drop(columns="account")


@remembered
def deliveries(truth: Truth) -> pd.DataFrame:
    frame = dim_deliveries(truth)
    themes = taxonomy(truth)
    units = truth.visible("deliveries").set_index("delivery_id").assignment_unit
    return pd.DataFrame(
        {
            "delivery_id": frame.delivery_id,
            "issue_key": frame.epic_key,
            "theme_id": [
                counted_theme(themes, theme) if isinstance(theme, str) else None for theme in frame.theme_id
            ],
            "released_at": truth.local(frame.released_at),
            "rollout": [rollout if isinstance(rollout, str) else "general" for rollout in frame.rollout],
            "assignment_unit": [
                unit if isinstance(unit, str) else None for unit in frame.delivery_id.map(units)
            ],
            "has_adopter_list": frame.has_adopter_list.astype(bool),
        }
    )


@remembered
def assignments(truth: Truth) -> pd.DataFrame:
    """Arms and waves; who was merged into an account of another arm is in none.

    A wave of cells holds every customer of its cell, not only who was listed on the day.
    """
    units = truth.visible("deliveries").set_index("delivery_id").assignment_unit
    listed = truth.visible("assignments")
    listed = listed.assign(unit=listed.delivery_id.map(units), account=truth.account_of(listed.account_id))
    known = {int(name.split(":")[1]) for name in accounts(truth).account_id}
    single = listed[listed.unit.ne("segment_region") & listed.account.isin(known)]
    single = single.drop_duplicates(["delivery_id", "account", "arm"])
    single = single[~single.duplicated(["delivery_id", "account"], keep=False)]
    rows = [
        (row.delivery_id, _name(row.account), int(row.arm), truth.local_day(row.assigned_at))
        for row in single.itertuples()
    ]
    released = truth.visible("deliveries").set_index("delivery_id").released_at
    regions = truth.accounts.set_index("account_id").region
    signup = accounts(truth).set_index("account_id").signup_week
    by_cell = listed[listed.unit.eq("segment_region")]
    for delivery_id, mine in by_cell.groupby("delivery_id"):
        moment = released[delivery_id]
        then = truth.world.state("accounts", moment).set_index("account_id")
        chosen = then.loc[mine.account_id]
        wave_of = {}
        for cell, arm, at in zip(
            chosen.segment + ":" + chosen.region, mine.arm, mine.assigned_at, strict=True
        ):
            wave_of[cell] = (int(arm), truth.local_day(at))
        members = [int(name.split(":")[1]) for name, week in signup.items() if week <= moment]
        segments = truth.segment_at(
            pd.Series(members, dtype="Int64"), pd.Series([moment] * len(members), dtype="datetime64[us]")
        )
        for account, segment in zip(members, segments, strict=True):
            wave = wave_of.get(f"{segment}:{regions[account]}")
            if wave is not None:
                rows.append((str(delivery_id), _name(account), *wave))
    return pd.DataFrame(rows, columns=["delivery_id", "account_id", "arm", "starts_on"])


@remembered
def exposures(truth: Truth) -> pd.DataFrame:
    known = set(accounts(truth).account_id)
    events = uses(truth)
    events = events[events.account_id.notna() & (events.name == "Feature Used")]
    found = []
    for delivery in truth.visible("deliveries").itertuples():
        if delivery.has_adopter_list:
            mine = events[events.feature == delivery.feature]
            first = mine.groupby(mine.account_id.astype(int)).date_on.min()
            found += [(delivery.delivery_id, _name(account), day) for account, day in first.items()]
    kinds = truth.visible("deliveries").set_index("delivery_id").rollout
    given = assignments(truth)
    given = given[(given.delivery_id.map(kinds) == "phased") | (given.arm == 1)]
    found += list(zip(given.delivery_id, given.account_id, given.starts_on, strict=True))
    frame = pd.DataFrame(found, columns=["delivery_id", "account_id", "day"])
    frame = frame[frame.account_id.isin(known) & (frame.day <= truth.today)]
    frame["first_exposed_week"] = [pd.Timestamp(_monday(day)) for day in frame.day]
    return frame.drop(columns="day").reset_index(drop=True)


@remembered
def account_week_theme(truth: Truth) -> pd.DataFrame:
    """Tickets of the themes that deliveries answer, of the accounts and weeks that are looked at."""
    said = fct_feedback_themes(truth)
    said = said[(said.object_type == "ticket") & (said.assigned_by != "model")]
    said = said[said.theme_id.isin(set(deliveries(truth).theme_id.dropna()))]
    said = said.assign(week=pd.to_datetime([_monday(day) for day in truth.local_date(said.occurred_at)]))
    counted = said.groupby(["account_id", "week", "theme_id"]).size().rename("tickets").reset_index()
    return counted.merge(account_week(truth)[["account_id", "week"]], on=["account_id", "week"])


def frames(truth: Truth) -> dict[str, pd.DataFrame]:
    """All input frames by the engine's names."""
    return {
        "accounts": accounts(truth),
        "account_week": account_week(truth),
        "deliveries": deliveries(truth),
        "exposures": exposures(truth),
        "assignments": assignments(truth),
        "account_week_theme": account_week_theme(truth),
    }


@remembered
def _told(truth: Truth) -> dict[str, pd.DataFrame]:
    """What the engine says on the world's frames; what is frozen on the first day stays as it was."""
    previous: pa.Table | None = None
    if truth.aware_now > truth.world.meta.as_of:
        first_day = Truth(truth.world, truth.world.meta.as_of, truth.company)
        previous = evaluate(frames(first_day), weekly=False).impact
    told = evaluate(frames(truth), previous=previous)
    return {"impact": told.impact.to_pandas(), "weekly": told.weekly.to_pandas()}


def fct_delivery_impact(truth: Truth) -> pd.DataFrame:
    return _told(truth)["impact"].copy()


def fct_delivery_impact_weekly(truth: Truth) -> pd.DataFrame:
    """The courses of effects that are current, on frames that dbt has not seen."""
    return _told(truth)["weekly"].copy()
