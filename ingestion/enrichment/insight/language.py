"""The language of a text: a facet to look at numbers by; no model needs it.

Belongs here: one label per item. Does not belong here: translation.
"""

from __future__ import annotations

import re
from typing import Any

import pandas as pd

LANGUAGE_COLUMNS = ("feedback_id", "language", "confidence")
_READ_CHARACTERS = 240
_SHORTEST_LETTERS = 8
_LEAST = 0.55
_LETTERS = re.compile(r"[^\W\d_]")
_NOT_WORDS = re.compile(r"https?://\S+|\S+@\S+|`[^`]*`|[^\w\s'’-]+|\d+")


def find_language(feedback: pd.DataFrame) -> pd.DataFrame:
    """The language of each item.

    Arguments:
        feedback: feedback_id, text.

    Returns:
        feedback_id, language (ISO 639-1; null where the text is too short or too mixed to tell), confidence
        (0-1), in the order of the rows.
    """
    identifier = _identifier()
    labels: list[str | None] = []
    confidences: list[float] = []
    known: dict[str, tuple[str | None, float]] = {}
    for text in feedback["text"]:
        words = (
            _NOT_WORDS.sub(" ", text[: 2 * _READ_CHARACTERS])[:_READ_CHARACTERS]
            if isinstance(text, str)
            else ""
        )
        if words not in known:
            known[words] = _language(words, identifier)
        label, confidence = known[words]
        labels.append(label)
        confidences.append(confidence)
    return pd.DataFrame(
        {
            "feedback_id": feedback["feedback_id"].astype("str").to_numpy(),
            "language": pd.Series(labels, dtype="str"),
            "confidence": pd.Series(confidences, dtype="float64"),
        }
    )


def _language(words: str, identifier: Any) -> tuple[str | None, float]:
    if len(_LETTERS.findall(words)) < _SHORTEST_LETTERS:
        return None, 0.0
    label, confidence = identifier.classify(words)
    rounded = round(float(confidence), 4)
    return (str(label), rounded) if rounded >= _LEAST else (None, rounded)


def _identifier() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
