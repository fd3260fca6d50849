"""What each saved query of the semantic layer must answer: the same from the marts, written by hand.

Belongs here: one query on the published file per saved query, and the comparison. Does not belong here:
asking the semantic layer (`semantic_layer.py`).
"""

from __future__ import annotations

import math
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import duckdb

_DAILY = "select value from metric.mart_metric__daily as m where m.date_on = d.date_on and m.segment = 'all'"

# Columns that name a row come first.
SAVED_QUERIES: dict[str, tuple[int, str]] = {
    "revenue_by_day": (
        2,
        """select date_on, segment,
          max(case when metric_id = 'mrr' then value end) as mrr,
          max(case when metric_id = 'arr' then value end) as arr,
          max(case when metric_id = 'customer_count' then value end) as customer_count,
          max(case when metric_id = 'mrr' then value end)
            / max(case when metric_id = 'customer_count' then value end) as mrr_per_customer
        from metric.mart_metric__daily
        where metric_id in ('mrr', 'arr', 'customer_count') and segment <> 'all' group by all""",
    ),
    "revenue_movements_by_month": (
        2,
        """unpivot (select month_start_on as month, new_amount as "new", reactivation_amount as reactivation,
          expansion_amount as expansion, -contraction_amount as contraction, -churn_amount as churn,
          fx_restatement_amount as fx_restatement, segment_transfer_amount as segment_transfer
          from metric.mart_metric__mrr_monthly where segment = 'all')
        on columns(* exclude month) into name movement_type value moved_mrr""",
    ),
    "revenue_at_month_end": (
        1,
        """select month_start_on, closing_mrr_amount as moved_mrr_cumulative
        from metric.mart_metric__mrr_monthly where segment = 'all'""",
    ),
    "retention_by_month": (
        1,
        """select month_start_on, nrr_12m_ratio, grr_12m_ratio, logo_churn_1m_ratio
        from metric.mart_metric__mrr_monthly where segment = 'all' and is_complete""",
    ),
    "sales_by_month": (
        2,
        """select month_start_on, deal_type, win_ratio from metric.mart_metric__pipeline
        where cohort_basis = 'created' and segment = 'all' and deal_type <> 'all'""",
    ),
    "deals_won_by_day": (
        2,
        """select date_on, segment, value as deals_won_amount
        from metric.mart_metric__daily where metric_id = 'deals_won_amount' and segment <> 'all'""",
    ),
    "pipeline_by_day": (
        1,
        """select date_on, value as open_pipeline_amount
        from metric.mart_metric__daily where metric_id = 'open_pipeline_amount' and segment = 'all'""",
    ),
    "activity_by_day": (
        1,
        """select date_on, active_person_7d_count as active_people_7d,
          active_account_7d_count as active_accounts_7d, stickiness_ratio as stickiness
        from metric.mart_metric__active_daily where segment = 'all'""",
    ),
    "activation_by_week": (
        1,
        """select cohort_week_on, activation_ratio
        from metric.mart_metric__activation where segment = 'all' and is_complete""",
    ),
    "retention_by_week": (
        1,
        """select cohort_week_on, returned_ratio as week_4_retention_ratio
        from metric.mart_metric__retention_cohorts
        where segment = 'all' and period_unit = 'week' and period_number = 4""",
    ),
    "adoption_by_delivery": (
        1,
        """select delivery_id, adoption_ratio as feature_adoption_ratio
        from metric.mart_metric__feature_adoption""",
    ),
    "tickets_by_day": (
        2,
        """select date_on, segment,
          max(case when metric_id = 'tickets_created' then value end) as tickets_created,
          max(case when metric_id = 'first_reply_minutes_median' then value end) as first_reply_minutes_median
        from metric.mart_metric__daily
        where metric_id in ('tickets_created', 'first_reply_minutes_median') and segment <> 'all'
        group by all""",
    ),
    "tickets_of_four_weeks": (
        1,
        """select d.date_on, sum(m.value) as tickets_created_28d
        from metric.dim_dates as d
        inner join metric.mart_metric__daily as m
          on m.date_on between d.date_on - 27 and d.date_on
          and m.metric_id = 'tickets_created' and m.segment = 'all'
        group by all""",
    ),
    "contacts_by_day": (
        1,
        """select starts_on, contact_ratio from metric.mart_metric__support_performance
        where period_unit = 'day' and team_id = 'all' and segment = 'all'""",
    ),
    "resolutions_by_day": (
        1,
        """select starts_on, full_resolution_minutes_p50 as full_resolution_minutes_median, one_touch_ratio
        from metric.mart_metric__support_performance
        where period_unit = 'day' and team_id = 'all' and segment = 'all'""",
    ),
    "promises_by_day": (
        1,
        """select starts_on, first_reply_attainment_ratio, full_resolution_attainment_ratio
        from metric.mart_metric__support_performance
        where period_unit = 'day' and team_id = 'all' and segment = 'all'""",
    ),
    "voice_by_day": (
        1,
        f"""select distinct d.date_on,
          ({_DAILY} and metric_id = 'ticket_backlog') as ticket_backlog,
          ({_DAILY} and metric_id = 'csat_ratio') as csat_ratio, ({_DAILY} and metric_id = 'nps') as nps
        from metric.mart_metric__daily as d where d.metric_id in ('ticket_backlog', 'csat_ratio', 'nps')""",
    ),
    "work_done_by_week": (
        1,
        """select week_start_on, throughput_count as work_items_done,
          cycle_time_p50_days as cycle_time_of_done_days_median, flow_efficiency_ratio
        from delivery.mart_delivery__flow_weekly where team_id = 'all'""",
    ),
    "work_done_so_far": (
        1,
        """select date_on, sum(throughput_count) over (order by date_on) as work_items_done_cumulative
        from delivery.mart_delivery__flow_daily where team_id = 'all'""",
    ),
    "flow_by_day": (
        1,
        """select date_on, wip_count as work_items_in_progress, cycle_time_p50_days as cycle_time_days_median
        from delivery.mart_delivery__flow_daily where team_id = 'all'""",
    ),
    "people_days_by_delivery": (
        2,
        "select delivery_id, delivery_name, people_days from delivery.dim_deliveries where people_days > 0",
    ),
    "planning_by_sprint": (
        1,
        """select sprint_id, planning_accuracy_ratio as planning_accuracy_ratio
        from delivery.fct_sprints where completed_at is not null""",
    ),
    "evidence_by_month": (
        1,
        """select month_start_on,
          coalesce(max(case when evidence_label = 'evidence-backed' then people_days_ratio end), 0)
            as evidence_backed_people_days_ratio
        from governance.mart_governance__roadmap_evidence where team_id = 'all' group by all""",
    ),
}


def disagreements(
    name: str, answer: dict[str, Any], published: duckdb.DuckDBPyConnection, today: date
) -> list[str]:
    """Where an answer of the semantic layer and the marts part; empty when they agree.

    Rows without any value say nothing on either side. Cumulative metrics go on over the days ahead that the
    spine knows, which no mart has.
    """
    key_count, sql = SAVED_QUERIES[name]
    said = published.execute(sql)
    columns = [column[0] for column in said.description]
    marts = _by_key(columns, said.fetchall(), key_count, columns[key_count:], today)
    layer = _by_key(answer["columns"], answer["rows"], key_count, columns[key_count:], today)
    found = [f"{name}: only the marts have {key}" for key in sorted(marts.keys() - layer.keys(), key=str)]
    found += [f"{name}: only the layer has {key}" for key in sorted(layer.keys() - marts.keys(), key=str)]
    for key in sorted(marts.keys() & layer.keys(), key=str):
        for column, mart, other in zip(columns[key_count:], marts[key], layer[key], strict=True):
            if not (mart is other or (None not in (mart, other) and math.isclose(mart, other, abs_tol=1e-6))):
                found.append(f"{name}: {column} of {key} is {other} in the layer and {mart} in the marts")
    return found if marts else [f"{name}: the marts have nothing to compare"]


def _by_key(
    columns: list[str], rows: list[Any], key_count: int, values: list[str], today: date
) -> dict[tuple[Any, ...], list[float | None]]:
    places = [columns.index(value) for value in values]
    found = {}
    for row in rows:
        key = tuple(_plain(part) for part in row[:key_count])
        numbers = [None if row[place] is None else float(row[place]) for place in places]
        is_ahead = isinstance(key[0], str) and key[0][:2] == "20" and key[0] > str(today)
        if any(numbers) and None not in key and not is_ahead:
            found[key] = numbers
    return found


def _plain(part: Any) -> Any:
    """A date however it was written; anything else as it is."""
    if isinstance(part, Decimal):
        return float(part)
    if isinstance(part, date | datetime):
        return str(part)[:10]
    return part[:10] if isinstance(part, str) and part.endswith(" 00:00:00") else part
