"""The bench's page: every figure with its bar beside it.

Belongs here: bars, sources of the sets, the README's text. Does not belong here: measuring (`measure.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

PAGE = Path(__file__).with_name("README.md")
# (measured, set, seed, figure, value); the set is empty for what is generated.
Figure = tuple[str, str, str, str, float]

SOURCES = {
    "banking77": "PolyAI-LDN/task-specific-datasets (CC BY 4.0), 77 intents of bank customers, English",
    "clinc150": "clinc/oos-eval (CC BY 3.0), 150 intents, English; `outside` are its texts of no intent",
    "hwu64": "xliuhw/NLU-Evaluation-Data (CC BY 4.0), intents with 40 texts and more, English",
    "cosibot_pt": "cosibot/cosibot-portugal-portuguese, a chatbot's training texts, 97 intents, Portugal",
    "tais_pt": "lappis-unb/tais, a chatbot's training texts, 64 intents, Brazil",
    "uci_en": "Sentiment Labelled Sentences (amazon, yelp, imdb), English",
    "alexa_en": "reviews of a loudspeaker in a shop, 1-2 stars against as many of 4-5, English",
    "airline_en": "tweets to airlines labelled by people (confidence from .9), half and half, English",
    "sst2_en": "Stanford Sentiment Treebank, phrases of film critics, English: far from feedback",
    "olist_pt": "reviews in Brazilian shops (Olist), 1-2 stars against 4-5",
    "books_pt": "larifeliciana/books-reviews-portuguese, reviews of books, below 3 stars against above",
}
# Of which sets the texts were seen while anchors, words and models were chosen; of the others figures alone,
# for themes with other samples of examples.
SEEN = dict.fromkeys(("banking77", "clinc150", "uci_en", "olist_pt"), "texts and figures")

_INTRODUCTION = """# Bench of the insight engine

`make bench-insight SETS=<folder>` measures and writes this page; without `SETS` only what is generated is
measured, and shown without touching the page.
`<folder>` holds `<name>_train.csv` and `<name>_test.csv` (text, label), `<name>_outside.csv` for texts of no
label and `<name>_sentiment.csv` (text, is_positive). The public sets are no part of this project. Several
seeds are given as their mean and, in brackets, the least and the greatest; a bar holds where the mean does.
"""


def bar(measured: str, name: str, figure: str) -> tuple[float, bool] | None:
    """The bar of a figure and whether it is a least value; None where it has none."""
    if measured == "themes" and figure == "accuracy":
        least = {"banking77": 0.82, "clinc150": 0.88}.get(name, 0.82 if name.endswith("_pt") else None)
        return None if least is None else (least, True)
    if measured == "sentiment" and figure == "positive/negative accuracy":
        return (0.87 if name.endswith("_pt") else 0.86, True)
    if measured == "redaction":
        return None if figure.startswith("name") else (0.99, True)
    if measured == "discovery" and name != "banking77":
        return None
    return {
        ("texts of no theme", "AUROC"): (0.95, True),
        ("discovery", "adjusted Rand"): (0.475, True),
        ("discovery", "same on a second run"): (1.0, True),
        ("duplicates", "precision"): (0.93, True),
        ("duplicates", "recall"): (0.85, True),
        ("spikes", "false alarms per week"): (0.15, False),
        ("spikes", "bursts of x3 found"): (0.85, True),
        ("new themes", "new themes of 4 a day found in 3 days"): (0.83, True),
        ("new themes", "false alarms per week"): (0.5, False),
        ("all stages", "CPU seconds per 100,000 texts"): (250.0, False),
        ("all stages", "peak MB of the process"): (850.0, False),
        ("all stages", "shuffled is the same"): (1.0, True),
        ("all stages", "incremental is the same"): (1.0, True),
    }.get((measured, figure))


def page(figures: Sequence[Figure], encoder: str) -> str:
    """The README's text."""
    lines = [_INTRODUCTION, f"Vectors: `{encoder}`.", ""]
    lines += ["| measured | on | figure | value | bar | holds |", "|---|---|---|---|---|---|"]
    grouped: dict[tuple[str, str, str], list[float]] = {}
    for measured, name, _, figure, value in figures:
        grouped.setdefault((measured, name, figure), []).append(value)
    for (measured, name, figure), values in grouped.items():
        mean = sum(values) / len(values)
        shown = _number(mean)
        if len(values) > 1 and max(values) > min(values):
            shown += f" ({_number(min(values))} to {_number(max(values))})"
        wanted = bar(measured, name, figure)
        at, holds = "", ""
        if wanted is not None:
            limit, is_least = wanted
            at = ("at least " if is_least else "at most ") + _number(limit)
            holds = "yes" if (mean >= limit if is_least else mean <= limit) else "no"
        lines.append(f"| {measured} | {name or 'generated'} | {figure} | {shown} | {at} | {holds} |")
    used = [name for name in SOURCES if any(name == given for _, given, *_ in figures)]
    if used:
        lines += ["", "## Sets", "", "| set | source | seen while methods were chosen |", "|---|---|---|"]
        lines += [f"| {name} | {SOURCES[name]} | {SEEN.get(name, 'figures')} |" for name in used]
    return "\n".join(lines) + "\n"


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 20 else f"{value:.3f}".rstrip("0").rstrip(".")
