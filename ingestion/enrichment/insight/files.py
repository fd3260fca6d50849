"""Feedback and taxonomies as files: what the commands read and write.

Belongs here: reading and writing CSV, Parquet and theme stubs, and reading what the pipeline left in a
working warehouse of whatever kind. Does not belong here: options and messages (`cli.py`), any method.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import pandas as pd
import yaml

from ingestion.enrichment.insight.engine import Memory
from ingestion.enrichment.insight.taxonomy import Taxonomy, TaxonomyInvalid
from ingestion.enrichment.insight.text import joined
from ingestion.warehouse import Warehouse

_SLUG = re.compile(r"[a-z][a-z0-9_]{1,60}")
_FEEDBACK = """
select
    items.feedback_id, items.feedback_text as text, items.occurred_at,
    cast(feedback.arr_amount as double precision) as arr
from intermediate.int_insight__feedback_items as items
left join insight.fct_feedback as feedback on items.feedback_id = feedback.feedback_id
order by items.feedback_id
"""
_CANDIDATES = """
select candidate_id, label, language, item_count, cohesion, examples
from (
    select told.*, row_number() over (partition by told._key order by told._sequence desc) as version_rank
    from enrichment_trends.candidates as told
    inner join enrichment_trends._dlt_loads as loads
        on told._dlt_load_id = loads.load_id and loads.status = 0
) as ranked
where version_rank = 1 and not _is_deleted
order by item_count desc, candidate_id
"""
_ASSIGNED = """
select
    feedback.feedback_id, given.theme_id, feedback.text_redacted,
    coalesce(given.assigned_by, case when items.theme_status = 'review' then 'review' else 'unthemed' end)
        as assigned_by,
    coalesce(given.confidence, items.theme_confidence) as confidence,
    case when given.theme_id is null then scores.theme_id end as suggested_theme_id
from insight.fct_feedback as feedback
left join staging.stg_insight__items as items on feedback.feedback_id = items.feedback_id
left join staging.stg_insight__theme_scores as scores
    on feedback.feedback_id = scores.feedback_id and scores.status = 'review'
left join (
    select
        *,
        row_number() over (partition by feedback_id order by confidence desc nulls first, theme_id) as place
    from insight.fct_feedback_themes
) as given on feedback.feedback_id = given.feedback_id and given.place = 1
order by feedback.feedback_id
"""
_TABLE = re.compile(r"(?:from|join) ([a-z_]+)\.([a-z_]+)")
_MEMORY_FILES = ("texts", "scores", "hits")


def read_feedback(place: Path | Warehouse) -> pd.DataFrame:
    """Items of a CSV or Parquet file: feedback_id, and text or subject and body; or all of a warehouse.

    Raises:
        TaxonomyInvalid: the file cannot be read, or lacks a column.
    """
    if isinstance(place, Warehouse):
        return _queried(place, _FEEDBACK)
    path = place
    expected = "a .csv or .parquet file with feedback_id and text (or subject and body)"
    try:
        if path.suffix == ".parquet":
            frame = pd.read_parquet(path)
        else:
            frame = pd.read_csv(path, dtype="str", keep_default_na=False, na_values=[""])
    except (OSError, ValueError) as error:
        came = f"{path}: {type(error).__name__}"
        raise TaxonomyInvalid(expected, came, "check path and contents", source="themes") from None
    if "text" not in frame.columns and "body" in frame.columns:
        subject = frame["subject"] if "subject" in frame.columns else pd.Series("", index=frame.index)
        frame["text"] = joined(subject, frame["body"])
    for name in ("feedback_id", "text"):
        if name not in frame.columns:
            columns = ", ".join(map(str, frame.columns[:8]))
            raise TaxonomyInvalid(expected, f"columns {columns}", f"rename or add {name!r}", source="themes")
    if "arr" in frame.columns:
        frame["arr"] = pd.to_numeric(frame["arr"], errors="coerce")
    return frame


def read_candidates(place: Path | Warehouse) -> pd.DataFrame:
    """Candidates of the last discovery: of a folder that `discover` wrote, or of a warehouse.

    Returns:
        candidate_id, label, language, item_count, examples (texts) and more, largest first.

    Raises:
        TaxonomyInvalid: there are none to read.
    """
    if isinstance(place, Warehouse):
        frame = _queried(place, _CANDIDATES)
        return frame.assign(examples=[json.loads(texts) for texts in frame["examples"]])
    file = place / "candidates.parquet"
    if not file.exists():
        raise TaxonomyInvalid(f"{file}", "no such file", "run `norte themes discover` first", source="themes")
    return pd.read_parquet(file)


def read_assigned(place: Path | Warehouse) -> pd.DataFrame:
    """The first theme of each item and its words: of a folder that `score` wrote, or of a warehouse.

    Returns:
        feedback_id, theme_id, assigned_by, confidence, suggested_theme_id, text_redacted.

    Raises:
        TaxonomyInvalid: there are none to read.
    """
    if isinstance(place, Warehouse):
        return _queried(place, _ASSIGNED)
    if not (place / "themes.parquet").exists():
        raise TaxonomyInvalid(
            f"{place}/themes.parquet", "no such file", "run `norte themes score` first", source="themes"
        )
    rows = pd.read_parquet(place / "themes.parquet").query("is_primary")
    texts = pd.read_parquet(place / "items.parquet")[["feedback_id", "text_redacted"]]
    return rows.merge(texts, on="feedback_id")


def _queried(warehouse: Warehouse, query: str) -> pd.DataFrame:
    """Rows of what was built; not while a run is changing it, which would mix two states."""
    expected = "the working warehouse of a company that was built"
    if not warehouse.exists():
        came = f"{warehouse.place}, where nothing was ever written"
        raise TaxonomyInvalid(expected, came, "check which one is meant, or `norte run`", source="themes")
    holder = warehouse.holder()
    if holder is not None:
        came = f"{warehouse.place}, which {holder} is writing to"
        raise TaxonomyInvalid(expected, came, "try again when the run is over", source="themes")
    with warehouse.open(read_only=True, who="norte themes") as session:
        for schema, table in sorted(set(_TABLE.findall(query))):
            if table not in session.columns(schema):
                came = f"{warehouse.place} without {schema}.{table}"
                raise TaxonomyInvalid(expected, came, "build it (`norte run --build`)", source="themes")
        return session.arrow(query).to_pandas()


def write_frame(frame: pd.DataFrame, path: Path) -> None:
    """CSV or Parquet, by the name's ending."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".parquet":
        frame.to_parquet(path, index=False)
    else:
        frame.to_csv(path, index=False)


def read_memory(folder: Path) -> Memory:
    """What an earlier run left there; nothing on the first one."""
    found = {name: folder / f"{name}.parquet" for name in _MEMORY_FILES}
    if not all(path.exists() for path in found.values()):
        return Memory()
    return Memory(**{name: pd.read_parquet(path) for name, path in found.items()})


def write_memory(memory: Memory, folder: Path) -> None:
    """Keep it for the next run."""
    for name in _MEMORY_FILES:
        write_frame(getattr(memory, name), folder / f"{name}.parquet")


def theme_stub(theme_id: str, label: str, language: str, examples: list[str], taxonomy: Taxonomy) -> str:
    """The YAML of a new theme that a person completes: proposed, so that it scores nothing yet.

    Raises:
        TaxonomyInvalid: the id is none, or was used before.
    """
    if not _SLUG.fullmatch(theme_id):
        raise TaxonomyInvalid(
            "an id of lower-case letters, digits and '_'", f"{theme_id!r}", "choose another", source="themes"
        )
    if theme_id in taxonomy.by_id:
        raise TaxonomyInvalid(
            "an id that was never used", f"{theme_id!r}, which was", "choose another", source="themes"
        )
    content = {
        "id": theme_id,
        "name": {language if language in ("en", "pt") else "en": label},
        "status": "proposed",
        "examples": examples,
    }
    text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=100)
    head = "# Proposed from what customers wrote. Name it, give it an owner, read the examples,\n"
    return f"{head}# remove what does not belong, then set `status: active`.\n{text}"
