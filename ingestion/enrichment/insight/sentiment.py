"""Sentiment and kind of a text, by sentences of our own that stand for each (`anchors.yml`).

Belongs here: the two small models and their use. Does not belong here: scores that customers gave, which win
over both (`precedence.py`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from ingestion.enrichment.insight.encode import Encoder

METHOD = "anchors-2"
SENTIMENT_COLUMNS = ("feedback_id", "sentiment", "sentiment_score", "confidence")
KIND_COLUMNS = ("feedback_id", "kind", "confidence")
KINDS = ("bug", "complaint", "praise", "question", "request")
_ANCHORS = Path(__file__).with_name("anchors.yml")
# Between these the text is called neutral.
_NEUTRAL_BAND = 0.15
_REGULARISATION = 1.0
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
_WORD_WEIGHT = 0.7
_NEGATION_REACH = 3
_BEFORE_CONTRAST = 0.5
_MOST_WORDS = 2


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


@cache
def _anchors() -> dict[str, dict[str, Any]]:
    content: dict[str, dict[str, Any]] = yaml.safe_load(_ANCHORS.read_text(encoding="utf-8"))
    return content


def learn_anchors(task: str, encoder: Encoder) -> AnchorModel:
    """Learn from the anchors.

    Arguments:
        task: `sentiment` or `kind`.
    """
    from sklearn.linear_model import LogisticRegression

    pairs = [(label, text) for label, texts in _anchors()[task].items() for text in texts]
    vectors = encoder.encode([text for _, text in pairs]).astype(np.float64)
    model = LogisticRegression(C=_REGULARISATION, max_iter=1_000, class_weight="balanced")
    model.fit(vectors, [label for label, _ in pairs])
    return AnchorModel(tuple(map(str, model.classes_)), model.coef_.T, model.intercept_)


def find_sentiment(
    feedback: pd.DataFrame,
    encoder: Encoder,
    *,
    vectors: np.ndarray | None = None,
    model: AnchorModel | None = None,
) -> pd.DataFrame:
    """The sentiment of each item's words.

    Arguments:
        feedback: feedback_id, text.
        vectors: of the same rows, if they are known already.

    Returns:
        feedback_id, sentiment (`negative`, `neutral`, `positive`; null without words), sentiment_score (-1 to
        1: how much more likely positive is than negative), confidence (0-1), in the order of the rows.
    """
    model = model or learn_anchors("sentiment", encoder)
    found = encoder.encode(feedback["text"].tolist()) if vectors is None else vectors
    at = {label: index for index, label in enumerate(model.labels)}
    logits = model.logits(found)
    evidence = _word_evidence(feedback["text"].tolist())
    logits[:, at["positive"]] += _WORD_WEIGHT * evidence
    logits[:, at["negative"]] -= _WORD_WEIGHT * evidence
    shares = _shares(logits)
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
    model = model or learn_anchors("kind", encoder)
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
def _word_patterns() -> tuple[
    re.Pattern[str], frozenset[str], frozenset[str], tuple[str, ...], tuple[str, ...]
]:
    """Words, positive and negative ones, and the beginnings of each."""
    lists = {name: text.split() for name, text in _anchors()["words"].items()}
    return (
        re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?|[.!?;\n]"),
        frozenset(lists["positive"]),
        frozenset(lists["negative"]),
        tuple(word[:-1] for word in lists["positive"] if word.endswith("*")),
        tuple(word[:-1] for word in lists["negative"] if word.endswith("*")),
    )


def _word_evidence(texts: Sequence[object]) -> np.ndarray:
    """Positive less negative words, from -1 to 1.

    A negation up to three words before turns a word; what comes before a contrast counts half.
    """
    splitter, positive, negative, positive_starts, negative_starts = _word_patterns()
    negations = frozenset(_anchors()["words"]["negations"].split())
    contrasts = frozenset(_anchors()["words"]["contrasts"].split())
    evidence = np.zeros(len(texts))
    for row, text in enumerate(texts):
        if not isinstance(text, str):
            continue
        balance, since_negation = 0.0, 99
        for word in splitter.findall(text[:600].lower().replace("’", "'")):
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
            value = 0
            if word in positive or word.startswith(positive_starts):
                value = 1
            elif word in negative or word.startswith(negative_starts):
                value = -1
            balance += -value if since_negation <= _NEGATION_REACH else value
        evidence[row] = np.clip(balance, -_MOST_WORDS, _MOST_WORDS) / _MOST_WORDS
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
