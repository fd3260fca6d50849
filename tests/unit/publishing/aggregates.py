"""The aggregated marts of the company of `company.py`: flow, usage, sales, decisions, process.

Belongs here: seeded rows in the shape of those marts. Does not belong here: any claim that they agree with
the facts of that company (that is what the truth tests are for).
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd

Tables = dict[str, pd.DataFrame]
TEAMS = ["all", "checkout", "insights", "platform"]


def make_aggregates(rng: np.random.Generator, first_day: date, now: datetime) -> Tables:
    """`<schema>.<table>` -> rows, up to the day of now."""
    today = now.date()
    days = [first_day + timedelta(days=n) for n in range((today - first_day).days + 1)]
    mondays = [day for day in days if day.weekday() == 0]
    months = sorted({day.replace(day=1) for day in days})
    return {
        **_flow(rng, days, mondays, months, today),
        **_usage(rng, mondays, today),
        **_sales(rng, days, months, today),
        "metric.mart_metric__support_performance": _support(rng, mondays, today),
        "metric.mart_metric__support_by_theme": _support_by_theme(months, today),
        **_impact(today),
        **_process(rng, months, today),
        **_customers(rng, mondays, today),
        "insight.mart_insight__theme_quality": _quality(today),
    }


def _support_by_theme(months: list[date], today: date) -> pd.DataFrame:
    # Of searches there are too few for a median.
    return pd.DataFrame(
        [
            {
                "period_unit": "month",
                "starts_on": month,
                "theme_id": theme,
                "segment": "all",
                "created_ticket_count": tickets + number,
                "first_reply_count": tickets,
                "first_reply_minutes_p50": 95.0,
                "full_resolution_count": tickets,
                "full_resolution_minutes_p50": 60.0 * 31,
                "backlog_ticket_count": 2,
                "contact_ratio": tickets / 40,
                "is_complete": (pd.Timestamp(month) + pd.DateOffset(months=1)).date() <= today,
            }
            for number, month in enumerate(months)
            for theme, tickets in (("all", 40), ("unthemed", 21), ("export", 14), ("search", 3))
        ]
    )


def _flow(
    rng: np.random.Generator, days: list[date], mondays: list[date], months: list[date], today: date
) -> Tables:
    daily: list[dict[str, Any]] = []
    weekly: list[dict[str, Any]] = []
    spent: list[dict[str, Any]] = []
    for number, team in enumerate(TEAMS):
        done = 0
        for age, day in enumerate(days):
            through = int(rng.integers(0, 6 if team == "all" else 3))
            arrived = int(rng.integers(0, 6 if team == "all" else 3))
            done += through
            wip = int(rng.integers(4, 12))
            daily.append(
                {
                    "date_on": day,
                    "team_id": team,
                    "to_do_count": 30 + age // 9,
                    "wip_count": wip,
                    "done_count": done,
                    "arrival_count": arrived,
                    "throughput_count": through,
                    "reopened_count": int(rng.random() < 0.05),
                    "net_flow_count": arrived - through,
                    "wip_age_p50_days": 3.0,
                    "wip_age_p85_days": 9.5,
                    "wip_age_p95_days": 21.0,
                    "cycle_time_p50_days": 3.1 + number / 10,
                    "cycle_time_p85_days": 8.4 + number / 10,
                    "cycle_time_p95_days": 15.5,
                    "aged_wip_count": wip // 4,
                    "is_complete": day < today,
                }
            )
        for monday in mondays:
            weekly.append(
                {
                    "week_start_on": monday,
                    "team_id": team,
                    "arrival_count": int(rng.integers(4, 30)),
                    "throughput_count": int(rng.integers(4, 30)),
                    "reopened_count": int(rng.integers(0, 3)),
                    "net_flow_count": 0,
                    "lead_time_p50_days": 12.0,
                    "cycle_time_p50_days": 3.2,
                    "cycle_time_p85_days": 8.0,
                    "flow_efficiency_ratio": float(rng.uniform(0.1, 0.4)),
                    "blocked_hours": float(rng.uniform(0, 90)),
                    "is_complete": monday + timedelta(days=7) <= today,
                }
            )
        for month in months:
            shares = rng.dirichlet([6.0, 2.0, 2.0])
            spent += [
                {
                    "month_start_on": month,
                    "team_id": team,
                    "work_kind": kind,
                    "work_item_count": int(rng.integers(3, 40)),
                    "people_days": float(share * 200),
                    "people_days_ratio": float(share),
                    "cost_amount": float(share * 200 * 500),
                    "cost_currency": "USD",
                    "is_complete": _month_after(month) <= today,
                }
                for kind, share in zip(("delivery", "unplanned", "bug"), shares, strict=True)
            ]
    return {
        "delivery.mart_delivery__flow_daily": pd.DataFrame(daily),
        "delivery.mart_delivery__flow_weekly": pd.DataFrame(weekly),
        "delivery.mart_delivery__investment": pd.DataFrame(spent),
    }


def _usage(rng: np.random.Generator, mondays: list[date], today: date) -> Tables:
    activation, cohorts = [], []
    for number, monday in enumerate(mondays):
        people = int(rng.integers(3, 9))
        complete = monday + timedelta(days=21) <= today
        activated = int(rng.integers(0, people + 1))
        activation.append(
            {
                "cohort_week_on": monday,
                "segment": "all",
                "window_days": 14,
                "window_ends_on": monday + timedelta(days=20),
                "is_complete": complete,
                "person_count": people,
                "activated_person_count": activated,
                "activation_ratio": activated / people if complete else np.nan,
                "days_to_value_p50": 4.0,
                "days_to_value_p85": 9.0,
            }
        )
        lived = min((today - monday).days // 7, 53)
        cohorts += [
            {
                "cohort_week_on": monday,
                "segment": "all",
                "period_unit": "week",
                "period_number": week,
                "person_count": people,
                "returned_person_count": int(people * 0.9 / (1 + week / 20)),
                "unbounded_person_count": people,
                "ended_person_count": 0,
                "returned_ratio": 0.5,
                "unbounded_ratio": 1.0,
                "is_start_of_recording": number == 0,
            }
            for week in range(lived)
        ]
    adoption = [
        {
            "delivery_id": f"d{n}",
            "delivery_name": name,
            "feature": f"feature_{n}",
            "adopter_event": None,
            "rollout": rollout,
            "team_id": "checkout",
            "owner": "Joana Prado",
            "released_at": pd.Timestamp(today) - pd.Timedelta(days=30 * (n + 1)),
            "released_on": today - pd.Timedelta(days=30 * (n + 1)),
            "eligible_account_count": eligible,
            "exposed_account_count": eligible - 2,
            "adopter_account_count": eligible // 3,
            "adopter_person_count": eligible,
            "adoption_ratio": (eligible // 3) / eligible,
            "eligible_arr_amount": 100_000.0,
            "adopter_arr_amount": 40_000.0,
            "adoption_arr_ratio": 0.4,
            "currency": "USD",
            "repeat_base_account_count": eligible // 3,
            "repeat_account_count": eligible // 4,
            "repeat_28d_ratio": 0.75,
        }
        for n, (name, eligible, rollout) in enumerate(
            [("Guided onboarding", 48, "experiment"), ("Bulk export", 12, "general")]
        )
    ]
    return {
        "metric.mart_metric__activation": pd.DataFrame(activation),
        "metric.mart_metric__retention_cohorts": pd.DataFrame(cohorts),
        "metric.mart_metric__feature_adoption": pd.DataFrame(adoption),
    }


def _sales(rng: np.random.Generator, days: list[date], months: list[date], today: date) -> Tables:
    daily = [
        {
            "date_on": day,
            "segment": "all",
            "pipeline_id": "hubspot:1",
            "pipeline_name": "Sales",
            "stage_id": f"hubspot:1{stage}",
            "stage_name": name,
            "stage_position": stage,
            "open_deal_count": int(rng.integers(1, 6)),
            "open_amount": float(round(rng.uniform(10_000, 90_000), 2)),
            "weighted_amount": float(round(rng.uniform(1_000, 20_000), 2)),
            "currency": "USD",
            "is_complete": day < today,
        }
        for day in days[-240:]
        for stage, name in enumerate(["Discovery", "Proposal"])
    ]
    monthly = [
        {
            "cohort_basis": basis,
            "month_start_on": month,
            "deal_type": "all",
            "segment": "all",
            "deal_count": 20,
            "open_deal_count": 0,
            "won_deal_count": int(rng.integers(4, 14)),
            "lost_deal_count": int(rng.integers(4, 14)),
            "win_ratio": 0.5,
            "is_complete": _month_after(month) <= today,
        }
        for basis in ("closed", "created")
        for month in months
    ]
    return {
        "metric.mart_metric__pipeline_daily": pd.DataFrame(daily),
        "metric.mart_metric__pipeline": pd.DataFrame(monthly),
    }


def _support(rng: np.random.Generator, mondays: list[date], today: date) -> pd.DataFrame:
    periods = [("week", monday, 7) for monday in mondays]
    periods += [("day", today - timedelta(days=back), 1) for back in range(60)]
    return pd.DataFrame(
        [
            {
                "period_unit": unit,
                "starts_on": starts_on,
                "team_id": "all",
                "segment": "all",
                "created_ticket_count": int(rng.integers(10, 40)),
                "first_reply_minutes_p50": float(rng.uniform(40, 400)),
                "first_reply_business_minutes_p50": float(rng.uniform(20, 120)),
                "first_reply_judged_count": 4,
                "first_reply_attained_count": 3,
                "full_resolution_judged_count": 1,
                "full_resolution_attained_count": 1,
                "is_complete": starts_on + timedelta(days=days) <= today,
            }
            for unit, starts_on, days in periods
        ]
    )


def _impact(today: date) -> Tables:
    marks = [
        {
            "mark_id": f"delivery:d{n}",
            "mark_kind": "delivery",
            "mark_name": name,
            "marked_on": today - timedelta(days=14 + 40 * n),
            "week_start_on": today - timedelta(days=14 + 40 * n),
            "marked_at_source": "governance",
            "is_past": True,
            "delivery_id": f"d{n}",
            "release_id": None,
            "team_id": "checkout",
            "theme_id": None,
            "rollout": "general",
            "is_governed": True,
            "metric_ids": ["active_people_7d", "mrr", "nps,csat_ratio"][n % 3],
        }
        for n, name in enumerate(["Guided onboarding", "Bulk export", "Faster dashboards", "Audit log"])
    ]
    decisions = [
        {
            "decision_id": slug,
            "title": title,
            "decided_on": today - timedelta(days=200),
            "decider": "Joana Prado",
            "why": "Customers asked.",
            "evidence_kind": "customer_evidence",
            "delivery_ids": "d0",
            "expected_metric_id": "active_people_7d" if change is not None else None,
            "expected_change_pct": 8.0 if change is not None else None,
            "observed_change_pct": change,
            "observed_missing_reason": None if change is not None else "no expected effect",
            "review_on": today + timedelta(days=in_days),
            "is_past_review": in_days < 0,
            "verdict": None,
            "verdict_reason": "engine not available",
        }
        for slug, title, change, in_days in [
            ("simplify-onboarding", "Simplify the onboarding", 12.5, -40),
            ("export-for-enterprise", "Export for large customers", None, -3),
            ("no-free-plan", "No free plan this year", -2.0, 12),
        ]
    ]
    results = [
        {
            "key_result_id": slug,
            "name": name,
            "objective_id": "grow",
            "objective_name": "Grow with our customers",
            "owner": owner,
            "metric_id": metric,
            "segment": "all",
            "unit": unit,
            "starts_on": date(today.year, 1, 1),
            "ends_on": date(today.year, 12, 31),
            "status": "running",
            "baseline": baseline,
            "target": target,
            "reading": "last_day",
            "current_value": value,
            "elapsed_ratio": 0.76,
            "progress_ratio": (value - baseline) / (target - baseline) if value is not None else None,
            "is_on_track": None if value is None else (value - baseline) / (target - baseline) >= 0.76,
            "missing_reason": None if value is not None else "the metric has no value in the period",
        }
        for slug, name, owner, metric, unit, baseline, target, value in [
            ("raise-mrr", "Recurring revenue", "Carla Nunes", "mrr", "currency per month", 1e5, 1.6e5, 1.5e5),
            ("nps-40", "Net promoter score above 40", None, "nps", "points", 28.0, 40.0, 31.0),
            ("csat-90", "Nine of ten are satisfied", "Ana Lima", "csat_ratio", "ratio", 0.8, 0.9, None),
        ]
    ]
    return {
        "impact.mart_impact__release_marks": pd.DataFrame(marks),
        "impact.mart_impact__decisions": pd.DataFrame(decisions),
        "impact.mart_impact__key_results": pd.DataFrame(results),
        **_effects(),
    }


def _effects() -> Tables:
    """One delivery with an effect, one without, one too early; and what that adds to a key result."""
    rows, weekly = [], []
    for delivery, verdict, effect in (
        ("d0", "improved", 0.06),
        ("d1", "no_detectable_effect", 0.01),
        ("d2", "too_early", None),
    ):
        for metric in ("wau_rate", "tickets"):
            said = verdict if metric == "wau_rate" or effect is None else "no_detectable_effect"
            rows.append(
                {
                    "delivery_id": delivery,
                    "metric": metric,
                    "design_rung": "adopters",
                    "counterfactual_value": None if effect is None else 0.5,
                    "effect_abs": effect,
                    "ci_low": None if effect is None else effect - 0.03,
                    "ci_high": None if effect is None else effect + 0.03,
                    "mde_abs": None if effect is None else 0.04,
                    "verdict": said,
                    "verdict_reason": "3 of 8 complete weeks" if effect is None else "said",
                    "method_version": "1",
                    "is_current": True,
                    "theme_id": "exports" if (delivery, metric) == ("d1", "tickets") else None,
                }
            )
            weekly += [
                {
                    "delivery_id": delivery,
                    "metric": metric,
                    "method_version": "1",
                    "weeks_since_exposure": week,
                    "effect_abs": 0.06 if week > 0 else 0.0,
                    "ci_low": 0.03 if week > 0 else -0.03,
                    "ci_high": 0.09 if week > 0 else 0.03,
                }
                for week in range(-12, 13)
                if effect is not None
            ]
    parts = [
        {
            "key_result_id": "raise-mrr",
            "contributor_id": who,
            "contributor_kind": "unexplained" if who == "unexplained" else "delivery",
            "delivery_id": None if who == "unexplained" else who,
            "movement_value": 5e4,
            "contribution_value": added,
            "ci_low": None if added is None else added - 5e3,
            "ci_high": None if added is None else added + 5e3,
            "status": "unknown" if added is None else "known",
        }
        for who, added in (("d0", 2e4), ("d2", None), ("unexplained", 3e4))
    ]
    return {
        "impact.fct_delivery_impact": pd.DataFrame(rows),
        "impact.fct_delivery_impact_weekly": pd.DataFrame(weekly),
        "impact.mart_impact__key_result_attribution": pd.DataFrame(parts),
    }


def _process(rng: np.random.Generator, months: list[date], today: date) -> Tables:
    evidence = []
    for month in months:
        shares = rng.dirichlet([4.0, 2.0, 1.0, 3.0])
        evidence += [
            {
                "month_start_on": month,
                "team_id": "all",
                "evidence_label": label,
                "item_count": 3,
                "item_ratio": 0.25,
                "people_days": float(share * 150),
                "people_days_ratio": float(share),
                "is_complete": _month_after(month) <= today,
            }
            for label, share in zip(
                ("evidence-backed", "metric-backed", "mandated", "opinion"), shares, strict=True
            )
        ]
    findings = [
        {
            "finding_kind": kind,
            "subject_kind": kind.partition("_")[0],
            "subject_id": f"{kind}-{n}",
            "subject_name": f"Subject {n}",
            "owner": None,
            "since_on": today - timedelta(days=30 * n),
            "age_days": 30 * n,
            "remedy": "Mend it.",
        }
        for kind, count in [("decision_past_review", 2), ("delivery_never_measured", 5)]
        for n in range(count)
    ]
    reconciliation = [
        {
            "source_name": "zendesk",
            "measure": measure,
            "ticket_id": "all",
            "vendor_value": 612.0,
            "our_value": 612.4,
            "difference": 0.4,
            "difference_kind": kind,
            "ticket_count": 1400,
            "agreeing_ticket_count": 1400 if kind != "unexplained" else 1380,
            "largest_difference": 0.9,
        }
        for measure, kind in [("first_reply_minutes", "rounding"), ("reopen_count", "unexplained")]
    ]
    return {
        "governance.mart_governance__roadmap_evidence": pd.DataFrame(evidence),
        "governance.mart_governance__process_health": pd.DataFrame(findings),
        "governance.mart_governance__reconciliation": pd.DataFrame(reconciliation),
    }


def _quality(today: date) -> pd.DataFrame:
    # Enough decisions that people chose, too few that were drawn.
    rows: list[tuple[str, str, str, int | None, int | None, float]] = [
        ("unthemed", "all", "all", 200, 1000, 0.2),
        ("unthemed_arr", "all", "all", None, None, 0.1),
        ("in_review", "all", "all", 70, 1000, 0.07),
        ("assigned_by", "assigned_by", "model", 300, 800, 0.375),
        ("agreement", "all", "all", 90, 160, 0.5625),
        ("agreement", "sample", "chosen", 66, 120, 0.55),
        ("agreement", "sample", "drawn", 24, 40, 0.6),
        ("agreement_of_largest", "sample", "chosen", 12, 120, 0.1),
        ("agreement_of_largest", "sample", "drawn", 8, 40, 0.2),
    ]
    return pd.DataFrame(
        [
            {
                "measure": measure,
                "facet": facet,
                "member": member,
                "part_count": part,
                "total_count": total,
                "value_ratio": value,
                "interval_low": value - 0.08 if measure.startswith("agreement") else None,
                "interval_high": value + 0.08 if measure.startswith("agreement") else None,
                "is_too_few": measure.startswith("agreement") and (total or 0) < 100,
                "model_id": "letters-1/m",
                "taxonomy_version": "v1",
                "scored_from_on": today - timedelta(days=30),
                "model_note": "without_meaning",
            }
            for measure, facet, member, part, total, value in rows
        ]
    )


def _customers(rng: np.random.Generator, mondays: list[date], today: date) -> Tables:
    components = (
        "usage_trend",
        "active_share",
        "support_load",
        "sentiment",
        "renewal_distance",
        "champion_activity",
    )
    health = []
    for monday in mondays[-12:]:
        for n in range(1, 20):
            scores = {f"{name}_score": float(rng.random()) for name in components}
            health.append(
                {
                    "account_id": f"hubspot:{1000 + n}",
                    "week_start_on": monday,
                    "scored_on": monday + timedelta(days=7),
                    "arr_amount": 1_000.0 * n,
                    "health_score": 100 * sum(scores.values()) / 6,
                    "known_weight_ratio": 0.9,
                    **scores,
                    **{f"{name}_weight": 1.0 for name in components},
                    "is_latest": monday == mondays[-1],
                    "backtest_horizon_days": 90,
                    "backtest_case_count": 124,
                    "backtest_churned_count": 7,
                    "backtest_auc": 0.54,
                    "backtest_auc_low": 0.31,
                    "backtest_auc_high": 0.76,
                }
            )
    audit = [
        {
            "source_name": "zendesk",
            "instance": "zendesk",
            "object_kind": kind,
            "match_method": method,
            "match_confidence": confidence,
            "object_count": count,
            "object_ratio": count / 100,
            "recent_object_count": count // 10,
            "recent_object_ratio": count / 100,
        }
        for kind in ("organization", "person")
        for method, confidence, count in [
            ("explicit_id", "certain", 90),
            ("name_in_country", "medium", 6),
            ("unmatched", None, 4),
        ]
    ]
    review = [
        {
            "review_id": str(n),
            "object_kind": "organization",
            "object_id": f"zendesk:{n}",
            "reason": reason,
            "candidate_rank": 1,
            "proposed_account_id": f"hubspot:{1005 + n}" if n else None,
            "affected_count": 3 * n,
            "arr_amount": 500.0 * n,
        }
        for n, reason in enumerate(["no_candidate", "similar_name"])
    ]
    themes = [
        {"theme_id": theme, "name_en": english, "name_pt": portuguese, "owner": owner}
        for theme, english, portuguese, owner in [
            ("export", "Export of data", "Exportação de dados", "Joana Prado"),
            ("speed", "Slow pages", "Páginas lentas", None),
        ]
    ]
    # Three accounts about exports, one of them twice, and one about speed.
    said = [("export", 1, 0), ("export", 1, 1), ("export", 2, 2), ("export", 4, 3), ("speed", 2, 4)]
    items = [
        {
            "feedback_theme_id": f"{theme}-{n}",
            "feedback_id": f"t{n}",
            "theme_id": theme,
            "assigned_by": "rule" if n else "override",
            "object_type": "ticket",
            "account_id": f"hubspot:{1000 + account}",
            "occurred_at": pd.Timestamp(today) - pd.Timedelta(days=2 + n),
            "occurred_on": today - timedelta(days=2 + n),
            "arr_amount": 10_000.0 * account,
        }
        for theme, account, n in said
    ]
    return _voice(mondays, today) | {
        "insight.mart_insight__account_health": pd.DataFrame(health),
        "insight.mart_insight__identity_audit": pd.DataFrame(audit),
        "insight.mart_insight__identity_review": pd.DataFrame(review),
        "insight.dim_themes": pd.DataFrame(themes),
        "insight.fct_feedback_themes": pd.DataFrame(items),
    }


def _voice(mondays: list[date], today: date) -> Tables:
    # Of the last complete week: 84 answers and 64 ratings in all, too few of either in one segment.
    voice = []
    for number, monday in enumerate(mondays):
        for segment, answers, ratings in (("all", 84, 64), ("smb", 40, 12), ("enterprise", 12, 33)):
            for measure, count, value, half in (("nps", answers, 31.0, 17.0), ("csat", ratings, 0.91, 0.05)):
                voice.append(
                    {
                        "measure": measure,
                        "week_start_on": monday,
                        "segment": segment,
                        "as_of_on": min(monday + timedelta(days=6), today),
                        "answer_count": count if number else 0,
                        "value": value if number else None,
                        "interval_low": value - half if number else None,
                        "interval_high": value + half if number else None,
                        "is_too_few": count < 30 or not number,
                        "response_ratio": 0.27 if measure == "csat" else None,
                        "is_complete": monday + timedelta(days=6) < today,
                    }
                )
    weekly = [
        {
            "week_start_on": monday,
            "theme_id": theme,
            "mention_count": mentions,
            "account_count": accounts,
            "feedback_count": 20,
            "unthemed_count": 4,
            "unthemed_ratio": 0.2,
            "is_complete": monday + timedelta(days=6) < today,
        }
        for monday in mondays[-20:]
        for theme, mentions, accounts in (
            ("export", 9, 7),
            ("speed", 3, 3),
            ("all", 20, 15),
            ("unthemed", 4, 4),
        )
    ]
    shown = mondays[-20:]
    daily = [
        {
            "date_on": monday,
            "theme_id": "all",
            "theme_kind": "all",
            "label": None,
            "mention_7d_count": None,
            "expected_mention_7d_count": None,
            "spike_score": None,
            "spike_state": None,
            "is_complete": True,
            "scoring_change": {-9: "model", -5: "taxonomy"}.get(place),
        }
        for place, monday in zip(range(-len(shown), 0), shown, strict=True)
    ]
    opportunities = [
        {
            "theme_id": theme,
            "name_en": english,
            "name_pt": portuguese,
            "owner": owner,
            "mention_count": 3 * accounts,
            "account_count": accounts,
            "account_before_count": 5,
            "current_arr_amount": 1_000.0 * accounts,
            "lost_account_count": lost,
            "lost_arr_amount": 7_700.0 * lost,
            "open_deal_count": 0,
            "open_pipeline_amount": 0.0,
            "lost_deal_count": 2,
            "lost_pipeline_amount": 4_400.0,
            "delivery_count": 1 if deliveries else 0,
            "delivery_ids": deliveries,
            "accounts_score": accounts / 14,
            "arr_score": accounts / 28,
            "opportunity_score": 75 * accounts / 14,
        }
        for theme, english, portuguese, owner, accounts, lost, deliveries in (
            ("export", "Export of data", "Exportação de dados", "Joana Prado", 14, 1, None),
            ("speed", "Slow pages", "Páginas lentas", None, 7, 0, "d6"),
            ("search", "Search", "Busca", None, 0, 0, None),
        )
    ]
    opportunities[-1]["lost_deal_count"] = 0
    loops = [
        {
            "delivery_id": delivery,
            "account_id": f"hubspot:{1000 + account}",
            "delivered_at": pd.Timestamp(today) - pd.Timedelta(days=days),
            "delivered_on": today - pd.Timedelta(days=days),
            "told_at": pd.Timestamp(today) if account % 4 == 0 else None,
            "is_use_measured": is_measured,
            "used_on": today if is_measured and account % 2 else None,
            "is_still_asking": account % 5 == 0,
        }
        for delivery, days, is_measured in (
            ("audit-log", 40, True),
            ("old-one", 500, True),
            ("plain", 90, False),
        )
        for account in range(1, 21)
    ]
    return {
        "insight.mart_insight__voice_of_customer": pd.DataFrame(voice),
        "insight.mart_insight__theme_daily": pd.DataFrame(daily),
        "insight.mart_insight__theme_weekly": pd.DataFrame(weekly),
        "insight.mart_insight__opportunities": pd.DataFrame(opportunities),
        "insight.mart_insight__loop_closure": pd.DataFrame(loops),
    }


def _month_after(month: date) -> date:
    return (month + timedelta(days=32)).replace(day=1)
