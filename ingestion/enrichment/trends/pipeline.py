"""The trends engine as the pipeline runs it: what it reads, what it tells.

Belongs here: frames and result tables. Does not belong here: any method (`../insight/`), who is told.

Emerging themes are sought on the last complete day alone, and what was found on days before stays as it was
told; a candidate keeps its id as long as its items do.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ingestion.enrichment.engine import Engine, EngineContext, ResultTable
from ingestion.source import ColumnType

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

ALL = "all"
_KEY_CHARACTERS = 16
# Another one means that candidates are looked for anew.
_METHOD = "leiden-1"
CANDIDATE_COLUMNS: dict[str, ColumnType] = {
    "candidate_id": "text",
    "label": "text",
    "language": "text",
    "item_count": "bigint",
    "cohesion": "double",
    "examples": "text",
    "centre": "text",
    "found_at": "timestamp",
    "basis_key": "text",
}


def run(frames: Mapping[str, pa.Table], context: EngineContext) -> dict[str, Any]:
    """Spikes of all days, emerging themes of the last complete day, candidates among the unthemed."""
    import pandas as pd

    from ingestion.enrichment.insight.emerging import find_emerging
    from ingestion.enrichment.insight.spikes import find_spikes

    days = frames["theme_days"].to_pandas()
    if days.empty:
        return {}
    is_total = days["theme_id"] == ALL
    daily = days[~is_total].rename(columns={"date_on": "day"})
    context.report("spikes", 0, None)
    spikes = find_spikes(daily, days[is_total].rename(columns={"date_on": "day"}))
    told: dict[str, Any] = {"spikes": spikes.rename(columns={"day": "date_on"})}

    unthemed = frames["unthemed"].to_pandas()
    unthemed = unthemed.sort_values("feedback_id", ignore_index=True)
    unthemed["occurred_at"] = pd.to_datetime(unthemed.pop("date_on"))
    unthemed = unthemed.rename(columns={"text_redacted": "text"})
    vectors = _vectors(unthemed)
    context.report("emerging themes", 0, len(unthemed))
    last = days["date_on"].max()
    before = context.earlier["emerging"].to_pandas().drop(columns="_extracted_at")
    before = before[before["date_on"] < last]
    earlier = before.assign(day=before["date_on"], example_ids=before["example_ids"].str.split(";"))
    emerging = find_emerging(unthemed, vectors, pd.Timestamp(last), earlier=earlier)
    emerging = emerging.assign(
        date_on=emerging["day"], example_ids=[";".join(ids) for ids in emerging["example_ids"]]
    ).drop(columns="day")
    told["emerging"] = pd.concat([before, emerging], ignore_index=True) if len(before) else emerging
    return told | _candidates(unthemed, vectors, context)


def _vectors(items: pd.DataFrame) -> Any:
    import numpy as np

    rows = [np.frombuffer(base64.b64decode(text), dtype="<f2") for text in items["vector"]]
    return np.vstack(rows).astype(np.float32) if rows else np.zeros((0, 1), dtype=np.float32)


def _candidates(unthemed: pd.DataFrame, vectors: Any, context: EngineContext) -> dict[str, Any]:
    import numpy as np
    import pandas as pd

    from ingestion.enrichment.insight.discover import discover

    items = unthemed[~unthemed["is_duplicate"].astype(bool)]
    earlier = context.earlier["candidates"].to_pandas().drop(columns="_extracted_at")
    members = context.earlier["candidate_members"].to_pandas().drop(columns="_extracted_at")
    content = "|".join([_METHOD, *items["feedback_id"], *items["vector"]])
    basis = hashlib.sha256(content.encode()).hexdigest()[:_KEY_CHARACTERS]
    if len(earlier) and (earlier["basis_key"] == basis).all():
        return {"candidates": earlier, "candidate_members": members}
    context.report("candidates", 0, len(items))
    before = earlier.assign(
        centre=[np.frombuffer(base64.b64decode(text), dtype="<f4").tolist() for text in earlier["centre"]]
    )
    found, belonging = discover(
        items, vectors[items.index.to_numpy()], earlier=before, earlier_members=members
    )
    by_id = items.set_index("feedback_id")
    first_found = dict(zip(earlier["candidate_id"], earlier["found_at"], strict=True))
    languages = [by_id.loc[ids, "language"].mode() for ids in found["example_ids"]]
    spoken: list[Any] = [str(common.iloc[0]) if len(common) else None for common in languages]
    told = found.assign(
        language=spoken,
        examples=[
            json.dumps(by_id.loc[ids, "text"].tolist(), ensure_ascii=False) for ids in found["example_ids"]
        ],
        centre=[
            base64.b64encode(np.asarray(centre, dtype="<f4").tobytes()).decode("ascii")
            for centre in found["centre"]
        ],
        found_at=pd.Series(
            [first_found.get(candidate_id, context.now) for candidate_id in found["candidate_id"]],
            index=found.index,
            dtype="datetime64[us]",
        ),
        basis_key=basis,
    )
    return {"candidates": told[list(CANDIDATE_COLUMNS)], "candidate_members": belonging}


ENGINE = Engine(
    name="trends",
    owner="team:product_operations",
    inputs={
        "theme_days": "intermediate.int_insight__theme_days",
        "unthemed": "intermediate.int_insight__unthemed_texts",
    },
    results={
        "spikes": ResultTable(
            key=("theme_id", "date_on"),
            columns={
                "theme_id": "text",
                "date_on": "date",
                "item_count_7d": "bigint",
                "expected_count_7d": "double",
                "z": "double",
                "state": "text",
            },
            description=(
                "One row per theme and complete day with enough history: this week against the weeks before."
            ),
        ),
        "emerging": ResultTable(
            key=("emerging_id", "date_on"),
            columns={
                "emerging_id": "text",
                "date_on": "date",
                "label": "text",
                "item_count_7d": "bigint",
                "expected_count_7d": "double",
                "probability": "double",
                "example_ids": "text",
            },
            description=(
                "One row per group of unthemed items and day on whose run it came up more than before."
            ),
        ),
        "candidates": ResultTable(
            key=("candidate_id",),
            columns=CANDIDATE_COLUMNS,
            description="One row per group among the unthemed items that could become a theme.",
        ),
        "candidate_members": ResultTable(
            key=("feedback_id",),
            columns={"feedback_id": "text", "candidate_id": "text", "closeness": "double"},
            description="One row per unthemed item that belongs to a candidate.",
        ),
    },
    run=run,
    reads_back=("candidates", "candidate_members", "emerging"),
)
