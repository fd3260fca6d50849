"""Everything about a set of feedback items in one call: what is new is scored, the rest is remembered.

Belongs here: the order of the steps and the memory between runs. Does not belong here: any method.

The memory is keyed by the hash of the text, the model and (for themes) the version of the taxonomy, so that a
run over new items alone and one over everything give the same rows.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from ingestion.enrichment.insight import sentiment as words
from ingestion.enrichment.insight import themes as model
from ingestion.enrichment.insight.duplicates import find_duplicates
from ingestion.enrichment.insight.encode import Encoder
from ingestion.enrichment.insight.encode import encoder as default_encoder
from ingestion.enrichment.insight.language import find_language
from ingestion.enrichment.insight.precedence import assign_themes
from ingestion.enrichment.insight.redact import redact_frame
from ingestion.enrichment.insight.rules import match_rules
from ingestion.enrichment.insight.taxonomy import Taxonomy, TaxonomyInvalid
from ingestion.enrichment.insight.text import text_hash

METHOD_VERSION = f"{model.METHOD}+{words.METHOD}"
REQUIRED_COLUMNS = ("feedback_id", "text")
# Of so many texts at a time vectors and scores are held as numbers; kept are their bytes and what was found.
_BLOCK = 4_096
# Of a source; where they are set they win over the words.
SOURCE_COLUMNS = {"kind": "source_kind", "sentiment": "source_sentiment"}
ITEM_COLUMNS = (
    "feedback_id",
    "text_hash",
    "language",
    "kind",
    "kind_assigned_by",
    "kind_confidence",
    "sentiment",
    "sentiment_assigned_by",
    "sentiment_score",
    "duplicate_group_id",
    "is_duplicate",
    "text_redacted",
    "name_count",
    "model_id",
    "taxonomy_version",
)
_TEXT_COLUMNS = (
    "text_hash",
    "model_id",
    "vector",
    "language",
    "kind",
    "kind_confidence",
    "sentiment",
    "sentiment_score",
)
_SCORE_COLUMNS = ("text_hash", "model_id", "taxonomy_version", *model.SCORE_COLUMNS[1:])
_HIT_COLUMNS = ("text_hash", "model_id", "taxonomy_version", "theme_id", "pattern")


@dataclass
class Memory:
    """What earlier runs found; plain frames, to be kept by whoever calls.

    Arguments:
        texts: a row per text and model: its vector (float16 as bytes), language, kind and sentiment.
        scores: themes by the model, per text, model and taxonomy version.
        hits: themes by rule, likewise.
    """

    texts: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=list(_TEXT_COLUMNS)))
    scores: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=list(_SCORE_COLUMNS)))
    hits: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=list(_HIT_COLUMNS)))


@dataclass(frozen=True)
class Reading:
    """What is known of the texts alone.

    Arguments:
        memory: of the current texts, model and taxonomy: what was remembered and what is new.
        scored_texts: how many different texts were new to the memory.
    """

    memory: Memory
    scored_texts: int


@dataclass(frozen=True)
class Insight:
    """What is known about the items.

    Arguments:
        items: one row per item, with ITEM_COLUMNS, by id.
        themes: see `assign_themes`.
        memory: for the next run: of the current model and taxonomy alone.
        scored_texts: how many different texts were new to the memory.
        note: what a reader should know about the encoder; empty when nothing.
        dimensions: of a vector.
    """

    items: pd.DataFrame
    themes: pd.DataFrame
    memory: Memory
    scored_texts: int
    note: str
    dimensions: int

    @property
    def vectors(self) -> np.ndarray:
        """float32[items, d], in the order of `items`."""
        return self.vectors_of(self.items["feedback_id"])

    def vectors_of(self, feedback_ids: Collection[str]) -> np.ndarray:
        """float32[n, d] of some items, in the order of the ids; of all of them they need memory."""
        of_item = self.items.set_index("feedback_id")["text_hash"]
        known = self.memory.texts.set_index("text_hash")["vector"]
        return _vectors(known.loc[of_item.loc[list(feedback_ids)]].tolist(), self.dimensions)


def model_id_of(encoder: Encoder) -> str:
    """Encoder and methods: another one means that history is scored anew."""
    return f"{encoder.model_id}/{METHOD_VERSION}"


def analyse(
    feedback: pd.DataFrame,
    taxonomy: Taxonomy,
    *,
    encoder: Encoder | None = None,
    memory: Memory | None = None,
    overrides: pd.DataFrame | None = None,
    source_themes: pd.DataFrame | None = None,
    names: Collection[str] = (),
    duplicate_scope: str | None = None,
) -> Insight:
    """Kind, sentiment, language, duplicate group, redacted text and themes of every item.

    Arguments:
        feedback: feedback_id (unique), text; optional occurred_at, source_kind, source_sentiment, and the
            column named by `duplicate_scope`.
        encoder: default: the sentence encoder, or the fallback with a warning.
        memory: of an earlier run; without it everything is scored.
        overrides, source_themes: see `assign_themes`.
        names: see `redact`.

    Raises:
        TaxonomyInvalid: the frame lacks a column, or an id comes twice.
    """
    _check(feedback)
    encoder = encoder or default_encoder()
    model_id = model_id_of(encoder)
    items = hashed_items(feedback)
    found = read_new(items, taxonomy, encoder=encoder, memory=memory or Memory())
    texts, all_scores, all_hits = found.memory.texts, found.memory.scores, found.memory.hits

    ids = items[["feedback_id", "text_hash"]]
    themes = assign_themes(
        items["feedback_id"],
        taxonomy,
        scores=ids.merge(all_scores, on="text_hash")[list(model.SCORE_COLUMNS)],
        hits=ids.merge(all_hits, on="text_hash")[["feedback_id", "theme_id", "pattern"]],
        overrides=overrides,
        source_themes=source_themes,
        model_id=model_id,
    )
    return Insight(
        items=_items(items, texts, taxonomy, model_id, names, duplicate_scope),
        themes=themes,
        memory=found.memory,
        scored_texts=found.scored_texts,
        note=encoder.note,
        dimensions=encoder.dimensions,
    )


def hashed_items(feedback: pd.DataFrame) -> pd.DataFrame:
    """The items by id, each with the hash of its text."""
    items = feedback.copy()
    items["feedback_id"] = items["feedback_id"].astype("str")
    items = items.sort_values("feedback_id", kind="stable", ignore_index=True)
    items["text_hash"] = pd.Series(
        [text_hash(text) for text in items["text"]], dtype="str", index=items.index
    )
    return items


def read_new(items: pd.DataFrame, taxonomy: Taxonomy, *, encoder: Encoder, memory: Memory) -> Reading:
    """Language, kind, sentiment, themes by seeds and by rules of the texts that the memory does not hold.

    Where it holds them all, no model is loaded.

    Arguments:
        items: text_hash, text.
        memory: of an earlier run; what is of another model or taxonomy does not count.
    """
    model_id = model_id_of(encoder)
    different = items.drop_duplicates("text_hash")[["text_hash", "text"]]
    remembered = _of_version(memory, model_id, taxonomy.version)
    texts = remembered.texts[remembered.texts["text_hash"].isin(different["text_hash"])]
    new = different[~different["text_hash"].isin(texts["text_hash"])]
    if len(new) or texts.empty:
        texts = _joined(texts, _read_texts(new, encoder, model_id))
    scores = remembered.scores[remembered.scores["text_hash"].isin(different["text_hash"])]
    hits = remembered.hits[remembered.hits["text_hash"].isin(different["text_hash"])]
    unscored = different[~different["text_hash"].isin(scores["text_hash"])]
    if len(unscored) or scores.empty:
        found, met = _scored(unscored, texts, taxonomy, encoder)
        scores = _joined(scores, _keyed(found, _SCORE_COLUMNS, model_id, taxonomy.version))
        hits = _joined(hits, _keyed(met, _HIT_COLUMNS, model_id, taxonomy.version))
    memory = Memory(*(_by_text(frame) for frame in (texts, scores, hits)))
    return Reading(memory, len(set(new["text_hash"]) | set(unscored["text_hash"])))


def vectors_of(texts: pd.DataFrame, dimensions: int) -> np.ndarray:
    """float32[n, d] of the rows of `Memory.texts`."""
    return _vectors(texts["vector"].tolist(), dimensions)


def _vectors(raw: list[bytes], dimensions: int) -> np.ndarray:
    found = np.empty((len(raw), dimensions), dtype=np.float32)
    for start in range(0, len(raw), _BLOCK):
        part = raw[start : start + _BLOCK]
        found[start : start + _BLOCK] = np.frombuffer(b"".join(part), dtype="<f2").reshape(len(part), -1)
    return found


def version_marks(
    marks: pd.DataFrame | None, model_id: str, taxonomy_version: str, day: pd.Timestamp
) -> pd.DataFrame:
    """The versions that scored a series, with the day from which each did: a line in every trend chart.

    Arguments:
        marks: of the run before.

    Returns:
        scored_from_on, model_id, taxonomy_version, in order; a new row only when either changed.
    """
    row = pd.DataFrame(
        {
            "scored_from_on": [pd.Timestamp(day).date()],
            "model_id": [model_id],
            "taxonomy_version": [taxonomy_version],
        }
    )
    if marks is None or marks.empty:
        return row
    last = marks.iloc[-1]
    if (last["model_id"], last["taxonomy_version"]) == (model_id, taxonomy_version):
        return marks.reset_index(drop=True)
    return pd.concat([marks, row], ignore_index=True)


def _check(feedback: pd.DataFrame) -> None:
    for name in REQUIRED_COLUMNS:
        if name not in feedback.columns:
            raise TaxonomyInvalid(
                f"feedback with the columns {', '.join(REQUIRED_COLUMNS)}",
                f"none called {name!r}",
                "rename or add it",
                source="insight",
            )
    if feedback["feedback_id"].isna().any():
        raise TaxonomyInvalid(
            "a feedback_id in every row", "a null", "give every item an id", source="insight"
        )
    twice = feedback["feedback_id"].astype("str").duplicated()
    if twice.any():
        raise TaxonomyInvalid(
            "each feedback_id once",
            f"{feedback['feedback_id'][twice].iloc[0]!r} again",
            "remove the duplicate rows",
            source="insight",
        )


def _read_texts(new: pd.DataFrame, encoder: Encoder, model_id: str) -> pd.DataFrame:
    # First and for all texts: its model and that of the vectors need not be in memory together.
    languages = find_language(new.rename(columns={"text_hash": "feedback_id"}))["language"]
    kind, sentiment = words.learn_kind(encoder), words.learn_sentiment(encoder)
    parts = [_read_block(block, encoder, model_id, kind, sentiment) for block in _blocks(new)]
    return pd.concat(parts, ignore_index=True).assign(language=languages)[list(_TEXT_COLUMNS)]


def _read_block(
    new: pd.DataFrame,
    encoder: Encoder,
    model_id: str,
    kind: words.AnchorModel,
    sentiment: words.AnchorDensity,
) -> pd.DataFrame:
    block = new.rename(columns={"text_hash": "feedback_id"})
    vectors = encoder.encode(new["text"].tolist())
    kinds = words.find_kind(block, encoder, vectors=vectors, model=kind)
    feelings = words.find_sentiment(block, encoder, vectors=vectors, model=sentiment)
    return pd.DataFrame(
        {
            "text_hash": new["text_hash"].astype("str").to_numpy(),
            "model_id": model_id,
            "vector": [row.tobytes() for row in vectors.astype("<f2")],
            "kind": kinds["kind"].to_numpy(),
            "kind_confidence": kinds["confidence"].to_numpy(),
            "sentiment": feelings["sentiment"].to_numpy(),
            "sentiment_score": feelings["sentiment_score"].to_numpy(),
        }
    )


def _scored(
    new: pd.DataFrame, texts: pd.DataFrame, taxonomy: Taxonomy, encoder: Encoder
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Themes by seeds and by rules of texts whose vectors are known."""
    learnt = model.learn_themes(taxonomy, encoder)
    known = texts.set_index("text_hash")["vector"]
    scores, hits = [], []
    for part in _blocks(new):
        block = part.rename(columns={"text_hash": "feedback_id"})
        vectors = _vectors(known.loc[part["text_hash"]].tolist(), encoder.dimensions)
        scores.append(model.score_themes(block, taxonomy, encoder, vectors=vectors, model=learnt))
        hits.append(match_rules(block, taxonomy))
    return pd.concat(scores, ignore_index=True), pd.concat(hits, ignore_index=True)


def _blocks(frame: pd.DataFrame) -> list[pd.DataFrame]:
    """The rows in parts that need little memory; one part where there are none."""
    return [frame.iloc[start : start + _BLOCK] for start in range(0, max(len(frame), 1), _BLOCK)]


def _of_version(memory: Memory, model_id: str, version: str) -> Memory:
    def of(frame: pd.DataFrame) -> pd.DataFrame:
        is_current = frame["model_id"] == model_id
        if "taxonomy_version" in frame.columns:
            is_current &= frame["taxonomy_version"] == version
        return frame[is_current]

    return Memory(of(memory.texts), of(memory.scores), of(memory.hits))


def _keyed(found: pd.DataFrame, columns: tuple[str, ...], model_id: str, version: str) -> pd.DataFrame:
    keyed = found.rename(columns={"feedback_id": "text_hash"}).astype({"text_hash": "str"})
    return keyed.assign(model_id=model_id, taxonomy_version=version)[list(columns)]


def _joined(earlier: pd.DataFrame, new: pd.DataFrame) -> pd.DataFrame:
    parts = [part for part in (earlier, new) if len(part)] or [new]
    return pd.concat(parts, ignore_index=True)


def _by_text(frame: pd.DataFrame) -> pd.DataFrame:
    """By text and else in the order in which each was found."""
    return frame.astype({"text_hash": "str"}).sort_values("text_hash", kind="stable", ignore_index=True)


def _items(
    items: pd.DataFrame,
    texts: pd.DataFrame,
    taxonomy: Taxonomy,
    model_id: str,
    names: Collection[str],
    duplicate_scope: str | None,
) -> pd.DataFrame:
    columns = [name for name in _TEXT_COLUMNS if name not in ("model_id", "vector")]
    found = items.merge(texts[columns], on="text_hash", how="left")
    for name, given in SOURCE_COLUMNS.items():
        said = found[given] if given in found.columns else pd.Series(None, index=found.index, dtype="object")
        by_model = pd.Series("model", index=found.index, dtype="object").where(found[name].notna(), None)
        found[f"{name}_assigned_by"] = by_model.where(said.isna(), "source")
        found[name] = said.where(said.notna(), found[name])
    found["kind_confidence"] = found["kind_confidence"].where(found["kind_assigned_by"] != "source", 1.0)
    groups = find_duplicates(items, scope=duplicate_scope)
    found = found.merge(groups.drop(columns="similarity"), on="feedback_id", how="left")
    hidden = redact_frame(items, names)
    found = found.merge(hidden[["feedback_id", "text_redacted", "name_count"]], on="feedback_id", how="left")
    found["model_id"] = model_id
    found["taxonomy_version"] = taxonomy.version
    return found[list(ITEM_COLUMNS)]
