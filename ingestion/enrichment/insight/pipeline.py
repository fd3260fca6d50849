"""The insight engine as the pipeline runs it: what it reads, what it tells.

Belongs here: frames and result tables of the engine, in their order. Does not belong here: any method (the
modules beside), how its results become its memory (`remembering.py`), and what wins where several say
something (dbt).

Only texts that are new, or were scored by another model or taxonomy, are read; a run without any loads no
model.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ingestion.enrichment.engine import Engine, EngineContext, ResultTable
from ingestion.source import ColumnType

if TYPE_CHECKING:
    from collections.abc import Collection

    import pyarrow as pa

    from ingestion.warehouse import Session

ITEM_COLUMNS: dict[str, ColumnType] = {
    "feedback_id": "text",
    "text_hash": "text",
    "language": "text",
    "kind": "text",
    "kind_confidence": "double",
    "sentiment": "text",
    "sentiment_score": "double",
    "duplicate_group_id": "text",
    "is_duplicate": "boolean",
    "duplicate_key": "text",
    "text_redacted": "text",
    "hidden_count": "bigint",
    "name_count": "bigint",
    "redaction_key": "text",
    "theme_status": "text",
    "theme_confidence": "double",
    "model_id": "text",
    "taxonomy_version": "text",
}
SCORE_COLUMNS: dict[str, ColumnType] = {
    "feedback_id": "text",
    "theme_id": "text",
    "confidence": "double",
    "rank": "bigint",
    "status": "text",
    "model_id": "text",
    "taxonomy_version": "text",
}


def run(frames: Mapping[str, pa.Table], context: EngineContext) -> dict[str, Any]:
    """Everything about every item; what is remembered is told again."""
    import pandas as pd

    from ingestion.enrichment.insight import forgetting, remembering
    from ingestion.enrichment.insight.encode import encoder as default_encoder
    from ingestion.enrichment.insight.engine import hashed_items, model_id_of, read_new
    from ingestion.enrichment.insight.taxonomy import taxonomy_of_payloads

    taxonomy = taxonomy_of_payloads(frames["themes"].column("definition").to_pylist())
    feedback = frames["feedback"].to_pandas().rename(columns={"feedback_text": "text"})
    encoder = default_encoder()
    if encoder.note:
        context.note(encoder.note)
    items = forgetting.with_marks(hashed_items(feedback), context.earlier["items"].to_pandas())
    memory = forgetting.still_known(
        remembering.memory_of(context.earlier),
        model_id=model_id_of(encoder),
        taxonomy_version=taxonomy.version,
        theme_ids=[theme.theme_id for theme in taxonomy.themes],
        dimensions=encoder.dimensions,
    )
    context.report("texts", 0, len(items))
    found = read_new(items, taxonomy, encoder=encoder, memory=memory)
    context.note(f"{found.scored_texts} of {items['text_hash'].nunique()} different texts were new")
    scored = {"model_id": model_id_of(encoder), "taxonomy_version": taxonomy.version}
    context.report("duplicates and personal data", 0, len(items))
    told = remembering.told_items(items, frames["names"].to_pandas(), found.memory, context.earlier["items"])
    themes = pd.DataFrame(
        {
            "theme_id": [theme.theme_id for theme in taxonomy.themes],
            "counts_as_theme_id": [taxonomy.current(theme.theme_id) for theme in taxonomy.themes],
            "rule_count": [len(theme.any_patterns) for theme in taxonomy.themes],
            "example_count": [len(theme.examples) for theme in taxonomy.themes],
            "taxonomy_version": taxonomy.version,
        }
    )
    ids = items[["feedback_id", "text_hash"]]
    scores = ids.merge(found.memory.scores.dropna(subset=["theme_id"]), on="text_hash")
    hits = ids.merge(found.memory.hits, on="text_hash")
    return {
        "themes": themes,
        "rule_matches": hits[["feedback_id", "theme_id", "pattern", "taxonomy_version"]],
        "items": told.assign(**scored)[list(ITEM_COLUMNS)],
        "theme_scores": scores[list(SCORE_COLUMNS)],
        "vectors": remembering.told_vectors(found.memory.texts),
        "versions": remembering.told_versions(
            context.earlier["versions"], today=context.today, caveat=encoder.caveat, **scored
        ),
    }


def forget(session: Session, dataset: str, feedback_ids: Collection[str] | None) -> None:
    """Take the words of erased people out of the results; see `forgetting.py`."""
    from ingestion.enrichment.insight.forgetting import forget_words

    forget_words(session, dataset, feedback_ids)


ENGINE = Engine(
    name="insight",
    owner="team:product_operations",
    inputs={
        "feedback": "intermediate.int_insight__feedback_texts",
        "names": "intermediate.int_insight__known_names",
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
        "items": ResultTable(
            key=("feedback_id",),
            columns=ITEM_COLUMNS,
            description=(
                "One row per feedback item: language, kind, sentiment, duplicate group, words without "
                "personal data, and whether the model knows its theme."
            ),
        ),
        "theme_scores": ResultTable(
            key=("feedback_id", "theme_id"),
            columns=SCORE_COLUMNS,
            description=(
                "One row per feedback item and theme that the model gives it (assigned), or would if it were "
                "surer (review)."
            ),
        ),
        "vectors": ResultTable(
            key=("text_hash",),
            columns={"text_hash": "text", "model_id": "text", "vector": "text"},
            description="One row per different text: its vector, float16 in base64.",
        ),
        "versions": ResultTable(
            key=("scored_from_on",),
            columns={
                "scored_from_on": "date",
                "model_id": "text",
                "taxonomy_version": "text",
                "note": "text",
            },
            description="One row per day from which another model or taxonomy scored the whole history.",
        ),
    },
    run=run,
    reads_back=("items", "theme_scores", "rule_matches", "vectors", "versions"),
    forget=forget,
)
