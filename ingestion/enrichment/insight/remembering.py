"""What the engine told a warehouse as its memory, and what it tells anew.

Belongs here: result tables to `Memory` and back, and what need not be done again item by item: hiding
personal data, finding duplicates. Does not belong here: any method, the tables' columns (`pipeline.py`).

Each thing is remembered by a key of all that it depends on, its method included: what is taken from memory is
what a run over everything would find.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Mapping
from datetime import date

import pandas as pd
import pyarrow as pa

from ingestion.enrichment.insight import duplicates, forgetting, redact
from ingestion.enrichment.insight.engine import Memory, version_marks
from ingestion.enrichment.insight.themes import UNTHEMED

_KEY_CHARACTERS = 16


def memory_of(earlier: Mapping[str, pa.Table]) -> Memory:
    """The memory that the tables `items`, `theme_scores`, `rule_matches` and `vectors` hold."""
    items = _frame(earlier["items"])
    if items.empty:
        return Memory()
    vectors = _frame(earlier["vectors"])[["text_hash", "model_id", "vector"]]
    vectors["vector"] = [base64.b64decode(text) for text in vectors["vector"]]
    texts = items.drop_duplicates("text_hash").merge(vectors, on=["text_hash", "model_id"])
    by_item = items[["feedback_id", "text_hash", "model_id", "taxonomy_version"]]
    unthemed = items[items["theme_status"] == UNTHEMED].assign(
        theme_id=None, confidence=lambda frame: frame["theme_confidence"], rank=1, status=UNTHEMED
    )
    # A table holds the rows of one model and taxonomy; those of the items say of which.
    scores = _frame(earlier["theme_scores"]).drop(columns=["model_id", "taxonomy_version"])
    scored = by_item.merge(scores, on="feedback_id")
    hits = _frame(earlier["rule_matches"]).drop(columns=["taxonomy_version"]).merge(by_item, on="feedback_id")
    columns = {name: list(getattr(Memory(), name).columns) for name in ("texts", "scores", "hits")}
    both = pd.concat([scored[columns["scores"]], unthemed[columns["scores"]]], ignore_index=True)
    return Memory(
        texts=texts[columns["texts"]],
        scores=both.sort_values(["text_hash", "rank"], kind="stable").drop_duplicates(
            ["text_hash", "theme_id"]
        ),
        hits=hits[columns["hits"]].drop_duplicates(["text_hash", "theme_id"]),
    )


def told_items(items: pd.DataFrame, names: pd.DataFrame, memory: Memory, earlier: pa.Table) -> pd.DataFrame:
    """One row per item: what is known of its text, its duplicate group, its words without personal data.

    Arguments:
        items: feedback_id, text, text_hash, occurred_at, duplicate_scope, account_id, person_key.
        names: account_id, person_key, person_name: of an item, those of its account and its author are known.
        earlier: what was told of them before.
    """
    before = _frame(earlier)
    told = items[["feedback_id", "text_hash"]].merge(
        memory.texts.drop(columns=["vector", "model_id"]), on="text_hash", how="left"
    )
    best = memory.scores[memory.scores["rank"] == 1].drop_duplicates("text_hash")
    best = best[["text_hash", "status", "confidence"]].set_axis(
        ["text_hash", "theme_status", "theme_confidence"], axis=1
    )
    told = told.merge(best, on="text_hash", how="left")
    told = told.merge(_groups(items, before), on="feedback_id", how="left")
    return told.merge(_redacted(items, names, before), on="feedback_id", how="left")


def told_vectors(texts: pd.DataFrame) -> pd.DataFrame:
    """The vectors of `Memory.texts` as text."""
    found = texts[["text_hash", "model_id"]].copy()
    found["vector"] = [base64.b64encode(vector).decode("ascii") for vector in texts["vector"]]
    return found


def told_versions(
    earlier: pa.Table, *, model_id: str, taxonomy_version: str, caveat: str, today: date
) -> pd.DataFrame:
    """Which model and taxonomy scored everything, and from which day on; of a day the last ones count."""
    before = _frame(earlier).sort_values("scored_from_on", kind="stable", ignore_index=True)
    notes = dict(
        zip(zip(before["model_id"], before["taxonomy_version"], strict=True), before["note"], strict=True)
    )
    marks = version_marks(
        before[["scored_from_on", "model_id", "taxonomy_version"]],
        model_id,
        taxonomy_version,
        pd.Timestamp(today),
    )
    notes[model_id, taxonomy_version] = caveat
    marks["note"] = [notes[pair] for pair in zip(marks["model_id"], marks["taxonomy_version"], strict=True)]
    return marks.drop_duplicates("scored_from_on", keep="last")


def _frame(table: pa.Table) -> pd.DataFrame:
    return table.to_pandas()


def _key(*parts: object) -> str:
    content = "\x1f".join("\x1e" if part is None else str(part) for part in parts)
    return hashlib.sha256(content.encode("utf-8", "surrogatepass")).hexdigest()[:_KEY_CHARACTERS]


def _groups(items: pd.DataFrame, before: pd.DataFrame) -> pd.DataFrame:
    """Duplicates within each scope; a scope in which nothing changed is not looked at again."""
    frame = items[["feedback_id", "text", "text_hash", "occurred_at", "duplicate_scope"]].copy()
    # What was a copy stays one when its words are gone.
    gone = forgetting.are_marked(frame["text_hash"])
    groups = before[["feedback_id", "duplicate_key", "duplicate_group_id", "is_duplicate"]]
    erased = frame.loc[gone, ["feedback_id"]].merge(groups, on="feedback_id")
    frame = frame[~gone]
    frame["line"] = frame["feedback_id"] + "|" + frame["text_hash"] + "|" + frame["occurred_at"].astype("str")
    keys = {
        scope: _key(duplicates.METHOD, *sorted(lines))
        for scope, lines in frame.groupby("duplicate_scope")["line"]
    }
    frame["duplicate_key"] = frame["duplicate_scope"].map(keys).astype("str")
    kept = frame[["feedback_id", "duplicate_key"]].merge(groups, on=["feedback_id", "duplicate_key"])
    kept = pd.concat([kept, erased[kept.columns]], ignore_index=True) if len(erased) else kept
    new = frame[~frame["feedback_id"].isin(kept["feedback_id"])]
    if new.empty:
        return kept
    found = duplicates.find_duplicates(new, scope="duplicate_scope").drop(columns="similarity")
    found = found.merge(new[["feedback_id", "duplicate_key"]], on="feedback_id")
    return pd.concat([kept, found], ignore_index=True) if len(kept) else found


def _redacted(items: pd.DataFrame, names: pd.DataFrame, before: pd.DataFrame) -> pd.DataFrame:
    """Words without personal data; an item is read again when its text or a name that is known changed."""
    of = {name: _by_owner(names, name) for name in ("account_id", "person_key")}
    columns = ["feedback_id", "text_redacted", "hidden_count", "name_count", "redaction_key"]
    known = {row[4]: row[1:4] for row in before[columns].itertuples(index=False, name=None)}
    rows = []
    for feedback_id, text, text_hash, account_id, person_key in items[
        ["feedback_id", "text", "text_hash", "account_id", "person_key"]
    ].itertuples(index=False, name=None):
        met = of["account_id"].get(account_id, frozenset()) | of["person_key"].get(person_key, frozenset())
        key = _key(redact.METHOD, text_hash, *sorted(met))
        if key not in known:
            known[key] = _without_personal_data(text, met)
        rows.append((feedback_id, *known[key], key))
    found = pd.DataFrame(rows, columns=columns)
    return found.astype({"text_redacted": "str", "hidden_count": "int64", "name_count": "int64"})


def _without_personal_data(text: object, names: Iterable[str]) -> tuple[str | None, int, int]:
    if not isinstance(text, str):
        return None, 0, 0
    found = redact.redact(text, list(names))
    return found.text, sum(found.counts.values()), found.counts["name"]


def _by_owner(names: pd.DataFrame, owner: str) -> dict[str, frozenset[str]]:
    known = names.dropna(subset=[owner, "person_name"])
    return {str(key): frozenset(part) for key, part in known.groupby(owner)["person_name"]}
