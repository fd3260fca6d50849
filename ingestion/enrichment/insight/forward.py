"""The sentence encoder's sums, arranged so that what depends on a token alone is computed once per token.

Belongs here: from tokens to vectors with the package's weights. Does not belong here: tokens, what a text is
cut to, and what is done with vectors (`encode.py`).

The network looks at each token, at its neighbours within two, four and eight places, and at the mean of all.
Its first two layers are sums over tokens of a text that know nothing but the token: they are tables here, of
the tokens that come up, and a little more than a third of the products is left. Products are always of one
and the same shape, as their last bits differ with the number of rows: a text's vector is the same whatever
it is encoded together with.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any

import numpy as np
from scipy.sparse import csr_array

# Rows of every product over tokens, and over texts.
_TOKEN_ROWS = 384
_TEXT_ROWS = 32
# Tokens whose neighbourhoods are held at a time, and different tokens whose sums are (13 KB each).
_HELD_TOKENS = 4 * _TOKEN_ROWS
_KNOWN_TOKENS = 4_096
_EMBEDDED = 512
_WIDTH = 256
# Places to the left, and how many places in all, of each of the three neighbourhoods.
_REACHES = ((0, 2), (1, 3), (2, 5))


class ForwardPass:
    """Universal Sentence Encoder multilingual v3 with the weights that the package has read.

    Arguments:
        backend: the package's model; its attributes are those of the tested version.
    """

    def __init__(self, backend: Any) -> None:
        self._weights = backend
        # Products of one token with each place of a neighbourhood, side by side.
        self._first = [
            np.ascontiguousarray(
                weights.reshape(places, _WIDTH, _WIDTH).transpose(1, 0, 2).reshape(_WIDTH, -1)
            )
            for weights, (_, places) in zip(backend.w1, _REACHES, strict=True)
        ]

    def vectors(self, texts: Sequence[Sequence[int]]) -> np.ndarray:
        """float32[n, 512] of texts given as their tokens, each at least one."""
        found = np.empty((len(texts), _EMBEDDED), dtype=np.float32)
        sums = np.ones((_TEXT_ROWS, _EMBEDDED + len(_REACHES) * _WIDTH), dtype=np.float32)
        lengths = np.ones(_TEXT_ROWS, dtype=np.float32)
        known = _KnownTokens(self._weights, self._first)
        waiting = 0
        for run in _runs(texts):
            known.learn(set(chain.from_iterable(texts[run.start : run.stop])))
            for part in _parts(texts, run):
                for at, row in zip(part, self._summed(texts[part.start : part.stop], known), strict=True):
                    sums[waiting], lengths[waiting] = row, len(texts[at])
                    waiting += 1
                    if waiting == _TEXT_ROWS or at == len(texts) - 1:
                        found[at + 1 - waiting : at + 1] = self._told(sums, lengths)[:waiting]
                        waiting = 0
        return found

    def _summed(self, texts: Sequence[Sequence[int]], known: _KnownTokens) -> np.ndarray:
        """The sum over each text's tokens of what each is among its neighbours."""
        model = self._weights
        count = sum(map(len, texts))
        sizes = np.fromiter(map(len, texts), dtype=np.int64, count=len(texts))
        starts = np.concatenate(([0], np.cumsum(sizes)[:-1]))
        tokens = np.fromiter(chain.from_iterable(texts), dtype=np.int64, count=count)
        rows = known.row[tokens]
        rows_full = -(-count // _TOKEN_ROWS) * _TOKEN_ROWS
        first, last = np.repeat(starts, sizes), np.repeat(starts + sizes, sizes)
        features = np.empty((count, _EMBEDDED + len(_REACHES) * _WIDTH), dtype=np.float32)
        chunk = tokens % len(model.scale)
        embedded = features[:, :_EMBEDDED]
        np.copyto(embedded, model.table[tokens])
        embedded *= model.scale[chunk, None]
        embedded += model.lo[chunk, None]
        part = np.empty((count, _WIDTH), dtype=np.float32)
        # The last row is 0: what stands beyond the ends of a text.
        inner = np.zeros((rows_full + 1, _WIDTH), dtype=np.float32)
        beyond = np.full((rows_full, 5), rows_full, dtype=np.int64)
        for at, (left, places) in enumerate(_REACHES):
            near = beyond[:, :places]
            near[:] = rows_full
            of_block = inner[:count]
            of_block[:] = 0.0
            for place in range(places):
                where = np.arange(count) + (place - left)
                is_inside = (where >= first) & (where < last)
                near[:count, place] = np.where(is_inside, where, rows_full)
                sources = np.where(is_inside, rows[np.clip(where, 0, count - 1)], known.nothing)
                np.take(known.places[at][place], sources, axis=0, out=part, mode="clip")
                of_block += part
            np.maximum(of_block, 0, out=of_block)
            np.take(known.own[at], rows, axis=0, out=part, mode="clip")
            of_block += part
            column = _EMBEDDED + at * _WIDTH
            for row in range(0, count, _TOKEN_ROWS):
                windows = np.take(inner, near[row : row + _TOKEN_ROWS], axis=0, mode="clip")
                outer = windows.reshape(_TOKEN_ROWS, places * _WIDTH) @ model.w2[at]
                outer += model.b2[at]
                np.maximum(outer, 0, out=outer)
                upto = min(row + _TOKEN_ROWS, count)
                np.add(outer[: upto - row], inner[row:upto], out=features[row:upto, column : column + _WIDTH])
        _normalise(features, model.eps)
        ends = np.concatenate((starts, [count]))
        of_text = csr_array((np.ones(count, dtype=np.float32), np.arange(count), ends))
        summed = np.asarray(of_text @ features)
        # Gain and offset are the same for each token.
        summed *= model.ln_g
        summed += sizes.astype(np.float32)[:, None] * model.ln_b
        return summed

    def _told(self, sums: np.ndarray, lengths: np.ndarray) -> np.ndarray:
        """The vectors of as many texts as fit in one product."""
        model = self._weights
        mean = sums @ model.cnn_W
        mean += lengths[:, None] * model.cnn_b
        mean *= np.reciprocal(np.sqrt(lengths))[:, None]
        narrow = np.maximum(mean @ model.d0, 0)
        middle = mean @ model.p1
        middle += narrow @ model.d1
        np.maximum(middle, 0, out=middle)
        found = middle @ model.p3
        found += np.maximum(middle @ model.d2, 0) @ model.d3
        np.tanh(found, out=found)
        return np.asarray(found)


class _KnownTokens:
    """What the first layers say of each token of a run of texts, by row.

    Attributes:
        nothing: the row of a place beyond the ends of a text.
        row: of each token of the vocabulary, -1 where it is not known.
        own: per neighbourhood, what the token is: float32[rows, width].
        places: per neighbourhood and place, what it adds to a neighbourhood in which it stands there.
    """

    def __init__(self, weights: Any, first: list[np.ndarray]) -> None:
        self._weights = weights
        self._first = first
        self._token = np.full(_KNOWN_TOKENS, -1, dtype=np.int64)
        self.nothing = _KNOWN_TOKENS
        self.row = np.full(len(weights.table), -1, dtype=np.int64)
        shape = (_KNOWN_TOKENS + 1, _WIDTH)
        self.own = [np.zeros(shape, dtype=np.float32) for _ in _REACHES]
        self.places = [[np.zeros(shape, dtype=np.float32) for _ in range(places)] for _, places in _REACHES]

    def learn(self, tokens: set[int]) -> None:
        """Know at least these tokens; new ones take the rows of those that are not among them."""
        wanted = np.sort(np.fromiter(tokens, dtype=np.int64, count=len(tokens)))
        new = wanted[self.row[wanted] < 0]
        rows = np.flatnonzero(~np.isin(self._token, wanted))[: len(new)]
        left = self._token[rows]
        self.row[left[left >= 0]] = -1
        self._token[rows] = new
        self.row[new] = rows
        for start in range(0, len(new), _TOKEN_ROWS):
            part = slice(start, start + _TOKEN_ROWS)
            self._compute(new[part], rows[part])

    def _compute(self, tokens: np.ndarray, rows: np.ndarray) -> None:
        model = self._weights
        full = np.zeros(_TOKEN_ROWS, dtype=np.int64)
        full[: len(tokens)] = tokens
        chunk = full % len(model.scale)
        embedded = model.table[full].astype(np.float32)
        embedded *= model.scale[chunk, None]
        embedded += model.lo[chunk, None]
        found = embedded @ model.proj_W
        found += model.proj_b
        _normalise(found, model.eps)
        found *= model.ln_g_all
        found += model.ln_b_all
        for at, (left, places) in enumerate(_REACHES):
            own = np.ascontiguousarray(found[:, at * _WIDTH : (at + 1) * _WIDTH])
            told = own @ self._first[at]
            # The token's own place is never beyond an end.
            told[:, left * _WIDTH : (left + 1) * _WIDTH] += model.b1[at]
            self.own[at][rows] = own[: len(tokens)]
            for place in range(places):
                self.places[at][place][rows] = told[: len(tokens), place * _WIDTH : (place + 1) * _WIDTH]


def _runs(texts: Sequence[Sequence[int]]) -> Iterator[range]:
    """Texts one after another that have no more different tokens than can be known."""
    start, different = 0, set[int]()
    for at, text in enumerate(texts):
        new = set(text) - different
        if len(different) + len(new) > _KNOWN_TOKENS:
            yield range(start, at)
            start, different, new = at, set(), set(text)
        different |= new
    if start < len(texts):
        yield range(start, len(texts))


def _parts(texts: Sequence[Sequence[int]], run: range) -> Iterator[range]:
    """A run in parts of as many tokens as are held."""
    start, held = run.start, 0
    for at in run:
        if at > start and held + len(texts[at]) > _HELD_TOKENS:
            yield range(start, at)
            start, held = at, 0
        held += len(texts[at])
    yield range(start, run.stop)


def _normalise(values: np.ndarray, least: float) -> None:
    """Each row to mean 0 and variance 1, in place."""
    values -= values.mean(axis=-1, keepdims=True)
    spread = np.einsum("ij,ij->i", values, values) / values.shape[-1]
    values *= np.reciprocal(np.sqrt(spread + least))[:, None]
