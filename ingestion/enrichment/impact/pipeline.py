"""The impact engine as the pipeline runs it: which relations are its frames, and which rows it fills.

Belongs here: names, columns, and what of its earlier word stands. Does not belong here: the method
(`engine.py`).

A verdict is frozen at its horizon, with one exception: it stands for the delivery as the company described
it. Who corrects the release, the rollout or where the adopters are listed asks another question, and so does
who loads the history that was missing; that is answered anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from ingestion.enrichment.engine import Engine, EngineContext, ResultTable
from ingestion.source import ColumnType

FRAMES = {
    "accounts": "intermediate.int_impact__accounts_framed",
    "account_week": "intermediate.int_impact__account_weeks_framed",
    "deliveries": "intermediate.int_impact__deliveries_framed",
    "exposures": "intermediate.int_impact__exposures_framed",
    "assignments": "intermediate.int_impact__assignments_framed",
    "account_week_theme": "intermediate.int_impact__account_week_themes_framed",
}
EFFECT_COLUMNS: dict[str, ColumnType] = {
    "delivery_id": "text",
    "metric": "text",
    "design_rung": "text",
    "horizon_weeks": "bigint",
    "data_through": "timestamp",
    "n_treated": "bigint",
    "n_control": "bigint",
    "n_clusters": "bigint",
    "baseline_value": "double",
    "counterfactual_value": "double",
    "effect_abs": "double",
    "effect_rel": "double",
    "std_error": "double",
    "ci_low": "double",
    "ci_high": "double",
    "p_value": "double",
    "q_value": "double",
    "mde_abs": "double",
    "pretrend_effect": "double",
    "pretrend_p": "double",
    "first_stage": "double",
    "overlap_delivery_ids": "text",
    "verdict": "text",
    "verdict_reason": "text",
    "method_version": "text",
    "is_current": "boolean",
    "frozen_at": "timestamp",
    "theme_id": "text",
    "question_key": "text",
}
WEEKLY_COLUMNS: dict[str, ColumnType] = {
    "delivery_id": "text",
    "metric": "text",
    "method_version": "text",
    "weeks_since_exposure": "bigint",
    "effect_abs": "double",
    "ci_low": "double",
    "ci_high": "double",
}
# A verdict on less history than this is one on other grounds: what the gates of the method ask for.
HISTORY_STEPS_WEEKS = (16, 52)


def run(frames: Mapping[str, pa.Table], context: EngineContext) -> dict[str, Any]:
    """All deliveries on all metrics; what is frozen stays.

    Before usage or support has recorded a complete week there is nothing to say.
    """
    if frames["account_week"].num_rows == 0:
        return {}
    from ingestion.enrichment.impact.engine import IMPACT_SCHEMA, evaluate

    questions = question_keys(frames)
    earlier = context.earlier["effects"]
    stands = [
        row["frozen_at"] is None
        or row["question_key"] == questions.get(row["delivery_id"], row["question_key"])
        for row in earlier.select(["delivery_id", "frozen_at", "question_key"]).to_pylist()
    ]
    previous = earlier.filter(pa.array(stands, pa.bool_())).select(IMPACT_SCHEMA.names)
    told = evaluate(
        {
            name: frame
            for name, frame in frames.items()
            if frame.num_rows or name not in ("exposures", "assignments")
        },
        previous=previous,
        on_progress=lambda metric: context.report(metric, 0, None),
    )
    # A row of an earlier method keeps the question that it answered.
    answered = {
        (row["delivery_id"], row["metric"], row["method_version"]): row["question_key"]
        for row in earlier.select(["delivery_id", "metric", "method_version", "question_key"]).to_pylist()
    }
    keys = [
        questions.get(row["delivery_id"])
        if row["is_current"]
        else answered.get((row["delivery_id"], row["metric"], row["method_version"]))
        for row in told.impact.select(["delivery_id", "metric", "method_version", "is_current"]).to_pylist()
    ]
    return {
        "effects": told.impact.append_column("question_key", pa.array(keys, pa.string())),
        "weekly": told.weekly,
    }


def question_keys(frames: Mapping[str, pa.Table]) -> dict[str, str]:
    """What is asked of each delivery: its release, its rollout, whether lists are there, how much history."""
    import pandas as pd

    weeks = frames["account_week"].column("week").to_pandas()
    first = weeks.min()
    listed = {
        name: set(frames[name].column("delivery_id").unique().to_pylist())
        for name in ("exposures", "assignments")
    }
    found = {}
    for row in frames["deliveries"].to_pylist():
        released = row["released_at"]
        week, steps = "never", 0
        if released is not None:
            monday = pd.Timestamp(released).normalize()
            monday -= pd.Timedelta(days=monday.weekday())
            week = f"{monday:%Y-%m-%d}"
            steps = sum((monday - first).days >= 7 * least for least in HISTORY_STEPS_WEEKS)
        parts = (
            week,
            row["rollout"],
            row["assignment_unit"] or "",
            row["theme_id"] or "",
            "adopters" if row["has_adopter_list"] else "",
            *(name if row["delivery_id"] in listed[name] else "" for name in listed),
            str(steps),
        )
        found[row["delivery_id"]] = "|".join(parts)
    return found


ENGINE = Engine(
    name="impact",
    owner="team:product_operations",
    inputs=FRAMES,
    results={
        # A verdict outlives the delivery's entry in a file: whoever takes it out for a day does not thaw it.
        "effects": ResultTable(
            key=("delivery_id", "metric", "method_version"),
            columns=EFFECT_COLUMNS,
            description="One row per delivery, metric and method version: effect, interval and verdict.",
            is_whole=False,
        ),
        "weekly": ResultTable(
            key=("delivery_id", "metric", "method_version", "weeks_since_exposure"),
            columns=WEEKLY_COLUMNS,
            description="One row per delivery, metric, method version and week since exposure.",
        ),
    },
    run=run,
    reads_back=("effects",),
)
