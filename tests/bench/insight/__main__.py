"""`python -m tests.bench.insight [--sets FOLDER]`: how good the insight engine is.

FOLDER may hold sets of text with a label: `<name>_train.csv` and `<name>_test.csv` (themes, with
`<name>_outside.csv` for texts of none) and `<name>_sentiment.csv` (text, is_positive). Public ones are no
part of this project.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import pandas as pd

from ingestion.enrichment.insight.encode import encoder
from tests.bench.insight import generated, measure


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sets", type=Path, help="folder with labelled sets")
    parser.add_argument("--seeds", type=int, nargs="+", default=[7, 11, 23])
    parser.add_argument("--texts", type=int, default=5_000, help="size of the run over all stages")
    parser.add_argument("--encoder", default="", help="sentences or fallback")
    given = parser.parse_args()
    model = encoder(given.encoder)

    for seed in given.seeds:
        _show(f"duplicates, generated, seed {seed}", measure.duplicates(seed))
        _show(f"redaction, generated, seed {seed}", measure.redaction(seed))
    _show("spikes, generated", measure.spikes(range(given.seeds[0], given.seeds[0] + 8)))
    for path in sorted(given.sets.glob("*_train.csv")) if given.sets else []:
        name = path.name.removesuffix("_train.csv")
        train, test = _read(path), _read(path.with_name(f"{name}_test.csv"))
        beyond = path.with_name(f"{name}_outside.csv")
        outside = _read(beyond) if beyond.exists() else None
        for seed in given.seeds:
            _show(f"themes, {name}, seed {seed}", measure.few_shot(train, test, model, seed))
            _show(f"strangers, {name}, seed {seed}", measure.strangers(train, test, model, seed, outside))
        _show(f"two themes in one text, {name}", measure.multi_label(test, train, model, given.seeds[0]))
        _show(f"discovery, {name}", measure.discovery(test, model))
    for path in sorted(given.sets.glob("*_sentiment.csv")) if given.sets else []:
        _show(f"sentiment, {path.stem}", measure.sentiment(_read(path), model))

    rng = generated.random.Random(given.seeds[0])
    themes = generated.THEMES
    payloads = [
        {
            "id": theme.theme_id,
            "name": theme.name,
            "status": "active",
            "any": list(theme.rules),
            "examples": [text for language in ("en", "pt") for text in theme.sentences[language]],
        }
        for theme in themes
    ]
    texts = [generated.sentences(rng.choice(["en", "pt"]), rng) for _ in range(given.texts)]
    taxonomy = measure.taxonomy_of_payloads(payloads)
    _show("all stages, generated", measure.whole(texts, taxonomy, model))


def _read(path: Path) -> pd.DataFrame:
    frame = pd.read_csv(path)
    for other in ("category", "intent"):
        frame = frame.rename(columns={other: "label"}) if "label" not in frame.columns else frame
    if "label" in frame.columns:
        # Labels become ids of themes.
        frame["label"] = frame["label"].astype("str").str.replace(r"[^A-Za-z0-9_.-]+", "", regex=True)
    return frame


def _show(title: str, rows: measure.Rows) -> None:
    sys.stdout.write(f"{title}\n" + "".join(f"  {name:<44}{value:>10.3f}\n" for name, value in rows))
    sys.stdout.flush()


if __name__ == "__main__":
    main()
