"""Which published table is compared with which truth, on which key."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import pandas as pd

from tests.truth import (
    attribution,
    cohorts,
    daily,
    delivery,
    dimensions,
    flow,
    health,
    identity,
    impact,
    loops,
    process,
    revenue,
    sales,
    support,
    support_times,
    themes,
    usage,
)
from tests.truth.base import Truth

AMOUNTS = {
    f"{name}_amount": 1e-3
    for name in (
        "mrr",
        "arr",
        "new",
        "reactivation",
        "expansion",
        "contraction",
        "churn",
        "segment_transfer",
        "fx_restatement",
        "opening_mrr",
        "closing_mrr",
        "closing_arr",
        "reporting",
    )
} | {"value": 1e-3}


@dataclass(frozen=True)
class Case:
    """One table.

    Arguments:
        table: `schema.table` in the published file.
        expected: the truth.
        keys: the grain.
        where: which rows of the published table are compared (SQL); all by default.
        tolerance: absolute, per column; one microsecond of money and a millisecond of time otherwise.
        select: the published columns (SQL).
        comes_and_goes: a list of what is open, which may be empty on a later day.
    """

    table: str
    expected: Callable[[Truth], pd.DataFrame]
    keys: tuple[str, ...]
    where: str = "true"
    # Amounts are sums of numbers that the contracts round to a millionth.
    tolerance: Mapping[str, float] = field(default_factory=lambda: dict(AMOUNTS))
    select: str = "*"
    comes_and_goes: bool = False

    @property
    def name(self) -> str:
        return self.table.split(".")[1]


CASES = (
    Case(
        "metric.dim_dates",
        dimensions.dim_dates,
        ("date_on",),
        where="date_on between '{first}' and '{last}'",
    ),
    Case("metric.dim_accounts", dimensions.dim_accounts, ("account_id",), where="not is_excluded"),
    Case(
        "metric.dim_people",
        dimensions.dim_people,
        ("person_key",),
        where="(has_crm or person_kind = 'staff') and length(person_key) = 64",
    ),
    Case("metric.dim_teams", dimensions.dim_teams, ("team_id",)),
    Case("metric.dim_metrics", dimensions.dim_metrics, ("metric_id",)),
    Case("metric.fct_mrr_daily", revenue.fct_mrr_daily, ("account_id", "date_on")),
    Case(
        "metric.fct_mrr_movements",
        revenue.fct_mrr_movements,
        ("account_id", "month_start_on", "movement_type", "segment"),
    ),
    Case(
        "metric.mart_metric__mrr_monthly",
        revenue.mart_metric__mrr_monthly,
        ("month_start_on", "segment"),
        # Its denominator may be a few cents, each account's rounded to a millionth.
        tolerance={**AMOUNTS, "quick_ratio": 0.1},
    ),
    Case("metric.fct_deals", revenue.fct_deals, ("deal_id",)),
    Case("metric.fct_tickets", support.fct_tickets, ("ticket_id",)),
    Case("metric.fct_tickets", support_times.ticket_business_times, ("ticket_id",)),
    Case(
        "metric.mart_metric__support_performance",
        support_times.mart_metric__support_performance,
        ("period_unit", "starts_on", "team_id", "segment"),
    ),
    Case(
        "metric.mart_metric__support_by_theme",
        support_times.mart_metric__support_by_theme,
        ("period_unit", "starts_on", "theme_id", "segment"),
    ),
    Case(
        "metric.mart_metric__support_by_account",
        support_times.mart_metric__support_by_account,
        ("month_start_on", "account_id"),
    ),
    Case("metric.mart_metric__active_daily", usage.mart_metric__active_daily, ("date_on", "segment")),
    Case("metric.mart_metric__daily", daily.mart_metric__daily, ("metric_id", "date_on", "segment")),
    Case("metric.fct_deal_stages", sales.fct_deal_stages, ("deal_id", "stay_number")),
    Case(
        "metric.mart_metric__pipeline",
        sales.mart_metric__pipeline,
        ("cohort_basis", "month_start_on", "deal_type", "segment"),
        tolerance=AMOUNTS | {"open_amount": 1e-3, "won_amount": 1e-3, "lost_amount": 1e-3},
    ),
    Case(
        "metric.mart_metric__pipeline_daily",
        sales.mart_metric__pipeline_daily,
        ("date_on", "segment", "stage_id"),
        tolerance=AMOUNTS | {"open_amount": 1e-3, "weighted_amount": 1e-3},
    ),
    Case(
        "metric.mart_metric__loss_reasons",
        sales.mart_metric__loss_reasons,
        ("month_start_on", "deal_type", "segment", "loss_reason"),
        tolerance=AMOUNTS | {"lost_amount": 1e-3},
    ),
    Case("metric.mart_metric__activation", cohorts.mart_metric__activation, ("cohort_week_on", "segment")),
    Case(
        "metric.mart_metric__retention_cohorts",
        cohorts.mart_metric__retention_cohorts,
        ("cohort_week_on", "segment", "period_unit", "period_number"),
    ),
    Case(
        "metric.mart_metric__feature_adoption",
        cohorts.mart_metric__feature_adoption,
        ("delivery_id",),
        tolerance=AMOUNTS | {"eligible_arr_amount": 1e-3, "adopter_arr_amount": 1e-3},
    ),
    Case(
        "insight.fct_feedback",
        support.fct_feedback,
        ("object_type", "object_id"),
        # What the words tell is a model's guess; what a field of the source tells has a truth.
        select="* replace (split_part(object_id, ':', -1) as object_id,"
        " case when kind_assigned_by = 'source' then kind end as kind,"
        " case when sentiment_assigned_by = 'source' then sentiment end as sentiment)",
    ),
    Case(
        "insight.mart_insight__identity_audit",
        identity.mart_insight__identity_audit,
        ("source_name", "object_kind", "match_method"),
    ),
    Case(
        "insight.mart_insight__identity_review",
        identity.mart_insight__identity_review,
        ("object_kind", "object_id", "proposed_account_id"),
        comes_and_goes=True,
    ),
    Case(
        "insight.mart_insight__account_health",
        health.mart_insight__account_health,
        ("account_id", "week_start_on"),
    ),
    Case("insight.dim_themes", themes.dim_themes, ("theme_id",)),
    Case("insight.fct_feedback_themes", themes.fct_feedback_themes, ("feedback_id", "theme_id")),
    Case(
        "insight.mart_insight__theme_weekly",
        themes.mart_insight__theme_weekly,
        ("week_start_on", "theme_id"),
        tolerance=AMOUNTS | {"capped_arr_amount": 1e-3, "current_arr_amount": 1e-3},
    ),
    Case(
        "insight.mart_insight__theme_daily",
        themes.mart_insight__theme_daily,
        ("date_on", "theme_id"),
        where="theme_kind <> 'emerging'",
    ),
    Case(
        "insight.mart_insight__opportunities",
        themes.mart_insight__opportunities,
        ("theme_id",),
        tolerance=AMOUNTS
        | {
            f"{name}_amount": 1e-3
            for name in ("current_arr", "capped_current_arr", "lost_arr", "open_pipeline", "lost_pipeline")
        },
    ),
    Case(
        "insight.mart_insight__voice_of_customer",
        themes.mart_insight__voice_of_customer,
        ("measure", "week_start_on", "segment"),
        tolerance={"interval_low": 1e-6, "interval_high": 1e-6, "value": 1e-6},
    ),
    Case(
        "insight.mart_insight__loop_closure",
        loops.mart_insight__loop_closure,
        ("delivery_id", "account_id"),
        where="delivery_id in (select delivery_id from delivery.dim_deliveries where theme_id is null)",
    ),
    Case("delivery.fct_work_items", delivery.fct_work_items, ("work_item_id",)),
    Case("delivery.fct_status_spans", delivery.fct_status_spans, ("work_item_id", "span_number")),
    Case("delivery.fct_sprints", delivery.fct_sprints, ("sprint_id",)),
    Case("delivery.fct_sprint_items", delivery.fct_sprint_items, ("sprint_id", "work_item_id")),
    Case("delivery.fct_releases", delivery.fct_releases, ("release_id",)),
    Case("delivery.dim_deliveries", delivery.dim_deliveries, ("delivery_id",)),
    Case("delivery.dim_deliveries", flow.delivery_costs, ("delivery_id",), tolerance={"cost_amount": 1e-3}),
    Case(
        "governance.mart_governance__traceability",
        delivery.traceability,
        ("work_item_id",),
        tolerance={"theme_arr_amount": 1e-3},
    ),
    Case(
        "delivery.mart_delivery__flow_daily",
        flow.mart_delivery__flow_daily,
        ("date_on", "team_id"),
    ),
    Case(
        "delivery.mart_delivery__flow_weekly",
        flow.mart_delivery__flow_weekly,
        ("week_start_on", "team_id"),
    ),
    Case(
        "delivery.mart_delivery__investment",
        flow.mart_delivery__investment,
        ("month_start_on", "team_id", "work_kind"),
        tolerance={"cost_amount": 1e-3},
    ),
    Case("impact.mart_impact__release_marks", process.mart_impact__release_marks, ("mark_id",)),
    Case("impact.mart_impact__decisions", process.mart_impact__decisions, ("decision_id",)),
    Case("impact.mart_impact__key_results", process.mart_impact__key_results, ("key_result_id",)),
    Case(
        "governance.mart_governance__roadmap_evidence",
        process.mart_governance__roadmap_evidence,
        ("month_start_on", "team_id", "evidence_label"),
    ),
    Case(
        "governance.mart_governance__process_health",
        process.mart_governance__process_health,
        ("finding_kind", "subject_id"),
    ),
    Case(
        "governance.mart_governance__reconciliation",
        process.mart_governance__reconciliation,
        ("measure", "ticket_id"),
    ),
    Case(
        "impact.mart_impact__key_result_attribution",
        attribution.mart_impact__key_result_attribution,
        ("key_result_id", "contributor_id"),
        # Estimates agree to a millionth, and are carried to as much as the whole revenue.
        tolerance=AMOUNTS
        | dict.fromkeys(("movement_value", "contribution_value", "ci_low", "ci_high"), 1e-3),
    ),
    Case(
        "impact.fct_delivery_impact",
        impact.fct_delivery_impact,
        ("delivery_id", "metric", "method_version"),
        tolerance=dict.fromkeys(
            (
                "baseline_value",
                "counterfactual_value",
                "effect_abs",
                "effect_rel",
                "std_error",
                "ci_low",
                "ci_high",
                "p_value",
                "q_value",
                "mde_abs",
                "pretrend_effect",
                "pretrend_p",
                "first_stage",
            ),
            1e-06,
        ),
    ),
    Case(
        "impact.fct_delivery_impact_weekly",
        impact.fct_delivery_impact_weekly,
        ("delivery_id", "metric", "method_version", "weeks_since_exposure"),
        tolerance=dict.fromkeys(("effect_abs", "ci_low", "ci_high"), 1e-6),
    ),
)
