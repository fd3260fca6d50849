"""The insight engine as the pipeline runs it: what it reads, what it tells.

Belongs here: frames and result tables of the engine. Does not belong here: any method (the modules beside),
and what wins where several say something (dbt).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ingestion.enrichment.engine import Engine, EngineContext, ResultTable

if TYPE_CHECKING:
    import pyarrow as pa


def _run(frames: Mapping[str, pa.Table], context: EngineContext) -> dict[str, Any]:
    import pandas as pd

    from ingestion.enrichment.insight.rules import match_rules
    from ingestion.enrichment.insight.taxonomy import taxonomy_of_payloads

    taxonomy = taxonomy_of_payloads(frames["themes"].column("definition").to_pylist())
    feedback = frames["feedback"].to_pandas().rename(columns={"feedback_text": "text"})
    context.report("rules", 0, len(feedback))
    matches = match_rules(feedback, taxonomy).assign(taxonomy_version=taxonomy.version)
    themes = pd.DataFrame(
        {
            "theme_id": [theme.theme_id for theme in taxonomy.themes],
            "counts_as_theme_id": [taxonomy.current(theme.theme_id) for theme in taxonomy.themes],
            "rule_count": [len(theme.any_patterns) for theme in taxonomy.themes],
            "example_count": [len(theme.examples) for theme in taxonomy.themes],
            "taxonomy_version": taxonomy.version,
        }
    )
    return {"themes": themes, "rule_matches": matches}


ENGINE = Engine(
    name="insight",
    owner="team:product_operations",
    inputs={
        "feedback": "intermediate.int_insight__feedback_texts",
        "themes": "staging.stg_governance__themes",
    },
    results={
        "themes": ResultTable(
            key=("theme_id",),
            columns={
                "theme_id": "text",
                "counts_as_theme_id": "text",
                "rule_count": "bigint",
                "example_count": "bigint",
                "taxonomy_version": "text",
            },
            description="One row per theme of the taxonomy: the theme that its items count for today.",
        ),
        "rule_matches": ResultTable(
            key=("feedback_id", "theme_id"),
            columns={
                "feedback_id": "text",
                "theme_id": "text",
                "pattern": "text",
                "taxonomy_version": "text",
            },
            description="One row per feedback item and theme whose rules it meets.",
        ),
    },
    run=_run,
)
