"""Themes by example: a few sentences per theme teach which texts belong to it.

Belongs here: the model of seeds, its scores, cuts and confusions. Does not belong here: rules (`rules.py`),
and which of several assignments wins (`precedence.py`).

The model is kernel ridge regression, one against the rest, on the sum of two similarities: that of the
vectors, and that of words and groups of letters. It has a closed form: no randomness, no iterations, and the
scores that each seed would get from a model that has never seen it come for free. They give every theme its
own cut.

A theme's id counts as one more seed where it has words of its own (`slow_reports`): it never changes and is
part of the taxonomy's version. Names are neither.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ingestion.enrichment.insight.encode import Encoder
from ingestion.enrichment.insight.taxonomy import Taxonomy
from ingestion.enrichment.insight.text import encoded_text

METHOD = "ridge-2"
SCORE_COLUMNS = ("feedback_id", "theme_id", "confidence", "rank", "status")
ASSIGNED = "assigned"
REVIEW = "review"
UNTHEMED = "unthemed"
# Weight of words and letters beside the meaning; without a semantic encoder they are nearly all there is.
_WORD_WEIGHT = 0.3
_RIDGE = 0.1
_KEPT_SHARE = 0.9
_REVIEW_SHARE = 0.97
# A theme's own cut is drawn towards that of all as if it had this many more seeds.
_SHARED_SEEDS = 10.0
_LOWEST_CUT = 0.05
_LONE_CUT = 0.4
_BLOCK = 2_000
_DIGITS = 6
_BETWEEN_WORDS = re.compile(r"[^A-Za-z0-9]+|(?<=[a-z])(?=[A-Z])")
# Numbers and codes in an id say nothing.
_WORD = re.compile(r"[a-z]{2,}")


@dataclass(frozen=True)
class ThemeModel:
    """What was learnt from the seeds.

    Arguments:
        theme_ids: the themes that have seeds, in order.
        seeds: the examples' texts, as encoded; `seed_theme` their theme's index.
        cuts, review_cuts: by theme; from the second on an item goes to review, from the first it has it.
        held_out: float64[seeds, themes]: what each seed scores without itself.
        vectors, word_rows, weights: of the seeds and, after them, of the words of ids.
    """

    theme_ids: tuple[str, ...]
    seeds: tuple[str, ...]
    seed_theme: np.ndarray
    cuts: np.ndarray
    review_cuts: np.ndarray
    held_out: np.ndarray
    vectors: np.ndarray
    weights: np.ndarray
    words: Any
    word_rows: Any
    against: tuple[np.ndarray, ...]


def learn_themes(taxonomy: Taxonomy, encoder: Encoder) -> ThemeModel:
    """Learn from the examples of every theme that scores; examples of a merged theme teach its survivor."""
    pairs = sorted(
        {
            (taxonomy.survivors[theme.theme_id], encoded_text(example))
            for theme in taxonomy.scoring
            for example in theme.examples
            if encoded_text(example)
        }
    )
    theme_ids = tuple(sorted({theme_id for theme_id, _ in pairs}))
    seeds = tuple(text for _, text in pairs)
    index = {theme_id: at for at, theme_id in enumerate(theme_ids)}
    of_seed = np.array([index[theme_id] for theme_id, _ in pairs], dtype=np.int64)
    against: list[list[str]] = [[] for _ in theme_ids]
    for theme in taxonomy.scoring:
        survivor = taxonomy.survivors[theme.theme_id]
        if survivor in index:
            against[index[survivor]].extend(theme.counter_examples)
    if not seeds:
        empty = np.zeros((0, 0))
        return ThemeModel((), (), of_seed, np.zeros(0), np.zeros(0), empty, empty, empty, None, None, ())
    told = {index[theme_id]: text for theme_id, text in _words_of_ids(theme_ids).items()}
    taught = (*seeds, *told.values())
    of_row = np.array([*of_seed, *told], dtype=np.int64)
    vectors = encoder.encode(taught).astype(np.float64)
    words = _words().fit(taught)
    word_rows = words.transform(taught)
    kernel = _kernel(vectors, vectors, word_rows, word_rows)
    wanted = (of_row[:, None] == np.arange(len(theme_ids))[None, :]).astype(np.float64)
    inverse = np.linalg.inv(kernel + _RIDGE * np.eye(len(taught)))
    weights = inverse @ (wanted - _offset(len(theme_ids)))
    held_out = (wanted - weights / np.diag(inverse)[:, None])[: len(seeds)]
    own = held_out[np.arange(len(seeds)), of_seed]
    floor = 0.0 if encoder.is_semantic else _reached_by_wrong_ones(held_out, of_seed)
    cuts, review_cuts = _cuts(own, of_seed, len(theme_ids), floor)
    return ThemeModel(
        theme_ids,
        seeds,
        of_seed,
        cuts,
        review_cuts,
        held_out,
        vectors,
        weights,
        words,
        word_rows,
        tuple(encoder.encode(texts).astype(np.float64) for texts in against),
    )


def theme_scores(model: ThemeModel, texts: Sequence[object], vectors: np.ndarray) -> np.ndarray:
    """Scores of texts: float64[n, themes], about 1 for a seed's twin and 0 for a stranger.

    A text that is closer to a counter-example of a theme than to all of its seeds scores 0 there.

    Arguments:
        texts: as they came.
        vectors: float[n, d] of the same texts.
    """
    scores = np.zeros((len(texts), len(model.theme_ids)))
    if not model.theme_ids:
        return scores
    for start in range(0, len(texts), _BLOCK):
        part = slice(start, start + _BLOCK)
        block = vectors[part].astype(np.float64)
        rows = model.words.transform([encoded_text(text) for text in texts[part]])
        kernel = _kernel(block, model.vectors, rows, model.word_rows)
        found = kernel @ model.weights + _offset(len(model.theme_ids))
        for at, others in enumerate(model.against):
            if len(others):
                own = (block @ model.vectors[: len(model.seeds)][model.seed_theme == at].T).max(axis=1)
                found[(block @ others.T).max(axis=1) > own, at] = 0.0
        # A text without a word says nothing; the sums are rounded so that their last bits decide nothing.
        found[~np.any(block, axis=1)] = 0.0
        scores[part] = np.round(np.clip(found, 0.0, 1.0), _DIGITS)
    return scores


def score_themes(
    feedback: pd.DataFrame,
    taxonomy: Taxonomy,
    encoder: Encoder,
    *,
    vectors: np.ndarray | None = None,
    model: ThemeModel | None = None,
) -> pd.DataFrame:
    """Themes of each item by the seeds of the taxonomy.

    Arguments:
        feedback: feedback_id, text.
        vectors: float[n, d] in the order of the rows, if they are known already.
        model: from `learn_themes`, if it is known already.

    Returns:
        feedback_id, theme_id (null when unthemed), confidence (0-1), rank (1 is the best), status: `assigned`
        for every theme over its own cut; `review` for the best theme of an item without any, within the
        middle band; else `unthemed` with the best theme's confidence. By item and rank, one row or more each.
    """
    model = model or learn_themes(taxonomy, encoder)
    texts = feedback["text"].tolist()
    if vectors is None:
        vectors = encoder.encode(texts)
    scores = theme_scores(model, texts, vectors)
    ids = feedback["feedback_id"].to_numpy()
    rows: list[tuple[Any, str | None, float, int, str]] = []
    if not model.theme_ids:
        rows = [(feedback_id, None, 0.0, 1, UNTHEMED) for feedback_id in ids]
    else:
        order = np.argsort(-scores, axis=1, kind="stable")
        over = scores >= model.cuts
        for at, feedback_id in enumerate(ids):
            found = [theme for theme in order[at] if over[at, theme]] if over[at].any() else []
            for rank, theme in enumerate(found, start=1):
                rows.append((feedback_id, model.theme_ids[theme], float(scores[at, theme]), rank, ASSIGNED))
            if not found:
                best = order[at, 0]
                is_near = scores[at, best] >= model.review_cuts[best]
                theme_id = model.theme_ids[best] if is_near else None
                status = REVIEW if is_near else UNTHEMED
                rows.append((feedback_id, theme_id, float(scores[at, best]), 1, status))
    result = pd.DataFrame(rows, columns=list(SCORE_COLUMNS))
    result = result.astype({"feedback_id": "str", "theme_id": "str", "status": "str", "rank": "int64"})
    return result.sort_values(["feedback_id", "rank"], kind="stable", ignore_index=True)


def _words_of_ids(theme_ids: Sequence[str]) -> dict[str, str]:
    """What the ids say, of those that say something and something of their own."""
    told = {}
    for theme_id in theme_ids:
        words = _BETWEEN_WORDS.sub(" ", theme_id)
        told[theme_id] = " ".join(word for word in words.lower().split() if _WORD.fullmatch(word))
    counts = Counter(told.values())
    return {theme_id: text for theme_id, text in told.items() if text and counts[text] == 1}


def _offset(themes: int) -> float:
    """What a text scores of which nothing is known."""
    return 1.0 / max(themes, 10)


def _words() -> Any:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.pipeline import FeatureUnion

    shared: dict[str, Any] = {"sublinear_tf": True, "strip_accents": "unicode"}
    return FeatureUnion(
        [
            ("words", TfidfVectorizer(ngram_range=(1, 2), token_pattern=r"(?u)\b\w+\b", **shared)),
            ("letters", TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 5), **shared)),
        ]
    )


def _kernel(left: np.ndarray, right: np.ndarray, left_words: Any, right_words: Any) -> np.ndarray:
    """Similarity of texts, 0 to 1.3: exp(-squared distance) of both representations."""
    shared_words = (left_words @ right_words.T).toarray() / 2.0
    return np.asarray(
        np.exp(2.0 * (left @ right.T) - 2.0) + _WORD_WEIGHT * np.exp(2.0 * shared_words - 2.0),
        dtype=np.float64,
    )


def _reached_by_wrong_ones(held_out: np.ndarray, of_seed: np.ndarray) -> float:
    """The score that the best wrong theme of nine in ten seeds stays below.

    By words and letters alone seeds score so little without themselves that any text would reach it.
    """
    if held_out.shape[1] < 2:
        return _LONE_CUT
    wrong = held_out.copy()
    wrong[np.arange(len(wrong)), of_seed] = -np.inf
    return float(np.quantile(wrong.max(axis=1), _KEPT_SHARE))


def _cuts(own: np.ndarray, of_seed: np.ndarray, themes: int, floor: float) -> tuple[np.ndarray, np.ndarray]:
    """Per theme: the score that nine in ten seeds reach without themselves, drawn towards that of all.

    Arguments:
        floor: no theme's cut is lower.
    """
    found = []
    for share in (_KEPT_SHARE, _REVIEW_SHARE):
        of_all = float(np.quantile(own, 1.0 - share))
        cuts = np.full(themes, of_all)
        for theme in range(themes):
            mine = own[of_seed == theme]
            cut = float(np.quantile(mine, 1.0 - share))
            cuts[theme] = (cut * len(mine) + of_all * _SHARED_SEEDS) / (len(mine) + _SHARED_SEEDS)
        # With few themes nothing speaks against one: anything resembles it a little.
        lowest = (_LOWEST_CUT + _LONE_CUT / themes) * share
        found.append(np.round(np.maximum(cuts, lowest), _DIGITS))
    found[0] = np.maximum(found[0], round(floor, _DIGITS))
    return found[0], np.minimum(found[1], found[0])
