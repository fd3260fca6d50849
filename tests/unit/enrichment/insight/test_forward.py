"""The sentence encoder's sums: the package's vectors, whatever a text comes together with."""

from __future__ import annotations

import random

import numpy as np
import pytest

from ingestion.enrichment.insight import forward
from ingestion.enrichment.insight.encode import SentenceEncoder
from ingestion.enrichment.insight.text import encoded_text
from tests.bench.insight.generated import sentences

TEXTS = [
    "x",
    "two words",
    "a relatório não abre " * 20,
    "zx qj 0 1 2 3 4 5 6 7 8 9 " * 20,
    *(sentences(language, random.Random(at)) for at in range(60) for language in ("en", "pt")),
]


@pytest.fixture(scope="module")
def encoder() -> SentenceEncoder:
    return SentenceEncoder()


def test_vectors_are_those_of_the_package(encoder: SentenceEncoder) -> None:
    texts = [encoded_text(text) for text in TEXTS]
    found = encoder.encode(TEXTS)
    told = encoder._model.encode(texts)
    assert np.abs(found - told / np.linalg.norm(told, axis=1, keepdims=True)).max() < 1e-3


def test_neighbours_and_forgotten_tokens_change_no_bit(
    encoder: SentenceEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = encoder.encode(TEXTS)
    order = random.Random(5).sample(range(len(TEXTS)), k=len(TEXTS))
    assert np.array_equal(encoder.encode([TEXTS[at] for at in order]), whole[order])
    assert all(np.array_equal(encoder.encode([TEXTS[at]])[0], whole[at]) for at in range(8))
    monkeypatch.setattr(forward, "_HELD_TOKENS", 500)
    monkeypatch.setattr(forward, "_KNOWN_TOKENS", 500)
    assert np.array_equal(encoder.encode(TEXTS), whole)
