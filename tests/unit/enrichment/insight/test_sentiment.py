"""Sentiment of words: mixed texts, short ones, what has none, and alike whatever it is read together with."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest

from ingestion.enrichment.insight.encode import Encoder, LetterEncoder, SentenceEncoder
from ingestion.enrichment.insight.sentiment import find_sentiment

PRAISE = "The new calendar looks beautiful and my whole team loves it."
BLAME = "The invoices arrive late and are full of mistakes."
MORE_BLAME = "Nobody in your support answers, I am very disappointed."


@pytest.fixture(scope="module")
def sentences() -> SentenceEncoder:
    return SentenceEncoder()


class _Counting:
    """An encoder that tells which texts it was given."""

    def __init__(self, inner: Encoder) -> None:
        self._inner = inner
        self.given: list[str] = []
        self.model_id, self.dimensions = inner.model_id, inner.dimensions
        self.is_semantic, self.note, self.caveat = inner.is_semantic, inner.note, inner.caveat

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        self.given += texts
        return self._inner.encode(texts)


def frame(texts: Sequence[object]) -> pd.DataFrame:
    return pd.DataFrame({"feedback_id": [str(row) for row in range(len(texts))], "text": list(texts)})


def score(text: str, encoder: Encoder) -> float:
    return float(find_sentiment(frame([text]), encoder)["sentiment_score"].iloc[0])


def test_a_mixed_text_is_what_most_of_its_sentences_are(sentences: SentenceEncoder) -> None:
    expected = {
        f"{PRAISE} {BLAME} {MORE_BLAME}": "negative",
        f"{BLAME} {PRAISE} I would recommend it to everyone. Excellent value!": "positive",
        "A capa é linda. Mas o material rasgou em dois dias. Ninguém me responde, péssimo.": "negative",
        "Demorou um pouco para chegar.\nO produto é perfeito!\nMinha filha adorou.": "positive",
        "Where can I see last month's invoices? I need them for our accountant.": "neutral",
        "Onde vejo as faturas do mês passado? Preciso delas para o contador.": "neutral",
    }
    found = find_sentiment(frame([*expected]), sentences)
    assert dict(zip(expected, found["sentiment"], strict=True)) == expected


def test_each_complaint_after_a_praise_makes_it_worse(sentences: SentenceEncoder) -> None:
    texts = [PRAISE, f"{PRAISE} {BLAME}", f"{PRAISE} {BLAME} {MORE_BLAME}"]
    best, middle, worst = find_sentiment(frame(texts), sentences)["sentiment_score"]
    assert best > middle > worst
    assert best > 0 > worst


def test_only_texts_of_several_sentences_are_encoded_again() -> None:
    plain = LetterEncoder()
    three, two = f"{PRAISE} {BLAME} {PRAISE}", f"{PRAISE} {BLAME}"
    items = frame([PRAISE, "Awful. Thanks!", three, two, "no end, no stop", None])
    vectors = plain.encode(items["text"].tolist())
    find_sentiment(items.head(0), counting := _Counting(plain), vectors=vectors[:0])
    anchors = len(counting.given)
    find_sentiment(items, counting, vectors=vectors)
    assert counting.given[2 * anchors :] == [PRAISE, BLAME, PRAISE]


def test_a_text_is_scored_alike_alone_among_thousands_of_sentences_and_in_any_order() -> None:
    plain = LetterEncoder()
    parts = [PRAISE, BLAME, MORE_BLAME, "We have twelve users.", "Não recomendo, veio com defeito."]
    texts = [" ".join(f"{parts[(row + n) % 5]} ({row % 7})" for n in range(row % 9)) for row in range(700)]
    items = frame(texts)
    whole = find_sentiment(items, plain)
    shuffled = find_sentiment(items.sample(frac=1, random_state=3), plain)
    pd.testing.assert_frame_equal(
        whole, shuffled.sort_values("feedback_id", key=lambda ids: ids.astype("int"), ignore_index=True)
    )
    pd.testing.assert_frame_equal(whole.tail(9).reset_index(drop=True), find_sentiment(items.tail(9), plain))


@pytest.mark.parametrize("text", [None, "", "   \n ", "😀😀😀", "?!... !!", 7])
def test_what_has_no_words_has_no_sentiment(text: object) -> None:
    found = find_sentiment(frame([text]), LetterEncoder())
    assert found["sentiment"].isna().all()
    assert found[["sentiment_score", "confidence"]].to_numpy().tolist() == [[0.0, 0.0]]


def test_a_text_without_end_is_read_as_far_as_it_is_encoded() -> None:
    plain = LetterEncoder()
    start = f"{PRAISE} {BLAME} " + "We have twelve users. " * 60
    endless = start + f"{BLAME} " * 20_000
    counting = _Counting(plain)
    assert score(endless, counting) == score(start, plain)
    assert max(len(text) for text in counting.given if text != endless) < 200
