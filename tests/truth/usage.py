"""The truth of product usage."""

from __future__ import annotations

from datetime import date, timedelta

import pandas as pd

from tests.truth.base import Truth, remembered


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
