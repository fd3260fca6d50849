"""`python -m tests.bench.insight [--sets FOLDER]`: how good the insight engine is.

With sets it writes the page beside it; without, what is generated alone is shown and no page is touched.
FOLDER may hold sets of text with a label: `<name>_train.csv` and `<name>_test.csv` (themes, with
`<name>_outside.csv` for texts of none) and `<name>_sentiment.csv` (text, is_positive). Public ones are no
part of this project.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from ingestion.enrichment.insight.encode import Encoder, encoder
from tests.bench.insight import generated, measure
from tests.bench.insight.page import PAGE, Figure, page


class _Remembering:
    """An encoder that encodes the texts of a set once, for all that is measured on it."""

    def __init__(self, inner: Encoder) -> None:
        self._inner = inner
        self._known: dict[str, np.ndarray] = {}
        self.model_id, self.dimensions = inner.model_id, inner.dimensions
        self.is_semantic, self.note, self.caveat = inner.is_semantic, inner.note, inner.caveat

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """See `Encoder.encode`."""
        new = [text for text in dict.fromkeys(texts) if text not in self._known]
        if new:
            self._known.update(zip(new, self._inner.encode(new).astype(np.float16), strict=True))
        if not len(texts):
            return self._inner.encode([])
        return np.stack([self._known[text] for text in texts]).astype(np.float32)


class _Results:
    """What was measured, shown as it comes."""

    def __init__(self) -> None:
        self.figures: list[Figure] = []

    def add(self, measured: str, name: str, seed: int | None, rows: measure.Rows) -> None:
        told = "" if seed is None else str(seed)
        sys.stdout.write(" ".join(part for part in (measured, name, told) if part) + "\n")
        sys.stdout.write("".join(f"  {figure:<44}{value:>10.3f}\n" for figure, value in rows))
        sys.stdout.flush()
        self.figures.extend((measured, name, told, figure, value) for figure, value in rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sets", type=Path, help="folder with labelled sets")
    parser.add_argument("--seeds", type=int, nargs="+", default=[21, 22, 23])
    parser.add_argument("--texts", type=int, default=5_000, help="size of the run over all stages")
    parser.add_argument("--encoder", default="", help="sentences or fallback")
    parser.add_argument(
        "--page", type=Path, help="where the page is written; with sets by default the README beside this"
    )
    given = parser.parse_args()
    plain = encoder(given.encoder)
    results = _Results()

    # First, so that the memory is that of this run alone.
    results.add("all stages", "", None, _all_stages(given.texts, given.seeds[0], plain))
    for seed in given.seeds:
        results.add("duplicates", "", seed, measure.duplicates(seed))
        results.add("redaction", "", seed, measure.redaction(seed))
    results.add("spikes", "", None, measure.spikes(range(given.seeds[0], given.seeds[0] + 8)))
    for path in sorted(given.sets.glob("*_train.csv")) if given.sets else []:
        _themes(path, given.seeds, _Remembering(plain), results)
    for path in sorted(given.sets.glob("*_sentiment.csv")) if given.sets else []:
        name = path.name.removesuffix("_sentiment.csv")
        results.add("sentiment", name, None, measure.sentiment(_read(path), plain))
    found = page(results.figures, plain.model_id)
    place = given.page or (PAGE if given.sets else None)
    if place is None:
        # A page of generated rows alone would take the place of one with all figures.
        sys.stdout.write(f"\n{found}")
    else:
        place.write_text(found, encoding="utf-8")


def _themes(path: Path, seeds: Sequence[int], model: Encoder, results: _Results) -> None:
    name = path.name.removesuffix("_train.csv")
    train, test = _read(path), _read(path.with_name(f"{name}_test.csv"))
    beyond = path.with_name(f"{name}_outside.csv")
    outside = _read(beyond) if beyond.exists() else None
    strangers = "themes held out" if outside is None else "texts of no theme"
    for seed in seeds:
        results.add("themes", name, seed, measure.few_shot(train, test, model, seed))
        results.add(strangers, name, seed, measure.strangers(train, test, model, seed, outside))
    results.add("two themes in one text", name, None, measure.multi_label(test, train, model, seeds[0]))
    results.add("discovery", name, None, measure.discovery(test, model))
    if len(test) > 60 * 63 + 12:
        for seed in seeds:
            results.add("new themes", name, seed, measure.emerging(test, model, seed))


def _all_stages(count: int, seed: int, model: Encoder) -> measure.Rows:
    rng = generated.random.Random(seed)
    payloads = [
        {
            "id": theme.theme_id,
            "name": theme.name,
            "status": "active",
            "any": list(theme.rules),
            "examples": [text for language in ("en", "pt") for text in theme.sentences[language]],
        }
        for theme in generated.THEMES
    ]
    texts = [generated.sentences(rng.choice(["en", "pt"]), rng) for _ in range(count)]
    return measure.whole(texts, measure.taxonomy_of_payloads(payloads), model)


def _read(path: Path) -> pd.DataFrame:
    frame = pd.read_csv(path)
    frame = frame[frame["text"].notna()].reset_index(drop=True)
    for other in ("category", "intent"):
        frame = frame.rename(columns={other: "label"}) if "label" not in frame.columns else frame
    if "label" in frame.columns:
        # Labels become ids of themes.
        frame["label"] = frame["label"].astype("str").str.replace(r"[^A-Za-z0-9_.-]+", "", regex=True)
    return frame


if __name__ == "__main__":
    main()
