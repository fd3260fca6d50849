"""The truth of the shared dimensions: dates, accounts, people, teams."""

from __future__ import annotations

import hashlib
import hmac
from datetime import timedelta

import pandas as pd

from tests.truth.base import Truth, remembered
from tests.truth.revenue import fct_mrr_daily
from tests.truth.support import RESOLVED, fct_tickets
from tests.truth.usage import person_days


def person_key(truth: Truth, email: str) -> str:
    secret = truth.world.meta.person_key_secret.encode()
    return hmac.new(secret, email.strip().lower().encode(), hashlib.sha256).hexdigest()


@remembered
def dim_dates(truth: Truth) -> pd.DataFrame:
    """Only the days around the world's own time are compared."""
    day = truth.world.meta.starts_at.date()
    rows = []
    while day <= truth.today + timedelta(days=40):
        iso = day.isocalendar()
        rows.append(
            {
                "date_on": day,
                "iso_year": iso.year,
                "iso_week": iso.week,
                "week_start_on": day - timedelta(days=day.weekday()),
                "month_start_on": day.replace(day=1),
                "quarter_start_on": day.replace(month=(day.month - 1) // 3 * 3 + 1, day=1),
                "day_of_week": day.weekday() + 1,
                "fiscal_year": truth.calendar.fiscal_year(day),
                "is_weekend": day.weekday() >= 5,
                "is_holiday": day in truth.calendar.holidays,
                "is_working_day": truth.is_working_day(day),
                "is_month_end": (day + timedelta(days=1)).day == 1,
                "is_complete": day < truth.today,
            }
        )
        day += timedelta(days=1)
    return pd.DataFrame(rows)


@remembered
def dim_accounts(truth: Truth) -> pd.DataFrame:
    accounts = truth.accounts.copy()
    daily = fct_mrr_daily(truth)
    today = daily[daily.date_on == truth.today].set_index("account_id")
    first, last = daily.groupby("account_id").date_on.min(), daily.groupby("account_id").date_on.max()
    usage = person_days(truth)
    usage["account_id"] = usage.account_id.map(
        lambda value: f"hubspot:{int(value)}" if pd.notna(value) else None
    )
    recent = usage[usage.date_on > truth.today - timedelta(days=28)]
    tickets = fct_tickets(truth)
    open_tickets = tickets[~tickets.status.isin(RESOLVED)].groupby("account_id").size()
    accounts["account_id"] = accounts.account_id.map(lambda value: f"hubspot:{int(value)}")
    accounts = accounts.set_index("account_id")
    index = accounts.index
    frame = pd.DataFrame(
        {
            "account_name": accounts.name,
            "domain": accounts.domain,
            "country": accounts.country,
            "region": accounts.region,
            "industry": accounts.industry,
            "employee_count": accounts.employee_count,
            "segment": accounts.segment,
            "is_excluded": accounts.is_excluded,
            "mrr_amount": today.mrr_amount.reindex(index).fillna(0.0),
            "arr_amount": today.arr_amount.reindex(index).fillna(0.0),
            "seat_count": today.seat_count.reindex(index).fillna(0),
            "customer_since_on": first.reindex(index),
            "active_person_28d_count": recent.dropna(subset=["person"])
            .groupby("account_id")
            .person.nunique()
            .reindex(index)
            .fillna(0),
            "last_active_on": usage.groupby("account_id").date_on.max().reindex(index),
            "open_ticket_count": open_tickets.reindex(index).fillna(0),
        }
    )
    from tests.truth.health import mart_insight__account_health

    weeks = mart_insight__account_health(truth)
    latest = weeks[weeks.is_latest.astype(bool)].set_index("account_id")
    frame["health_score"] = latest.health_score.reindex(index)
    frame["health_known_weight_ratio"] = latest.known_weight_ratio.reindex(index)
    frame["health_scored_on"] = latest.scored_on.reindex(index)
    frame["lifecycle_status"] = [
        "customer" if account in today.index else "churned" if account in first.index else "prospect"
        for account in index
    ]
    churned = last.reindex(index)
    frame["churned_on"] = [
        churned[account] + timedelta(days=1) if status == "churned" else None
        for account, status in frame.lifecycle_status.items()
    ]
    frame = frame.reset_index()
    compared = frame[~frame.is_excluded]
    # An excluded account keeps its row; its numbers say nothing.
    return compared.reset_index(drop=True)


@remembered
def dim_people(truth: Truth) -> pd.DataFrame:
    """Customers who can be recognised by an e-mail, and own staff."""
    people = truth.state("people")
    people = people[~people.is_deleted.astype(bool) & people.merged_into.isna() & people.email.notna()]
    accounts = truth.account_of(people.account_id)
    excluded = set(truth.accounts.account_id.astype(int)) - truth.counted_accounts
    people = people[~accounts.isin(excluded)]
    staff = truth.visible("staff")
    rows = [(person_key(truth, email), "customer") for email in people.email]
    rows += [(person_key(truth, email), "staff") for email in staff.email]
    return pd.DataFrame(rows, columns=["person_key", "person_kind"]).drop_duplicates("person_key")


@remembered
def dim_teams(truth: Truth) -> pd.DataFrame:
    rows = {
        row["team_id"]: (row["name"], row["kind"], row["owner"] or None) for row in truth.csv("teams.csv")
    }
    return pd.DataFrame(
        [(team, *values) for team, values in rows.items()],
        columns=["team_id", "team_name", "team_kind", "owner"],
    )


@remembered
def dim_metrics(truth: Truth) -> pd.DataFrame:
    """What the company governs of each metric; definitions are the project's own and are not compared."""
    rows = []
    for metric in truth.yaml("metrics.yml")["metrics"]:
        target, thresholds = metric.get("target") or {}, metric.get("thresholds") or {}
        rows.append(
            {
                "metric_id": metric["id"],
                "owner": metric.get("owner"),
                "target_value": target.get("value"),
                "target_on": target.get("by"),
                "threshold_low": thresholds.get("low"),
                "threshold_high": thresholds.get("high"),
                "parent_metric_id": metric.get("parent"),
            }
        )
    return pd.DataFrame(rows)
