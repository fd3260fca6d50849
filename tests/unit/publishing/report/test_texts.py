"""The catalogues of texts: every language says the same things."""

from __future__ import annotations

import csv
import string
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from orchestration.publishing.report import texts
from orchestration.publishing.report.drawing import localised
from orchestration.publishing.report.formats import Formats
from orchestration.publishing.report.published import FILLED_BY, tamed
from orchestration.publishing.report.texts import Texts, languages

FOLDER = Path(texts.__file__).parent


def flat(tree: dict[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from flat(value, f"{path}{key}.")
        else:
            yield path + key, value


def catalogue(language: str) -> dict[str, Any]:
    return dict(flat(yaml.safe_load((FOLDER / f"{language}.yml").read_text(encoding="utf-8"))))


def places(text: Any) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(str(text)) if name}


def test_there_is_english_and_portuguese() -> None:
    assert {"en", "pt"} <= set(languages())


@pytest.mark.parametrize("language", [one for one in languages() if one != "en"])
def test_a_catalogue_has_the_same_keys_and_places_to_fill(language: str) -> None:
    english, other = catalogue("en"), catalogue(language)
    assert set(english) == set(other)
    for key, text in english.items():
        assert places(text) == places(other[key]), key
        assert other[key] not in ("", None), key


def test_what_fills_a_table_is_said() -> None:
    for key in set(FILLED_BY.values()):
        assert Texts("en").has(f"filled_by.{key}"), key


def test_names_of_metrics_are_translated_for_the_metrics_that_there_are() -> None:
    metrics = FOLDER.parents[3] / "dbt_project" / "seeds" / "reference" / "metrics.csv"
    known = yaml.safe_load((FOLDER / "published" / "pt.yml").read_text(encoding="utf-8"))["metrics"]
    with metrics.open(encoding="utf-8") as file:
        assert {row["metric_id"] for row in csv.DictReader(file)} == set(known)
    for said in known.values():
        assert set(said) == {"name", "question", "definition", "leaves_out"}


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        (9_120, "USD", "US$\xa09.120"),
        (158_234, "BRL", "R$\xa0158,2\xa0mil"),
        (1_240_000, "EUR", "€\xa01,24\xa0mi"),
        (-4_200, "BRL", "−R$\xa04.200"),
        (2_500_000_000, "CHF", "CHF\xa0\xa02,50\xa0bi"),
    ],
)
def test_money_in_portuguese(amount: float, currency: str, text: str) -> None:
    assert Formats(Texts("pt").conventions(), currency).money(amount) == text


def test_days_and_numbers_in_portuguese() -> None:
    formats = Formats(Texts("pt").conventions())
    assert formats.day(date(2026, 10, 5)) == "5 out 2026"
    assert formats.month(date(2026, 9, 1)) == "set/2026"
    assert formats.moment(datetime(2026, 10, 5, 6, 0)) == "5 out 2026, 06:00 UTC"
    assert formats.number(1234567.891, 1) == "1.234.567,9"
    assert formats.percent(0.8934) == "89,3%"


def test_axes_are_written_in_the_language_and_values_are_left_alone() -> None:
    drawn = (
        '<g class="mark-text role-axis-label"><text>May 25</text><text>5 Oct</text><text>−2.5k</text></g>'
        '<g class="mark-text role-mark"><text>1.234</text></g>'
    )
    assert localised(drawn, Texts("pt").conventions()) == (
        '<g class="mark-text role-axis-label"><text>mai/25</text><text>5 out</text><text>−2,5k</text></g>'
        '<g class="mark-text role-mark"><text>1.234</text></g>'
    )
    assert localised(drawn, Texts("en").conventions()) == drawn
    nought = '<g class="mark-text role-axis-label"><text>0k</text><text>+0</text></g>'
    assert localised(nought, Texts("en").conventions()).count(">0<") == 2


def test_texts_from_outside_are_one_line_of_bearable_length_without_hidden_marks() -> None:
    assert tamed("a\u202eb\u2066c\x00d\n e\tf") == "abcd e f"
    assert len(tamed("x" * 5_000)) == 160 and tamed("x" * 5_000).endswith("…")
    assert tamed("Ação 🇧🇷 ok") == "Ação 🇧🇷 ok"
    assert tamed("https://example.com/" + "y" * 500) == "https://example.com/" + "y" * 500


def test_reasons_of_the_engine_are_told_in_the_language_with_their_numbers() -> None:
    portuguese = Texts("pt")
    assert portuguese.reason("3 of 8 complete weeks after the last enrolment week") == (
        "3 de 8 semanas completas depois da última semana de entrada"
    )
    assert portuguese.reason("within 8 weeks of another release: sso, audit") == (
        "a menos de 8 semanas de outro lançamento: sso, audit"
    )
    assert portuguese.reason("something that nobody has translated") == "something that nobody has translated"
    assert Texts("en").reason("too few answers") == "too few answers"
    assert portuguese.reason(None) == ""
