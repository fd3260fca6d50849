"""A working warehouse with every public table, filled with plausible seeded rows, and dbt's manifest for
it.

Belongs here: what the tests of publication and pages need to have something to publish. Does not belong
here: any claim that the numbers are right (that is what the truth tests are for).
"""

from __future__ import annotations

import json
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd

from tests.unit.publishing.aggregates import make_aggregates

ACTIVE = "mart_metric__active_daily"
NOW = datetime(2026, 10, 5, 6, 0)
TODAY = date(2026, 10, 5)
SEGMENTS = ["smb", "mid_market", "enterprise"]
HOSTILE = "<script>alert('x')</script><img src=x onerror=alert(1)>"

Tables = dict[str, pd.DataFrame]


def months_before(count: int) -> list[date]:
    """The first days of the last `count` months, the current one last."""
    first = [
        date(TODAY.year + (TODAY.month - 1 - n) // 12, (TODAY.month - 1 - n) % 12 + 1, 1)
        for n in range(count)
    ]
    return first[::-1]


def make_tables(seed: int = 7, accounts: int = 60, months: int = 16, nps_answers: int = 84) -> Tables:
    """`<schema>.<table>` -> rows."""
    rng = np.random.default_rng(seed)
    tables: Tables = {}
    starts = months_before(months)
    first_day = starts[0]
    days = [first_day + timedelta(days=n) for n in range((TODAY - first_day).days + 1)]

    tables["metric.dim_dates"] = _dates(first_day)
    tables["metric.dim_teams"] = pd.DataFrame(
        [
            ("checkout", "Checkout", "delivery", "Joana Prado", "CHK"),
            ("insights", "Insights", "delivery", "Marc Weber", "INS"),
            ("platform", "Plataforma", "delivery", "Rita Alves", "PLT"),
            ("support", "Support", "support", "Ana Lima", "Support"),
        ],
        columns=["team_id", "team_name", "team_kind", "owner", "source_keys"],
    )
    tables["metric.dim_accounts"] = _accounts(rng, accounts)
    tables["metric.dim_people"] = pd.DataFrame(
        {
            "person_key": [f"{n:032x}" for n in range(accounts * 4)],
            "account_id": [f"hubspot:{1000 + n % accounts}" for n in range(accounts * 4)],
            "person_kind": "customer",
            "team_id": None,
            "has_crm": True,
            "has_support": rng.random(accounts * 4) < 0.5,
            "has_analytics": rng.random(accounts * 4) < 0.8,
            "has_jira": False,
            "first_seen_at": pd.Timestamp(first_day),
            "is_active": True,
        }
    )
    monthly, movements = _revenue(rng, starts)
    tables["metric.mart_metric__mrr_monthly"] = monthly
    tables["metric.fct_mrr_movements"] = movements
    tables["metric.fct_mrr_daily"] = _mrr_daily(tables["metric.dim_accounts"], days)
    tables["metric.fct_deals"] = _deals(rng, accounts)
    tickets = _tickets(rng, accounts, first_day)
    tables["metric.fct_tickets"] = tickets
    tables["metric.mart_metric__active_daily"] = _active(rng, days)
    tables["metric.mart_metric__daily"] = _daily(
        rng, days, tables["metric.mart_metric__active_daily"], monthly, nps_answers
    )
    tables["metric.dim_metrics"] = _metrics()
    tables["insight.fct_feedback"] = _feedback(rng, tickets, accounts, first_day)
    tables |= _delivery(rng, first_day)
    tables |= make_aggregates(rng, first_day, NOW)
    tables |= _governance(rng, tables)
    return tables


def _dates(first_day: date) -> pd.DataFrame:
    days = pd.date_range(date(first_day.year, 1, 1), date(TODAY.year + 1, 12, 31), freq="D")
    frame = pd.DataFrame({"date_on": days})
    frame["iso_year"] = days.isocalendar().year.to_numpy().astype("int64")
    frame["iso_week"] = days.isocalendar().week.to_numpy().astype("int64")
    frame["week_start_on"] = (days - pd.to_timedelta(days.day_of_week, unit="D")).date
    frame["month_start_on"] = days.to_period("M").start_time.date
    frame["quarter_start_on"] = days.to_period("Q").start_time.date
    frame["year"] = days.year.astype("int64")
    frame["month"] = days.month.astype("int64")
    frame["day_of_week"] = (days.day_of_week + 1).astype("int64")
    frame["fiscal_year"] = days.year.astype("int64")
    frame["is_weekend"] = days.day_of_week >= 5
    frame["is_holiday"] = False
    frame["is_working_day"] = days.day_of_week < 5
    frame["working_day_index"] = frame["is_working_day"].cumsum().astype("int64")
    frame["is_month_end"] = days.is_month_end
    frame["is_complete"] = days.date < TODAY
    frame["date_on"] = days.date
    return frame


def _accounts(rng: np.random.Generator, count: int) -> pd.DataFrame:
    first = ["Norte", "Vale", "Blue", "Serra", "Hill", "Porto", "Lake", "Campo", "Stone", "Rio"]
    second = [
        "Logística",
        "Foods",
        "Health",
        "Bank",
        "Retail",
        "Energia",
        "Labs",
        "Seguros",
        "Media",
        "Motors",
    ]
    rows = []
    for n in range(count):
        status = "customer" if n % 8 else ("churned" if n % 16 else "prospect")
        mrr = float(round(rng.lognormal(6.6, 0.9), 2)) if status == "customer" else 0.0
        if n == 5:
            # Among the largest, so that its name is shown.
            mrr = 30_000.0
        used_on = TODAY - timedelta(days=int(rng.integers(0, 60)))
        rows.append(
            {
                "account_id": f"hubspot:{1000 + n}",
                "account_name": f"{first[n % 10]} {second[(n // 10 + n) % 10]}"
                if n != 5
                else f"Bad {HOSTILE}",
                "domain": f"account{n}.example",
                "country": ["BR", "US", "DE", "BR"][n % 4],
                "region": ["latam", "north_america", "emea", "latam"][n % 4],
                "industry": ["retail", "health", "finance"][n % 3],
                "employee_count": int(rng.integers(10, 4000)),
                "segment": SEGMENTS[n % 3],
                "plan_names": ["Starter", "Growth", "Enterprise"][n % 3],
                "seat_count": int(rng.integers(3, 250)),
                "lifecycle_status": status,
                "customer_since_on": date(2025, 1 + n % 12, 1) if status != "prospect" else None,
                "churned_on": date(2026, 1 + n % 9, 1) if status == "churned" else None,
                "churn_reason": ["price", "missing_feature", "competitor"][n % 3]
                if status == "churned"
                else None,
                "renewal_on": TODAY + timedelta(days=int(rng.integers(5, 360)))
                if status == "customer"
                else None,
                "mrr_amount": mrr,
                "arr_amount": mrr * 12,
                "currency": "USD",
                "person_count": int(rng.integers(2, 60)),
                "active_person_28d_count": int(rng.integers(0, 30)) if n % 7 else 0,
                "last_active_on": used_on if n % 7 else TODAY - timedelta(days=49),
                "open_ticket_count": int(rng.integers(0, 6)),
                "owner_person_key": f"{n % 6:032x}",
                "is_excluded": n == 3,
                "excluded_reason": "test account" if n == 3 else None,
                "created_at": pd.Timestamp("2025-01-01"),
                "crm_url": f"https://app.hubspot.com/contacts/1/company/{1000 + n}",
            }
        )
    return pd.DataFrame(rows)


def _revenue(rng: np.random.Generator, starts: list[date]) -> tuple[pd.DataFrame, pd.DataFrame]:
    opening = {"smb": 21_000.0, "mid_market": 46_000.0, "enterprise": 72_000.0}
    customers = {"smb": 24, "mid_market": 17, "enterprise": 8}
    rows: list[dict[str, Any]] = []
    movements: list[dict[str, Any]] = []
    for number, start in enumerate(starts):
        month: list[dict[str, Any]] = []
        for segment in SEGMENTS:
            base = opening[segment]
            parts = {
                "new": round(base * rng.uniform(0.01, 0.05), 2),
                "reactivation": round(base * rng.uniform(0, 0.006), 2),
                "expansion": round(base * rng.uniform(0.005, 0.03), 2),
                "contraction": round(base * rng.uniform(0.002, 0.012), 2),
                "churn": round(base * rng.uniform(0.004, 0.025), 2),
            }
            transfer = (
                {"smb": -300.0, "mid_market": 300.0, "enterprise": 0.0}[segment] if number == 7 else 0.0
            )
            fx = round(base * -0.004, 2) if start.month == 1 else 0.0
            closing = round(
                base
                + parts["new"]
                + parts["reactivation"]
                + parts["expansion"]
                - parts["contraction"]
                - parts["churn"]
                + transfer
                + fx,
                2,
            )
            month.append(
                _month_row(
                    rng, start, segment, base, parts, transfer, fx, closing, customers[segment], number
                )
            )
            for kind, amount in [*parts.items(), ("segment_transfer", transfer), ("fx_restatement", fx)]:
                if amount:
                    movements.append(
                        {
                            "movement_id": f"{segment}-{start}-{kind}",
                            "account_id": f"hubspot:{1000 + int(rng.integers(0, 60))}",
                            "month_start_on": start,
                            "movement_type": kind,
                            "segment": segment,
                            "mrr_amount": -amount if kind in ("contraction", "churn") else amount,
                            "opening_mrr_amount": base,
                            "closing_mrr_amount": closing,
                            "currency": "USD",
                            "churn_reason": ["price", "missing_feature", "competitor"][number % 3]
                            if kind == "churn"
                            else None,
                            "is_complete": start < date(2026, 10, 1),
                        }
                    )
            opening[segment] = closing
            customers[segment] += int(rng.integers(0, 2))
        total = {**month[0], "segment": "all"}
        for column in total:
            if column.endswith(("_amount", "_count")):
                total[column] = round(sum(row[column] for row in month), 2)
            elif column.endswith("_ratio") and total[column] is not None:
                total[column] = sum(row[column] for row in month) / 3
        rows += [*month, total]
    return pd.DataFrame(rows), pd.DataFrame(movements)


def _month_row(
    rng: np.random.Generator,
    start: date,
    segment: str,
    base: float,
    parts: dict[str, float],
    transfer: float,
    fx: float,
    closing: float,
    customers: int,
    number: int,
) -> dict[str, Any]:
    grr = {n: float(rng.uniform(0.985, 0.998)) ** n for n in (1, 3, 12)}
    nrr = {n: grr[n] + 0.012 * n**0.95 for n in (1, 3, 12)}
    enough = {n: number >= n for n in (1, 3, 12)}
    return {
        "month_start_on": start,
        "segment": segment,
        "opening_mrr_amount": base,
        **{f"{kind}_amount": amount for kind, amount in parts.items()},
        "segment_transfer_amount": transfer,
        "fx_restatement_amount": fx,
        "closing_mrr_amount": closing,
        "closing_arr_amount": closing * 12,
        "opening_customer_count": customers,
        "new_customer_count": 1,
        "reactivated_customer_count": 0,
        "churned_customer_count": int(rng.integers(0, 2)),
        "closing_customer_count": customers,
        "currency": "USD",
        **{f"nrr_{n}m_ratio": nrr[n] if enough[n] else None for n in (1, 3, 12)},
        **{f"grr_{n}m_ratio": grr[n] if enough[n] else None for n in (1, 3, 12)},
        "nrr_12m_incl_reactivation_ratio": nrr[12] + 0.01 if enough[12] else None,
        "logo_churn_1m_ratio": 0.012,
        "logo_churn_12m_ratio": 0.11 if enough[12] else None,
        "quick_ratio": 2.4,
        "is_complete": start < date(2026, 10, 1),
    }


def _mrr_daily(accounts: pd.DataFrame, days: list[date]) -> pd.DataFrame:
    customers = accounts[accounts["mrr_amount"] > 0]
    frame = customers[
        [
            "account_id",
            "mrr_amount",
            "arr_amount",
            "currency",
            "segment",
            "region",
            "plan_names",
            "seat_count",
        ]
    ].merge(pd.DataFrame({"date_on": days[-40:]}), how="cross")
    return frame.assign(contract_count=1)


def _deals(rng: np.random.Generator, accounts: int) -> pd.DataFrame:
    rows = []
    for n in range(160):
        created = pd.Timestamp(NOW) - pd.Timedelta(days=int(rng.integers(2, 420)))
        status = ["won", "lost", "open", "won"][n % 4]
        amount = float(round(rng.lognormal(9, 0.8), 2))
        closed = created + pd.Timedelta(days=int(rng.integers(5, 90))) if status != "open" else None
        rows.append(
            {
                "deal_id": f"hubspot:{n}",
                "account_id": f"hubspot:{1000 + n % accounts}",
                "owner_person_key": None,
                "pipeline_id": "1",
                "pipeline_name": "Sales",
                "stage_id": "3",
                "stage_name": "Proposal",
                "deal_type": ["new_business", "renewal", "expansion"][n % 3],
                "status": status,
                "amount": amount,
                "currency": "USD",
                "reporting_amount": amount,
                "created_at": created,
                "closed_at": min(closed, pd.Timestamp(NOW)) if closed is not None else None,
                "closed_on": min(closed, pd.Timestamp(NOW)).date() if closed is not None else None,
                "expected_close_on": (created + pd.Timedelta(days=60)).date(),
                "first_expected_close_on": (created + pd.Timedelta(days=45)).date(),
                "slipped_days": 15,
                "loss_reason": ["price", "missing_feature", "no_decision", "competitor"][
                    n % 4 if n % 3 else 1
                ]
                if status == "lost"
                else None,
                "stage_change_count": 3,
                "sales_cycle_days": 30.0,
                "segment": SEGMENTS[n % 3],
                "stage_probability_ratio": 0.5,
                "crm_url": f"https://app.hubspot.com/contacts/1/deal/{n}",
            }
        )
    return pd.DataFrame(rows)


def _tickets(rng: np.random.Generator, accounts: int, first_day: date) -> pd.DataFrame:
    rows = []
    span = (TODAY - first_day).days
    for n in range(1400):
        created = pd.Timestamp(first_day) + pd.Timedelta(minutes=int(rng.integers(0, span * 1440)))
        reply = float(rng.lognormal(4.6, 1.0))
        solved = rng.random() < 0.94 and created < pd.Timestamp(NOW) - pd.Timedelta(days=3)
        resolution = reply + float(rng.lognormal(6.5, 0.9))
        rated = solved and rng.random() < 0.3
        solved_at = min(created + pd.Timedelta(minutes=resolution), pd.Timestamp(NOW)) if solved else None
        rows.append(
            {
                "ticket_id": f"zendesk:{n}",
                "account_id": f"hubspot:{1000 + int(rng.integers(0, accounts))}"
                if rng.random() < 0.93
                else None,
                "requester_person_key": f"{n:032x}",
                "assignee_person_key": f"{n % 5:032x}",
                "team_id": "support",
                "channel": ["email", "web", "chat", "api"][n % 4],
                "ticket_type": [None, "problem", "question", "incident", "task"][n % 5],
                "priority": [None, "low", "normal", "high", "urgent"][n % 5],
                "priority_at_creation": [None, "low", "normal", "high", "urgent"][n % 5],
                "status": "closed" if solved else ["open", "pending", "new", "hold"][n % 4],
                "tags": ["billing", "export;slow", "login", "reports", HOSTILE, "integration", ""][n % 7],
                "is_merged": False,
                "created_at": created,
                "created_on": created.date(),
                "first_reply_at": created + pd.Timedelta(minutes=reply),
                "first_reply_minutes": reply,
                "first_reply_incl_automatic_minutes": reply / 2,
                "first_solved_at": solved_at,
                "solved_at": solved_at,
                "solved_on": solved_at.date() if solved_at is not None else None,
                "first_resolution_minutes": resolution if solved else None,
                "full_resolution_minutes": resolution if solved else None,
                "reopen_count": int(n % 11 == 0),
                "requester_wait_minutes": resolution * 0.6,
                "agent_work_minutes": resolution * 0.5,
                "on_hold_minutes": 0.0,
                "agent_reply_count": 1 + n % 3,
                "customer_comment_count": 1,
                "is_one_touch": n % 3 == 0,
                "csat_score": ("good" if rng.random() < 0.86 else "bad") if rated else None,
                "csat_answered_at": solved_at if rated else None,
                "segment": SEGMENTS[n % 3],
                "support_url": f"https://example.zendesk.com/agent/tickets/{n}",
                "closed_at": solved_at,
            }
        )
    return pd.DataFrame(rows)


def _active(rng: np.random.Generator, days: list[date]) -> pd.DataFrame:
    rows = []
    for number, day in enumerate(days):
        level = 130 + number * 0.18
        weekend = 0.3 if day.weekday() >= 5 else 1.0
        for segment, share in [("all", 1.0), ("smb", 0.25), ("mid_market", 0.33), ("enterprise", 0.42)]:
            one = int(level * share * weekend * rng.uniform(0.5, 0.6))
            seven = int(level * share * rng.uniform(0.97, 1.03))
            rows.append(
                {
                    "date_on": day,
                    "segment": segment,
                    "active_person_1d_count": one,
                    "active_person_7d_count": seven,
                    "active_person_28d_count": int(seven * 1.4),
                    "active_account_1d_count": max(one // 4, 1),
                    "active_account_7d_count": max(seven // 4, 1),
                    "active_account_28d_count": max(seven // 3, 1),
                    "stickiness_ratio": one / max(seven, 1),
                    "is_complete": day < TODAY,
                }
            )
    return pd.DataFrame(rows)


def _daily(
    rng: np.random.Generator, days: list[date], active: pd.DataFrame, monthly: pd.DataFrame, nps_answers: int
) -> pd.DataFrame:
    rows: list[dict[str, Any]] = []

    def add(
        metric: str,
        day: date,
        segment: str,
        value: float | None,
        top: float | None = None,
        n: float | None = None,
    ) -> None:
        rows.append(
            {
                "metric_id": metric,
                "date_on": day,
                "segment": segment,
                "value": value,
                "numerator": top,
                "denominator": n,
                "is_complete": day < TODAY,
            }
        )

    closing = monthly[monthly["segment"] == "all"].set_index("month_start_on")
    backlog = 22.0
    for row in active.itertuples():
        day, segment = row.date_on, row.segment
        add("active_people_7d", day, segment, float(row.active_person_7d_count))
        add("active_accounts_7d", day, segment, float(row.active_account_7d_count))
        add(
            "stickiness",
            day,
            segment,
            row.stickiness_ratio,
            row.active_person_1d_count,
            row.active_person_7d_count,
        )
        if segment != "all":
            continue
        month = closing.loc[day.replace(day=1)]
        share = day.day / 31
        mrr = month.opening_mrr_amount + (month.closing_mrr_amount - month.opening_mrr_amount) * share
        add("mrr", day, "all", mrr)
        add("arr", day, "all", mrr * 12)
        add("customer_count", day, "all", float(month.closing_customer_count))
        created = float(rng.poisson(0.8 if day.weekday() >= 5 else 3.6))
        add("tickets_created", day, "all", created)
        backlog = max(backlog + float(rng.integers(-3, 4)), 4)
        add("ticket_backlog", day, "all", backlog)
        add("first_reply_minutes_median", day, "all", float(rng.lognormal(4.5, 0.3)))
        good = float(rng.integers(40, 52))
        add("csat_ratio", day, "all", good / 56, good, 56)
        answers = float(nps_answers)
        add("nps", day, "all", 31 + float(rng.normal(0, 1.5)), 0.31 * answers, answers)
        add("deals_won_amount", day, "all", float(rng.lognormal(8, 1)) if rng.random() < 0.2 else 0.0)
        add("work_items_done", day, "all", float(rng.poisson(0.1 if day.weekday() >= 5 else 3.2)))
    return pd.DataFrame(rows)


def _metrics() -> pd.DataFrame:
    base = {
        "mrr": (
            "Monthly recurring revenue",
            "currency per month",
            "up",
            "fct_mrr_daily",
            "Carla Nunes",
            160000.0,
            None,
        ),
        "arr": (
            "Annual recurring revenue",
            "currency per year",
            "up",
            "fct_mrr_daily",
            "Carla Nunes",
            None,
            "mrr",
        ),
        "customer_count": ("Paying customers", "accounts", "up", "fct_mrr_daily", "Carla Nunes", 60.0, "mrr"),
        "active_people_7d": ("Weekly active people", "people", "up", ACTIVE, "Tom Berg", 250.0, None),
        "active_accounts_7d": (
            "Weekly active accounts",
            "accounts",
            "up",
            ACTIVE,
            "Tom Berg",
            None,
            "active_people_7d",
        ),
        "stickiness": ("Stickiness", "ratio", "up", ACTIVE, "Tom Berg", None, "active_people_7d"),
        "tickets_created": ("Tickets created", "tickets", "down", "fct_tickets", "Ana Lima", None, None),
        "ticket_backlog": ("Open tickets", "tickets", "down", "fct_tickets", "Ana Lima", 15.0, None),
        "first_reply_minutes_median": (
            "First reply time",
            "minutes",
            "down",
            "fct_tickets",
            "Ana Lima",
            60.0,
            None,
        ),
        "csat_ratio": ("Customer satisfaction", "ratio", "up", "fct_tickets", "Ana Lima", 0.9, None),
        "nps": ("Net promoter score", "points", "up", "fct_feedback", None, 40.0, None),
        "deals_won_amount": ("Deals won", "currency", "up", "fct_deals", None, None, None),
        "work_items_done": (
            "Work items done",
            "work items",
            "up",
            "fct_work_items",
            "Rita Alves",
            None,
            None,
        ),
    }
    return pd.DataFrame(
        [
            {
                "metric_id": metric_id,
                "metric_name": name,
                "question": f"How is {name} doing?",
                "definition": f"{name}, as the definitions say.",
                "leaves_out": "Test accounts and own staff.",
                "unit": unit,
                "good_direction": direction,
                "reading": {
                    "stickiness": "mean_7_days",
                    "tickets_created": "mean_28_days",
                    "deals_won_amount": "mean_28_days",
                    "work_items_done": "mean_28_days",
                    "first_reply_minutes_median": "median_28_days",
                }.get(metric_id, "last_day"),
                "source_table": table,
                "decision_ref": f"DECISIONS.md#{metric_id}",
                "owner": owner,
                "target_value": target,
                "target_on": date(2026, 12, 31) if target is not None else None,
                "threshold_low": None,
                "threshold_high": None,
                "parent_metric_id": parent,
            }
            for metric_id, (name, unit, direction, table, owner, target, parent) in base.items()
        ]
    )


def _feedback(
    rng: np.random.Generator, tickets: pd.DataFrame, accounts: int, first_day: date
) -> pd.DataFrame:
    kinds = {None: None, "problem": "bug", "incident": "bug", "question": "question", "task": "request"}
    of_tickets = pd.DataFrame(
        {
            "feedback_id": [f"t{n}" for n in range(len(tickets))],
            "source": "zendesk",
            "instance": "zendesk",
            "object_type": "ticket",
            "object_id": tickets["ticket_id"],
            "part_id": "",
            "account_id": tickets["account_id"],
            "person_key": tickets["requester_person_key"],
            "occurred_at": tickets["created_at"],
            "occurred_on": tickets["created_on"],
            "language": None,
            "kind": [kinds[kind] if isinstance(kind, str) else None for kind in tickets["ticket_type"]],
            "score": np.nan,
            "score_scale": None,
            "tags": tickets["tags"],
            "segment": tickets["segment"],
            "arr_amount": rng.lognormal(9, 0.8, len(tickets)).round(2),
            "source_url": tickets["support_url"],
        }
    )
    rows = []
    span = (TODAY - first_day).days
    for n in range(420):
        kind = ["nps_response", "csat_response", "crm_note", "deal_loss_reason", "nps_response"][n % 5]
        score = float(rng.integers(0, 11)) if kind == "nps_response" else None
        occurred_at = pd.Timestamp(first_day) + pd.Timedelta(minutes=int(rng.integers(0, span * 1440)))
        rows.append(
            {
                "feedback_id": f"o{n}",
                "source": "zendesk" if kind == "csat_response" else "hubspot",
                "instance": "zendesk" if kind == "csat_response" else "hubspot",
                "object_type": kind,
                "object_id": str(n),
                "part_id": "",
                "account_id": f"hubspot:{1000 + n % accounts}",
                "person_key": None,
                "occurred_at": occurred_at,
                "occurred_on": occurred_at.date(),
                "language": "pt" if n % 2 else "en",
                "kind": "loss_reason"
                if kind == "deal_loss_reason"
                else "praise"
                if (score or 0) >= 9
                else None,
                "score": score,
                "score_scale": "nps_0_10" if kind == "nps_response" else None,
                "tags": None,
                "segment": SEGMENTS[n % 3],
                "arr_amount": float(rng.lognormal(9, 0.8)),
                "source_url": f"https://app.hubspot.com/contacts/1/record/{n}",
            }
        )
    frame = pd.concat([of_tickets, pd.DataFrame(rows)], ignore_index=True)
    frame["kind_assigned_by"] = np.where(frame["kind"].notna(), "source", None)
    return frame


def _delivery(rng: np.random.Generator, first_day: date) -> Tables:
    keys = {"CHK": "checkout", "INS": "insights", "PLT": "platform"}
    rows = []
    for n in range(620):
        project = list(keys)[n % 3]
        created = pd.Timestamp(first_day) + pd.Timedelta(hours=int(rng.integers(0, 24 * 460)))
        level = "initiative" if n < 3 else "epic" if n < 33 else "sub_task" if n % 9 == 0 else "standard"
        queue = pd.Timedelta(days=float(rng.lognormal(1.9, 0.9)))
        cycle = pd.Timedelta(
            days=float(rng.lognormal(1.3, 0.8) * (8 if level in ("epic", "initiative") else 1))
        )
        started = created + queue
        done = started + cycle
        now = pd.Timestamp(NOW)
        category = "done" if done < now and n % 13 else "in_progress" if started < now and n % 3 else "to_do"
        rows.append(
            {
                "work_item_id": f"jira:{10000 + n}",
                "work_item_key": f"{project}-{n}",
                "project_key": project,
                "team_id": keys[project],
                "work_item_type": {"epic": "Epic", "initiative": "Initiative", "sub_task": "Sub-task"}.get(
                    level, ["Story", "Bug", "Task"][n % 3]
                ),
                "work_item_level": level,
                "parent_work_item_id": None,
                "epic_work_item_id": f"jira:{10003 + n % 30}" if n >= 33 else None,
                "delivery_id": None,
                "status_name": {"done": "Concluído", "in_progress": "In Progress", "to_do": "To Do"}[
                    category
                ],
                "status_category": category,
                "resolution": "Done" if category == "done" else None,
                "priority": "Medium",
                "assignee_person_key": f"{n % 14:032x}",
                "reporter_person_key": f"{n % 9:032x}",
                "story_points": float([1, 2, 3, 5, 8][n % 5]) if level == "standard" else np.nan,
                "created_at": created,
                "started_at": started if category != "to_do" else None,
                "done_at": done if category == "done" else None,
                "resolved_at": done if category == "done" else None,
                "lead_time_days": (done - created).total_seconds() / 86400 if category == "done" else np.nan,
                "lead_time_by_resolution_days": (done - created).total_seconds() / 86400
                if category == "done"
                else np.nan,
                "cycle_time_days": cycle.total_seconds() / 86400 if category == "done" else np.nan,
                "lead_time_working_days": int((done - created).days * 5 / 7) if category == "done" else None,
                "cycle_time_working_days": int(cycle.days * 5 / 7) if category == "done" else None,
                "reopened_count": int(n % 17 == 0),
                "release_id": f"jira:{20000 + n % 12}",
                "sprint_id": f"jira:{300 + n % 24}",
                "is_flagged": n % 40 == 0,
                "has_status_conflict": n % 90 == 0,
                "people_days": float(round(rng.lognormal(0.6, 0.7), 2)) if category != "to_do" else 0.0,
                "wip_age_days": (now - started).total_seconds() / 86400
                if category == "in_progress"
                else np.nan,
                "work_item_url": f"https://example.atlassian.net/browse/{project}-{n}",
            }
        )
    items = pd.DataFrame(rows)
    spans = pd.DataFrame(
        {
            "span_id": items["work_item_id"] + ":1",
            "work_item_id": items["work_item_id"],
            "span_number": 1,
            "status_id": "1",
            "status_name": items["status_name"],
            "status_category": items["status_category"],
            "status_kind": "active",
            "started_at": items["created_at"],
            "ended_at": pd.NaT,
            "duration_hours": 10.0,
            "is_first": True,
            "is_current": True,
        }
    )
    sprints = []
    for n in range(24):
        team = list(keys.values())[n % 2]
        start = pd.Timestamp(NOW) - pd.Timedelta(days=14 * (12 - n // 2))
        committed, added, removed = (
            int(rng.integers(14, 24)),
            int(rng.integers(0, 6)),
            int(rng.integers(0, 3)),
        )
        completed = int(committed * rng.uniform(0.6, 0.95))
        closed = n < 22
        sprints.append(
            {
                "sprint_id": f"jira:{300 + n}",
                "sprint_name": f"{team.title()} Sprint {n // 2 + 20}",
                "board_id": f"jira:{n % 2}",
                "team_id": team,
                "state": "closed" if closed else "active",
                "started_at": start,
                "planned_end_at": start + pd.Timedelta(days=14),
                # Where it ends after midnight UTC, the company's day is still the one before.
                "completed_at": start + pd.Timedelta(days=14, hours=-5) if closed else None,
                "completed_on": (start + pd.Timedelta(days=13)).date() if closed else None,
                "committed_item_count": committed,
                "committed_points": committed * 2.5,
                "added_item_count": added,
                "added_points": added * 2.5,
                "removed_item_count": removed,
                "removed_points": removed * 2.5,
                "completed_item_count": completed,
                "completed_points": completed * 2.5,
                "carried_over_item_count": committed - completed,
                "carried_over_points": (committed - completed) * 2.5,
                "planning_accuracy_ratio": completed / committed,
                "capacity_accuracy_ratio": completed / committed,
            }
        )
    sprint_items = pd.DataFrame(
        {
            "sprint_id": "jira:300",
            "work_item_id": items["work_item_id"].head(20),
            "added_at": pd.Timestamp(NOW) - pd.Timedelta(days=170),
            "removed_at": pd.NaT,
            "was_committed": True,
            "was_added_after_start": False,
            "was_removed_after_start": False,
            "was_completed": True,
            "was_carried_over": False,
            "points_at_start": 3.0,
            "points_at_end": 3.0,
        }
    )
    releases = pd.DataFrame(
        [
            {
                "release_id": f"jira:{20000 + n}",
                "release_name": f"2026.{n + 1}",
                "project_key": list(keys)[n % 3],
                "team_id": list(keys.values())[n % 3],
                "started_on": TODAY - timedelta(days=30 * (12 - n) + 30),
                "released_on": TODAY - timedelta(days=30 * (11 - n)) if n < 11 else None,
                "is_released": n < 11,
                "is_archived": False,
                "work_item_count": 50,
                "done_work_item_count": 44,
            }
            for n in range(12)
        ]
    )
    names = [
        "Guided onboarding",
        "Bulk export",
        "Faster dashboards",
        "Single sign-on",
        "Faturamento em reais",
        "Mobile alerts",
        "Audit log",
        "Salesforce sync",
        "New pricing page",
        "Saved filters",
    ]
    deliveries = pd.DataFrame(
        [
            {
                "delivery_id": f"d{n}",
                "delivery_name": name,
                "origin": "governed" if n < 8 else "released_epic",
                "epic_work_item_id": f"jira:{10003 + n}",
                "epic_key": f"CHK-{3 + n}",
                "theme_id": None,
                "rollout": ["general", "experiment", "phased"][n % 3],
                "assignment_unit": None,
                "has_adopter_list": n % 2 == 0,
                "released_at": pd.Timestamp(NOW) - pd.Timedelta(days=14 + 21 * (9 - n)) if n < 8 else None,
                "released_on": TODAY - pd.Timedelta(days=14 + 21 * (9 - n)) if n < 8 else None,
                "released_at_source": "governance" if n < 8 else None,
                "status": "released" if n < 8 else "in_progress" if n < 9 else "planned",
                "team_id": list(keys.values())[n % 3],
                "owner": ["Joana Prado", None, "Marc Weber"][n % 3],
                "metric_ids": ["active_people_7d", "", "nps,csat_ratio"][n % 3],
                "key_result_ids": ["raise-weekly-active", ""][n % 2],
                "decision_ids": ["simplify-onboarding", "", "export-for-enterprise"][n % 3],
                "work_item_count": 20,
                "done_work_item_count": 20 if n < 8 else 9,
                "people_days": float(round(rng.uniform(12, 90), 1)),
                "cost_amount": 12_300.0 if n == 7 else None,
            }
            for n, name in enumerate(names)
        ]
    )
    return {
        "delivery.fct_work_items": items,
        "delivery.fct_status_spans": spans,
        "delivery.fct_sprints": pd.DataFrame(sprints),
        "delivery.fct_sprint_items": sprint_items,
        "delivery.fct_releases": releases,
        "delivery.dim_deliveries": deliveries,
    }


def _governance(rng: np.random.Generator, tables: Tables) -> Tables:
    items = tables["delivery.fct_work_items"]
    epics = items[items["work_item_level"].isin(["epic", "initiative"])]
    labels = ["evidence-backed", "opinion", "metric-backed", "opinion", "mandated", "evidence-backed"]
    rows = []
    for n, item in enumerate(epics.itertuples()):
        label = labels[n % 6]
        rows.append(
            {
                "work_item_id": item.work_item_id,
                "work_item_key": item.work_item_key,
                "work_item_level": item.work_item_level,
                "delivery_id": f"d{n}" if n < 10 else None,
                "team_id": item.team_id,
                "owner": ["Joana Prado", None][n % 2],
                "status": {"done": "delivered", "in_progress": "in_progress", "to_do": "planned"}[
                    item.status_category
                ],
                "feedback_count": int(rng.integers(2, 20)) if label == "evidence-backed" else 0,
                "feedback_account_count": int(rng.integers(1, 9)) if label == "evidence-backed" else 0,
                "feedback_arr_amount": float(round(rng.lognormal(11, 0.7), 2))
                if label == "evidence-backed"
                else 0.0,
                "theme_ids": "export" if n % 3 == 0 else None,
                "theme_account_count": 7 if n % 3 == 0 else 0,
                "metric_count": int(label == "metric-backed"),
                "key_result_count": int(label == "metric-backed"),
                "decision_count": int(label != "opinion"),
                "decision_evidence_kinds": {"mandated": "mandate", "metric-backed": "metric"}.get(label, ""),
                "evidence_label": label,
                "has_owner": n % 2 == 0,
                "people_days": float(round(rng.uniform(5, 90), 1))
                if item.status_category != "to_do"
                else 0.0,
                "released_at": item.done_at,
                "released_on": None if pd.isna(item.done_at) else item.done_at.date(),
            }
        )
    health = [
        {
            "subject_type": "source",
            "subject": source,
            "last_loaded_at": pd.Timestamp(NOW) - pd.Timedelta(hours=hours),
            "row_count": 1000,
            "age_hours": float(hours),
            "freshness_promise_hours": 26.0,
            "is_fresh": hours <= 26,
        }
        for source, hours in [
            ("hubspot", 1),
            ("zendesk", 1),
            ("mixpanel", 53),
            ("jira", 2),
            ("governance", 1),
        ]
    ]
    health += [
        {
            "subject_type": "raw_table",
            "subject": f"raw_{source}.{table}",
            "last_loaded_at": pd.Timestamp(NOW) - pd.Timedelta(hours=1),
            "row_count": rows_,
            "age_hours": 1.0,
            "freshness_promise_hours": 26.0,
            "is_fresh": True,
            "rejected_row_count": rejected,
        }
        for source, table, rows_, rejected in [
            ("hubspot", "companies", 60, 0),
            ("zendesk", "tickets", 1400, 3),
            ("mixpanel", "events", 98213, 0),
            ("jira", "issues", 620, 0),
        ]
    ]
    health += [
        {
            "subject_type": "mart",
            "subject": name,
            "last_loaded_at": pd.Timestamp(NOW),
            "row_count": len(frame),
            "age_hours": 0.0,
            "freshness_promise_hours": 26.0,
            "is_fresh": True,
            "failing_check_count": int(name.endswith("fct_tickets")),
        }
        for name, frame in tables.items()
    ]
    frame = pd.DataFrame(health)
    for column in (
        "failing_check_count",
        "failing_check_30d_count",
        "rejected_row_count",
        "schema_change_count",
    ):
        if column not in frame:
            frame[column] = 0
        frame[column] = frame[column].fillna(0).astype("int64")
    frame["is_held_back"] = False
    frame["held_back_since"] = pd.NaT
    frame["held_back_reason"] = None
    return {
        "governance.mart_governance__traceability": pd.DataFrame(rows),
        "governance.mart_governance__data_health": frame,
    }


_TEXT = {
    "decision_evidence_kinds",
    "theme_id",
    "assignment_unit",
    "language",
    "held_back_reason",
    "excluded_reason",
    "adopter_event",
    "release_id",
    "verdict",
    "owner",
    "remedy",
}


def write_warehouse(path: Path, tables: Tables) -> Path:
    """Write the tables into a working warehouse, in the types of the contracts."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with duckdb.connect(str(path)) as connection:
        for full_name, frame in tables.items():
            schema = full_name.partition(".")[0]
            connection.execute(f"create schema if not exists {schema}")
            connection.register("frame", frame)
            columns = ", ".join(
                f'cast("{name}" as {_type(name, frame[name])}) as "{name}"' for name in frame.columns
            )
            connection.execute(f"create or replace table {full_name} as select {columns} from frame")
            connection.unregister("frame")
    return path


def _type(name: str, values: pd.Series) -> str:
    if name.endswith("_amount") or name == "amount":
        return "decimal(28, 6)"
    if name.endswith("_on"):
        return "date"
    if name.endswith("_at") or name == "held_back_since":
        return "timestamp"
    if name.startswith(("is_", "has_", "was_")):
        return "boolean"
    if name.endswith(("_count", "_index", "_working_days")) or name in {"slipped_days", "span_number"}:
        return "bigint"
    if values.dtype.kind in "iu":
        return "bigint"
    if values.dtype.kind == "f" and name not in _TEXT:
        return "double"
    return "text"


def write_manifest(path: Path, tables: Tables) -> Path:
    """dbt's manifest as far as publication reads it."""
    nodes = {}
    for full_name, frame in tables.items():
        schema, _, name = full_name.partition(".")
        nodes[f"model.norte.{name}"] = {
            "resource_type": "model",
            "fqn": ["norte", "marts", schema, name],
            "schema": schema,
            "alias": name,
            "name": name,
            "description": f"One row per key of {name}.\nIt's a test's table.",
            "columns": {
                column: {"name": column, "description": f"The {column} of {name}."}
                for column in frame.columns
            },
        }
    nodes["model.norte.stg_secret"] = {
        "resource_type": "model",
        "fqn": ["norte", "staging", "stg_secret"],
        "schema": "staging",
        "alias": "stg_secret",
        "name": "stg_secret",
        "description": "",
        "columns": {},
    }
    path.write_text(json.dumps({"nodes": nodes}), encoding="utf-8")
    return path
