"""Sentiment and kind of a text, by sentences of our own that stand for each (`anchors.yml`).

Belongs here: the two small models and their use. Does not belong here: scores that customers gave, which win
over both (`precedence.py`).

A long text's sentiment is that of its sentences, each read alone: as a whole it is mostly its subject.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from ingestion.enrichment.insight.encode import Encoder
from ingestion.enrichment.insight.text import ENCODED_CHARACTERS

METHOD = "anchors-3"
SENTIMENT_COLUMNS = ("feedback_id", "sentiment", "sentiment_score", "confidence")
KIND_COLUMNS = ("feedback_id", "kind", "confidence")
KINDS = ("bug", "complaint", "praise", "question", "request")
_ANCHORS = Path(__file__).with_name("anchors.yml")
# Between these the text is called neutral.
_NEUTRAL_BAND = 0.15
_REGULARISATION = 1.0
# How much more an anchor counts that is nearer, and how sure one text can be by its closeness.
_SHARPNESS = 6.0
_CERTAINTY = 4.0
_SENTENCE_END = re.compile(r"(?<=[.!?;…])\s+|\s*\n\s*")
# Two sentences of a shorter text are read as one, which says hardly anything else and costs nothing more.
_LEAST_DIVIDED = 160
# A shorter piece ("Thanks!") belongs to the one beside it.
_LEAST_CHARACTERS = 15
# Sentences that agree make surer, up to so many.
_MOST_SENTENCES = 4
# So many sentences, and rows of closeness, are held at a time.
_HELD_SENTENCES = 2_048
_HELD_ROWS = 1_024
_DIGITS = 6
_QUESTION = re.compile(r"\?\s*$", re.M)
_CUES = {
    "bug": re.compile(
        r"\b(?:bugs?|errors?|exception|crash\w*|stack ?trace|broken|fails?|failed|erros?|falhas?|trava\w*"
        r"|quebr\w+|defeito)\b",
        re.I,
    ),
    "request": re.compile(
        r"\b(?:feature request|would (?:like|love)|it would be|please add|add support|could you add"
        r"|seria (?:bom|ótimo)|gostar[ií]a\w*|sugest[ãa]o|poderiam|adicion(?:ar|em))\b",
        re.I,
    ),
    "question": re.compile(
        r"^\s*(?:how|what|where|which|why|when|who|is there|does|do|can i|como|qual|quais|onde|quando"
        r"|por ?qu[eê]|existe)\b",
        re.I | re.M,
    ),
}
_CUE_WEIGHT = 0.8
_WORD_WEIGHT = 0.5
# Where vectors know words but no meaning.
_WORD_WEIGHT_WITHOUT_MEANING = 0.9
_NEGATION_REACH = 3
_BEFORE_CONTRAST = 0.5
_MOST_WORDS = 2
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?|[.!?;\n]")
# Most words of a text have been looked up for another.
_KNOWN_WORDS = 8_192


@dataclass(frozen=True)
class AnchorModel:
    """Logistic regression on vectors.

    Arguments:
        labels: in the order of the columns of `weights`.
    """

    labels: tuple[str, ...]
    weights: np.ndarray
    offsets: np.ndarray

    def logits(self, vectors: np.ndarray) -> np.ndarray:
        """float64[n, labels]."""
        return np.asarray(vectors.astype(np.float64) @ self.weights + self.offsets)


@dataclass(frozen=True)
class AnchorDensity:
    """How dense the anchors of each label are around a vector.

    It learns nothing but where the anchors are, so that more of them cover more subjects and outweigh none.

    Arguments:
        labels: in the order of `anchors`.
        anchors: float64[anchors of the label, d] of each.
        word_weight: of evidence by words beside these vectors.
    """

    labels: tuple[str, ...]
    anchors: tuple[np.ndarray, ...]
    word_weight: float

    def logits(self, vectors: np.ndarray) -> np.ndarray:
        """float64[n, labels]."""
        found = np.empty((len(vectors), len(self.labels)))
        for start in range(0, len(vectors), _HELD_ROWS):
            part = vectors[start : start + _HELD_ROWS].astype(np.float64)
            for column, anchors in enumerate(self.anchors):
                closeness = np.exp(_SHARPNESS * (part @ anchors.T - 1.0))
                found[start : start + len(part), column] = np.log(closeness.mean(axis=1))
        return _CERTAINTY * found


@cache
def _anchors() -> dict[str, dict[str, Any]]:
    content: dict[str, dict[str, Any]] = yaml.safe_load(_ANCHORS.read_text(encoding="utf-8"))
    return content


def learn_kind(encoder: Encoder) -> AnchorModel:
    """Learn what sort of message a text is from the anchors."""
    from sklearn.linear_model import LogisticRegression

    pairs = [(label, text) for label, texts in _anchors()["kind"].items() for text in texts]
    vectors = encoder.encode([text for _, text in pairs]).astype(np.float64)
    model = LogisticRegression(C=_REGULARISATION, max_iter=1_000, class_weight="balanced")
    model.fit(vectors, [label for label, _ in pairs])
    return AnchorModel(tuple(map(str, model.classes_)), model.coef_.T, model.intercept_)


def learn_sentiment(encoder: Encoder) -> AnchorDensity:
    """Where the anchors of each sentiment are."""
    texts = _anchors()["sentiment"]
    return AnchorDensity(
        labels=tuple(texts),
        anchors=tuple(encoder.encode(of_label).astype(np.float64) for of_label in texts.values()),
        word_weight=_WORD_WEIGHT if encoder.is_semantic else _WORD_WEIGHT_WITHOUT_MEANING,
    )


def find_sentiment(
    feedback: pd.DataFrame,
    encoder: Encoder,
    *,
    vectors: np.ndarray | None = None,
    model: AnchorDensity | None = None,
) -> pd.DataFrame:
    """The sentiment of each item's words.

    Arguments:
        feedback: feedback_id, text.
        vectors: of the same rows, if they are known already; sentences of long texts are encoded anyway.

    Returns:
        feedback_id, sentiment (`negative`, `neutral`, `positive`; null without words), sentiment_score (-1 to
        1: how much more likely positive is than negative), confidence (0-1), in the order of the rows.
    """
    model = model or learn_sentiment(encoder)
    texts = feedback["text"].tolist()
    found = encoder.encode(texts) if vectors is None else vectors
    at = {label: index for index, label in enumerate(model.labels)}
    shares = _shares(_sentence_logits(texts, found, encoder, model))
    positive, negative = shares[:, at["positive"]], shares[:, at["negative"]]
    score = np.round((positive - negative), _DIGITS)
    label = np.where(
        score > _NEUTRAL_BAND, "positive", np.where(score < -_NEUTRAL_BAND, "negative", "neutral")
    )
    is_read = np.any(found, axis=1)
    return pd.DataFrame(
        {
            "feedback_id": feedback["feedback_id"].astype("str").to_numpy(),
            "sentiment": pd.Series(label, dtype="str").where(is_read, None),
            "sentiment_score": np.where(is_read, score, 0.0),
            "confidence": np.where(is_read, np.round(shares.max(axis=1), _DIGITS), 0.0),
        }
    )


def _sentence_logits(
    texts: Sequence[object], vectors: np.ndarray, encoder: Encoder, model: AnchorDensity
) -> np.ndarray:
    """What a text's sentences say on average, the surer the more of them there are."""
    pieces = [_sentences(text) for text in texts]
    is_one = np.array([len(parts) <= 1 for parts in pieces], dtype=bool)
    logits = np.empty((len(pieces), len(model.labels)))
    alone = np.flatnonzero(is_one).tolist()
    logits[alone] = _with_words(model, vectors[alone], [texts[row] for row in alone])
    for rows in _held(np.flatnonzero(~is_one).tolist(), pieces):
        parts = [part for row in rows for part in pieces[row]]
        said = _with_words(model, encoder.encode(parts), parts)
        counts = np.array([len(pieces[row]) for row in rows])
        sums = np.add.reduceat(said, np.concatenate(([0], np.cumsum(counts)[:-1])), axis=0)
        logits[rows] = sums / counts[:, None] * np.sqrt(np.minimum(counts, _MOST_SENTENCES))[:, None]
    return logits


def _sentences(text: object) -> list[str]:
    """The sentences of the part that is read; what is too short to be one goes with the next, or the last.

    Two that are short are one.
    """
    if not isinstance(text, str):
        return []
    found: list[str] = []
    waiting = ""
    for piece in _SENTENCE_END.split(text[:ENCODED_CHARACTERS].strip()):
        waiting = f"{waiting} {piece}" if waiting else piece
        if len(waiting) >= _LEAST_CHARACTERS:
            found.append(waiting)
            waiting = ""
    if waiting and found:
        found[-1] = f"{found[-1]} {waiting}"
    return found if len(found) > 2 or len(text) >= _LEAST_DIVIDED else [text]


def _held(rows: Sequence[int], pieces: Sequence[Sequence[str]]) -> Iterator[list[int]]:
    """The rows in parts of as many sentences as are held."""
    part: list[int] = []
    held = 0
    for row in rows:
        if part and held + len(pieces[row]) > _HELD_SENTENCES:
            yield part
            part, held = [], 0
        part.append(row)
        held += len(pieces[row])
    if part:
        yield part


def _with_words(model: AnchorDensity, vectors: np.ndarray, texts: Sequence[object]) -> np.ndarray:
    logits = model.logits(vectors)
    evidence = model.word_weight * _word_evidence(texts)
    logits[:, model.labels.index("positive")] += evidence
    logits[:, model.labels.index("negative")] -= evidence
    return logits


def find_kind(
    feedback: pd.DataFrame,
    encoder: Encoder,
    *,
    vectors: np.ndarray | None = None,
    model: AnchorModel | None = None,
) -> pd.DataFrame:
    """What sort of message each item is.

    Arguments:
        feedback: feedback_id, text.
        vectors: of the same rows, if they are known already.

    Returns:
        feedback_id, kind (one of KINDS; null without words), confidence (0-1), in the order of the rows.
    """
    model = model or learn_kind(encoder)
    texts = feedback["text"].tolist()
    found = encoder.encode(texts) if vectors is None else vectors
    shares = _shares(model.logits(found) + _cues(texts, model.labels))
    is_read = np.any(found, axis=1)
    best = np.array(model.labels)[shares.argmax(axis=1)] if len(texts) else np.array([], dtype="str")
    return pd.DataFrame(
        {
            "feedback_id": feedback["feedback_id"].astype("str").to_numpy(),
            "kind": pd.Series(best, dtype="str").where(is_read, None),
            "confidence": np.where(
                is_read, np.round(shares.max(axis=1), _DIGITS) if len(texts) else 0.0, 0.0
            ),
        }
    )


@cache
def _word_lists() -> dict[str, tuple[frozenset[str], tuple[str, ...]]]:
    """Of each list its words, and the beginnings of more."""
    lists = {name: text.split() for name, text in _anchors()["words"].items()}
    return {
        name: (frozenset(words), tuple(word[:-1] for word in words if word.endswith("*")))
        for name, words in lists.items()
    }


@lru_cache(maxsize=_KNOWN_WORDS)
def _value(word: str) -> int:
    """1 for a positive word, -1 for a negative one."""
    for name, value in (("positive", 1), ("negative", -1)):
        words, starts = _word_lists()[name]
        if word in words or word.startswith(starts):
            return value
    return 0


def _word_evidence(texts: Sequence[object]) -> np.ndarray:
    """Positive less negative words, from -1 to 1.

    A negation up to three words before turns a word; what comes before a contrast counts half.
    """
    negations, _ = _word_lists()["negations"]
    contrasts, _ = _word_lists()["contrasts"]
    evidence = np.zeros(len(texts))
    for row, text in enumerate(texts):
        if not isinstance(text, str):
            continue
        balance, since_negation = 0.0, 99
        for word in _WORD.findall(text[:ENCODED_CHARACTERS].lower().replace("’", "'")):
            if word in ".!?;\n":
                since_negation = 99
                continue
            if word in contrasts:
                balance, since_negation = balance * _BEFORE_CONTRAST, 99
                continue
            if word in negations:
                since_negation = 0
                continue
            since_negation += 1
            value = _value(word)
            balance += -value if since_negation <= _NEGATION_REACH else value
        evidence[row] = min(max(balance, -_MOST_WORDS), _MOST_WORDS) / _MOST_WORDS
    return evidence


def _cues(texts: Sequence[object], labels: tuple[str, ...]) -> np.ndarray:
    """Words and marks that vectors blur."""
    cues = np.zeros((len(texts), len(labels)))
    for row, text in enumerate(texts):
        head = text[:600] if isinstance(text, str) else ""
        for label, pattern in _CUES.items():
            cues[row, labels.index(label)] += _CUE_WEIGHT * (pattern.search(head) is not None)
        cues[row, labels.index("question")] += _CUE_WEIGHT * (_QUESTION.search(head) is not None)
    return cues


def _shares(logits: np.ndarray) -> np.ndarray:
    if not len(logits):
        return logits
    powers: Any = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))
