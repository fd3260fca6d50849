"""Words of erased people: what of them is forgotten, and what was found in them and stays.

Belongs here: the engine's results without somebody's words. Does not belong here: whose words they are
(`ingestion/erasure/`).

That somebody asked for a feature is a fact about the product; how they said it is theirs. So an item keeps
its themes, kind and sentiment, under a mark in the place of the hash of its text. Its words go, and so does
the vector, from which they could be guessed.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

import pandas as pd

from ingestion.enrichment.insight.engine import Memory
from ingestion.enrichment.insight.themes import UNTHEMED
from ingestion.warehouse import Session

# Followed by the item's id, where others have the hash of their text.
MARK = "erased-"
_BYTES_PER_NUMBER = 2


def forget_words(session: Session, dataset: str, feedback_ids: Collection[str] | None) -> None:
    """Take the words of items out of the engine's results.

    Arguments:
        dataset: where the results lie.
        feedback_ids: the items; None where nobody can tell which these are: then everything goes that was
            found in words, and is found again by the next run.
    """
    tables = session.columns(dataset)
    if not {"items", "vectors"} <= set(tables):
        return
    if feedback_ids is None:
        for table in ("items", "vectors", "theme_scores", "rule_matches"):
            if table in tables:
                session.execute(f"delete from {dataset}.{table}")
        return
    if not feedback_ids:
        return
    theirs = "feedback_id in (" + ", ".join(f"'{one}'" for one in sorted(feedback_ids)) + ")"
    blank = {
        "_key": f"'{MARK}' || items.feedback_id",
        "text_hash": f"'{MARK}' || items.feedback_id",
        "vector": "regexp_replace(vectors.vector, '[^=]', 'A', 'g')",
    }
    columns = sorted(tables["vectors"])
    told = ", ".join(blank.get(name, f"vectors.{name}") for name in columns)
    session.execute(
        f"insert into {dataset}.vectors ({', '.join(columns)})"
        f" select distinct {told} from {dataset}.vectors as vectors"
        f" inner join {dataset}.items as items on vectors.text_hash = items.text_hash"
        f" where items.{theirs} and not vectors._is_deleted and items.text_hash not like '{MARK}%'"
    )
    session.execute(
        f"update {dataset}.items set text_redacted = null, redaction_key = null,"
        f" text_hash = '{MARK}' || feedback_id where {theirs}"
    )
    session.execute(
        f"delete from {dataset}.vectors where text_hash not in"
        f" (select text_hash from {dataset}.items where text_hash is not null)"
    )


def with_marks(items: pd.DataFrame, earlier: pd.DataFrame) -> pd.DataFrame:
    """The items of a run, those without words under the mark that they had before.

    Arguments:
        items: feedback_id, text, text_hash.
        earlier: what the engine told of items before: feedback_id, text_hash.
    """
    marked = earlier[earlier["text_hash"].astype("str").str.startswith(MARK)]
    marks = dict(zip(marked["feedback_id"], marked["text_hash"], strict=True))
    if not marks:
        return items
    hashes = [
        text_hash if isinstance(text, str) else marks.get(feedback_id, text_hash)
        for feedback_id, text, text_hash in zip(
            items["feedback_id"], items["text"], items["text_hash"], strict=True
        )
    ]
    return items.assign(text_hash=pd.Series(hashes, dtype="str", index=items.index))


def are_marked(hashes: pd.Series) -> pd.Series:
    """Which of the hashes are marks of words that are gone."""
    marked: pd.Series = hashes.astype("str").str.startswith(MARK)
    return marked


def still_known(
    memory: Memory, *, model_id: str, taxonomy_version: str, theme_ids: Collection[str], dimensions: int
) -> Memory:
    """What was found in words that are gone counts on: another model or taxonomy has nothing to read.

    Arguments:
        theme_ids: of today's taxonomy; a theme that is no more goes from these items, too.
        dimensions: of today's vectors.
    """
    if memory.texts.empty or not are_marked(memory.texts["text_hash"]).any():
        return memory
    texts, scores, hits = memory.texts.copy(), memory.scores.copy(), memory.hits.copy()
    gone = are_marked(texts["text_hash"])
    texts.loc[gone, "model_id"] = model_id
    texts.loc[gone, "vector"] = bytes(_BYTES_PER_NUMBER * dimensions)
    for frame in (scores, hits):
        of_gone = are_marked(frame["text_hash"])
        frame.loc[of_gone, "model_id"] = model_id
        frame.loc[of_gone, "taxonomy_version"] = taxonomy_version
    scores = scores[_is_of_today(scores, theme_ids)]
    hits = hits[_is_of_today(hits, theme_ids)]
    unscored = sorted(set(texts.loc[gone, "text_hash"]) - set(scores["text_hash"]))
    if unscored:
        blank = pd.DataFrame(
            {
                "text_hash": unscored,
                "model_id": model_id,
                "taxonomy_version": taxonomy_version,
                "theme_id": None,
                "confidence": 0.0,
                "rank": 1,
                "status": UNTHEMED,
            }
        )
        scores = pd.concat([scores, blank[list(scores.columns)]], ignore_index=True)
    return replace(memory, texts=texts, scores=scores, hits=hits)


def _is_of_today(frame: pd.DataFrame, theme_ids: Collection[str]) -> pd.Series:
    kept: pd.Series = (
        ~are_marked(frame["text_hash"]) | frame["theme_id"].isna() | frame["theme_id"].isin(set(theme_ids))
    )
    return kept
